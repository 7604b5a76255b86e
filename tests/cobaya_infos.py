"""Runs of Cobaya for tests: C_l at low l, and a likelihood that is one everywhere."""
from __future__ import annotations

from typing import Any

import numpy as np

Model = Any

COMPONENT = "cosmicnet.Cosmicnet"
POINT = {"H0": 67.3, "tau_reio": 0.054}
FIXED = {"omega_b": 0.0224, "omega_cdm": 0.12, "A_s": 2.1e-9, "n_s": 0.965}
NEUTRINOS = {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "non_linear": "none"}
L_MAX = 100


def run_info(theory: dict[str, Any] | None = None, requires: dict[str, Any] | None = None,
             name: str = "cosmicnet.Cosmicnet", **parameters: Any) -> dict[str, Any]:
    """A run that asks for C_l at low l, and whose likelihood is one everywhere."""
    # with networks whose domain tests know
    theory = {"extra_args": NEUTRINOS, **({} if name == "classy" else {"networks": "lcdm"}), **(theory or {})}
    requires = requires or {"Cl": {"tt": L_MAX, "ee": L_MAX}}
    return {
        "likelihood": {"flat": {"external": lambda _self: 0.0, "requires": requires}},
        "theory": {name: theory},
        "params": {
            "H0": {"prior": {"min": 60.0, "max": 75.0}, "ref": POINT["H0"]},
            "tau_reio": {"prior": {"min": 0.02, "max": 0.1}, "ref": POINT["tau_reio"]},
            **FIXED, **parameters,
        },
    }


def spectrum(model: Model) -> np.ndarray:
    loglike = model.loglikes(POINT)[0]
    assert np.isfinite(loglike).all()
    return np.array([model.provider.get_Cl()[name][2:] for name in ("tt", "ee")])


def derived(model: Model, point: dict[str, float]) -> dict[str, float]:
    values = model.loglikes(point)[1]
    return dict(zip(model.parameterization.derived_params(), values, strict=True))
