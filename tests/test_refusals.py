"""Calls that end the process in stock CLASS 3.4.1 raise errors in the patched build."""
from __future__ import annotations

import numpy as np
import pytest

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

ONE_NEUTRINO = {"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.03}


def test_momenta_that_are_no_numbers() -> None:
    model = classy.Class()
    model.set({**ONE_NEUTRINO, "ncdm_quadrature_strategy": 1, "ncdm_N_momentum_bins": 200})
    with pytest.raises(classy.CosmoSevereError, match="ncdm_N_momentum_bins = 200"):
        model.compute(["background"])


def test_a_search_that_meets_no_number() -> None:
    model = classy.Class()
    model.set({**ONE_NEUTRINO, "theta_s_100": 1.041, "tol_thermo_integration": 1e-3, "tau_reio": 0.054,
               "omega_b": 0.0224, "omega_cdm": 0.12})
    errors = (classy.CosmoSevereError, classy.CosmoComputationError)
    with pytest.raises(errors, match=r"tol_thermo_integration = 0\.001"):
        model.compute(["thermodynamics"])


@pytest.mark.parametrize("method", ["nonlinear_scale", "nonlinear_scale_cb"])
def test_no_scale_of_non_linearity_without_non_linear(method: str) -> None:
    model = classy.Class()
    model.set({**ONE_NEUTRINO, "output": "mPk", "P_k_max_1/Mpc": 0.1})
    with pytest.raises(classy.CosmoSevereError, match="non_linear"):
        getattr(model, method)(np.array([0.0]), 1)
