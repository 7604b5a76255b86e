"""The guard: CLASS's numbers are compared with those that the parameters imply, so that other physics is noticed."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from synthetic import RUNNING, make_network_set

from cosmicnet.background import Background
from cosmicnet.coverage import why_not_covered
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet, load_network_set
from cosmicnet.training.fields.guard import GUARDED, fit_guard
from cosmicnet.training.one_level.fit_set import GUARDED_OTHERWISE, guarded_numbers

pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

FLUID: dict[str, Any] = {
    "omega_b": 0.0224, "omega_cdm": 0.119, "H0": 68.0, "tau_reio": 0.06, "N_ur": 0.00641, "N_ncdm": 1, "deg_ncdm": 3,
    "m_ncdm": 0.05, "Omega_Lambda": 0, "w0_fld": -0.8, "wa_fld": 0.0, "use_ppf": "yes", "output": "tCl,pCl,lCl,mPk",
    "lensing": "yes",
}
LCDM: dict[str, Any] = {
    "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06,
    "output": "tCl,mPk"}


def why_not(parameters: dict[str, Any], name: str) -> list[str]:
    """Why a shipped set does not cover these parameters; integrates nothing."""
    settings = {key: value for key, value in parameters.items() if value is not None}
    answer = at_request(settings, lambda request: list(why_not_covered(request, load_network_set(name),
                                                                       running_class())))
    assert answer is not None
    return answer


@pytest.mark.parametrize("beside", [{"Omega_Lambda": 0.5}, {"Omega_Lambda": 0.2}, {"Omega_Lambda": 0.01},
                                    {"Omega_Lambda": -0.2}, {"Omega_Lambda": None, "Omega_fld": 0.6}])
def test_a_cosmological_constant_beside_the_fluid_is_refused(beside: dict[str, Any]) -> None:
    assert any("Omega_Lambda beside a fluid" in reason for reason in why_not(FLUID | beside, "standard"))


@pytest.mark.parametrize("changes", [{}, {"w0_fld": -1.2, "wa_fld": 0.5}, {"w0_fld": -0.5, "wa_fld": -2.4}, {
    "m_ncdm": 0.19, "w0_fld": -1.0, "wa_fld": -1.9}])
def test_a_fluid_alone_is_covered(changes: dict[str, Any]) -> None:
    """Also where w was far below -1, and CLASS's own density of the fluid is off by 1e-3."""
    assert why_not(FLUID | {"H0": 65.0} | changes, "standard") == []


def test_coarser_precision_is_covered_and_finer_is_refused_by_name() -> None:
    assert why_not(LCDM | {"l_max_g": 8, "tol_perturbations_integration": 1e-4}, "lcdm") == []
    assert why_not(LCDM | {"l_max_g": 40}, "lcdm") == []
    assert why_not(LCDM | {"l_max_g": 50}, "lcdm") == [
        "precision parameter l_max_g = 50, but the networks were trained with 40"]
    assert len(why_not(LCDM | {"evolver": 0}, "lcdm")) == 1


def test_one_cause_is_one_reason() -> None:
    assert why_not({**LCDM, "N_ncdm": 0, "m_ncdm": None, "N_ur": 3.044}, "lcdm") == []
    two = {**LCDM, "N_ncdm": 2, "m_ncdm": "0.03,0.03", "N_ur": 1.02}
    assert why_not(two, "lcdm") == ["N_ncdm = 2 is outside [0, 1]"]


def test_expansion_is_that_of_class_for_curved_space_and_any_neutrinos() -> None:
    parameters = {**FLUID, "Omega_k": -0.05, "N_ncdm": 3, "deg_ncdm": "1,1,2", "m_ncdm": "0.01,0.1,0.4",
                  "T_ncdm": "0.71611,0.6,0.71611", "wa_fld": -0.3, "T_cmb": 2.71}

    def compare(request: Any) -> tuple[float, float]:
        tau, _ = Background.of({**request.setup, **request.cosmology}).times(request.history["scale_factor"])
        return float(np.max(np.abs(np.diff(tau) / np.diff(request.tau) - 1.0))), abs(tau[-1] / request.tau[-1] - 1.0)

    errors = at_request(parameters, compare)
    assert errors is not None and max(errors) < 1e-6


@pytest.mark.parametrize("h0", [58.5, 67.4, 79.5])
def test_the_stated_limit_in_k_holds_at_every_h0(h0: float) -> None:
    parameters = {**LCDM, "H0": h0, "output": "mPk", "P_k_max_1/Mpc": 103.0}
    assert why_not(parameters, "lcdm") == []
    reason, = why_not({**parameters, "P_k_max_1/Mpc": 140.0}, "lcdm")
    assert "up to 103 are covered" in reason


TRAINED: dict[str, Any] = {
    "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308, "output": "tCl,pCl,lCl,mPk", "lensing": "yes",
    "reio_parametrization": "reio_none"}
PLANCK: dict[str, Any] = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4}


@pytest.mark.parametrize("more", [
    {"N_idr": 0.3}, {"ksi_ncdm": 0.1}, {"Omega_fld": 0.3, "w0_fld": -0.9},
    {"omega_cdm": 0.09, "omega_ini_dcdm": 0.03, "Gamma_dcdm": 30.0}])
def test_networks_of_another_expansion_cover_it_and_notice_a_third(more: dict[str, Any]) -> None:
    """Else their own cosmologies would be refused after hours of training."""
    assert guarded_numbers([TRAINED | PLANCK | more]) == GUARDED_OTHERWISE
    random = np.random.default_rng(26)
    middle = PLANCK | more
    points = [{**middle, **{name: middle[name] * random.uniform(0.99, 1.01) for name in PLANCK}} for _ in range(20)]

    def numbers(parameters: dict[str, Any]) -> dict[str, float]:
        found = at_request(TRAINED | parameters, lambda request: {**request.setup, **request.cosmology})
        assert found is not None
        return found

    guard, tolerances = fit_guard(tuple(PLANCK), [numbers(point) for point in points], GUARDED_OTHERWISE)
    made = make_network_set()
    manifest = replace(made.manifest, derived=tolerances, derived_inputs=list(PLANCK),
                       domain={name: (0.99 * middle[name], 1.01 * middle[name]) for name in PLANCK})
    networks = NetworkSet(manifest, made.emulator, guard)

    def noticed(parameters: dict[str, Any]) -> list[str]:
        settings = {name: value for name, value in (TRAINED | parameters).items() if value is not None}
        found = at_request(settings, lambda request: [
            reason for reason in why_not_covered(request, networks, RUNNING) if "something" in reason])
        assert found is not None
        return found

    assert noticed(middle) == noticed({**middle, "H0": 67.1, "omega_b": 0.0223}) == []
    assert noticed(middle | {"Omega_Lambda": 0, "Omega_fld": None, "w0_fld": -0.5}) != []


def test_networks_of_known_species_are_compared_with_their_expansion() -> None:
    assert guarded_numbers([TRAINED | PLANCK, TRAINED | PLANCK | {"T_cmb": 2.71, "deg_ncdm": 2.0}]) == GUARDED
    assert guarded_numbers([TRAINED | PLANCK | {"Omega_Lambda": 0, "w0_fld": -0.8}]) == GUARDED
