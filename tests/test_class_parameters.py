"""The table of CLASS's parameters knows the CLASS that is installed."""
from __future__ import annotations

import re
from pathlib import Path

import classy
import pytest
from classy import Class

from cosmicnet.class_parameters import CLASS_PARAMETERS, acts_on_sources, parameter_of

# precisions.h names them in comments or for file names only
NOT_PRECISION = {"NAME", "safe_phi_scf", "recfast_H_frac"}


def precision_parameters() -> set[str]:
    text = (Path(classy.__file__).parent / "include" / "precisions.h").read_text(encoding="utf-8", errors="replace")
    return set(re.findall(r"class_\w+_parameter\((\w+)", text)) - NOT_PRECISION


def test_every_precision_parameter_of_this_class_has_an_entry() -> None:
    assert {p.name for p in CLASS_PARAMETERS.values() if p.kind == "precision"} == precision_parameters()


@pytest.mark.parametrize(("name", "finer"), [("l_max_g", "larger"), ("tol_perturbations_integration", "smaller"),
                                             ("evolver", "")])
def test_direction_of_refinement(name: str, finer: str) -> None:
    assert CLASS_PARAMETERS[name].finer == finer


def test_a_parameter_that_the_table_does_not_know_acts_on_sources() -> None:
    assert acts_on_sources("made_up") and acts_on_sources("l_max_g") and not acts_on_sources("l_logstep")


def test_equivalents_lead_to_their_parameter() -> None:
    assert parameter_of("100*theta_s") is CLASS_PARAMETERS["H0"]
    assert parameter_of("sigma8") is CLASS_PARAMETERS["A_s"]


def test_parameters_of_later_modules() -> None:
    """With sigma8 in place of A_s, CLASS has to search; A_L scales a spectrum."""
    later = Class.parameters_of_later_modules()
    assert {"A_s", "ln10^{10}A_s", "n_s", "A_L", "HMcode_version"} <= later
    assert later.isdisjoint({"sigma8", "S8", "H0", "tau_reio", "l_max_scalars"})


def test_settings_of_any_massive_species() -> None:
    assert parameter_of("deg_ncdm_3") is CLASS_PARAMETERS["deg_ncdm"]
    assert parameter_of("m_ncdm_in_eV_2") is CLASS_PARAMETERS["m_ncdm"]
    assert parameter_of("ncdm_input_q_size_2") is None
