"""`covmat: auto` with the covariance matrices of this package beside Planck's.

In the folder `covmats`: `lcdm_H0_plikHM_TTTEEE_lowl_lowE`, of a chain with Planck 2018's high-l TT, TE, EE (lite) and
low-l TT and EE; the same with `_foregrounds`, Planck's own with H0 in place of the angle of the sound horizon;
`lcdm_H0_embedded`, a Fisher matrix (embedded/fiducial.py). Cobaya reads every file there: no other may lie in it.

`python -m cosmicnet.cobaya_components.theory.covmats PACKAGES_PATH` makes the one with foregrounds.
"""
from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cobaya.cosmo_input import get_best_covmat_ext, get_covmat_package_folders
from numpy.typing import NDArray

from cosmicnet.training.work.run_class import Parameters, new_class

__all__ = ["COVMATS", "best_covmat", "theta_s_100", "with_h0"]

Array = NDArray[np.float64]

COVMATS = Path(__file__).parent / "covmats"

PLANCKS = Path("data/planck_supp_data_and_covmats/covmats/base_plikHM_TTTEEE_lowl_lowE.covmat")
OURS = COVMATS / "lcdm_H0_plikHM_TTTEEE_lowl_lowE_foregrounds.covmat"

# Planck's names of the parameters that the angle depends on: CLASS's name, value, step of the derivative.
PARAMETERS = {"omegabh2": ("omega_b", 0.0224, 2e-4), "omegach2": ("omega_cdm", 0.12, 2e-3), "H0": ("H0", 67.4, 0.8)}
ANGLE = "theta"
SETTINGS: Parameters = {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}


def best_covmat(packages_path: str | None, params_info: Any, likes_info: Any) -> dict[str, Any] | None:
    """The matrix that has most of the parameters, then most of the likelihoods; None if there is none.

    Planck's own have the angle of the sound horizon, those of this package H0.
    """
    folders = [*get_covmat_package_folders(packages_path), str(COVMATS)]
    best: dict[str, Any] | None = get_best_covmat_ext(folders, params_info, likes_info)
    return best


def theta_s_100(**parameters: float) -> float:
    """100 theta_s by CLASS. Planck's `theta` approximates it; the derivatives agree to a per cent or so."""
    cosmology = new_class({**SETTINGS, **parameters})
    cosmology.compute(["thermodynamics"])
    angle = float(cosmology.theta_s_100())
    cosmology.empty()
    return angle


def with_h0(names: Sequence[str], covariance: Array, slopes: dict[str, float]) -> tuple[list[str], Array]:
    """The matrix, shape (n, n), with H0 in place of the angle, to first order.

    slopes : derivatives of the angle by omegabh2, omegach2 and H0, the other two fixed.
    """
    place = list(names).index(ANGLE)
    jacobian = np.eye(len(names))
    # d theta = sum of slopes d p, solved for d H0
    jacobian[place, place] = 1.0 / slopes["H0"]
    for name in ("omegabh2", "omegach2"):
        jacobian[place, list(names).index(name)] = -slopes[name] / slopes["H0"]
    return ["H0" if name == ANGLE else name for name in names], jacobian @ covariance @ jacobian.T


def main() -> None:
    planck = Path(sys.argv[1]) / PLANCKS
    names = planck.read_text(encoding="utf-8-sig").splitlines()[0].lstrip("#").split()
    center = {name: value for name, value, _ in PARAMETERS.values()}
    slopes = {}
    for theirs, (name, value, step) in PARAMETERS.items():
        up, down = (theta_s_100(**{**center, name: value + sign * step}) for sign in (1.0, -1.0))
        slopes[theirs] = (up - down) / (2.0 * step)
    names, covariance = with_h0(names, np.loadtxt(planck), slopes)
    np.savetxt(OURS, covariance, header=" ".join(names), fmt="%.8e")


if __name__ == "__main__":
    main()
