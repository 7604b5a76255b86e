"""Makes the matrix for runs with plik foregrounds: `python -m cosmicnet.cobaya_components.theory.plik_covmat PATH`.

Planck's own has the angle of the sound horizon; these runs vary H0, which is nearly degenerate with the densities.
"""
from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.training.work.spectra import Parameters, new_class

from .covmats import COVMATS

__all__ = ["with_h0"]

Array = NDArray[np.float64]

PLANCKS = Path("data/planck_supp_data_and_covmats/covmats/base_plikHM_TTTEEE_lowl_lowE.covmat")
OURS = COVMATS / "lcdm_H0_plikHM_TTTEEE_lowl_lowE_foregrounds.covmat"

# Planck's names of what the angle depends on; CLASS's, where its derivatives are taken, and the steps
POINT = {"omegabh2": ("omega_b", 0.0224, 2e-4), "omegach2": ("omega_cdm", 0.12, 2e-3), "H0": ("H0", 67.4, 0.8)}
ANGLE = "theta"
SETTINGS: Parameters = {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}


def theta_s_100(**parameters: float) -> float:
    """100 theta_s by CLASS. Planck's `theta` approximates it, with the same derivatives to a per cent or so."""
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
    start = {ours: value for ours, value, _ in POINT.values()}
    slopes = {}
    for theirs, (ours, value, step) in POINT.items():
        up, down = (theta_s_100(**{**start, ours: value + sign * step}) for sign in (1.0, -1.0))
        slopes[theirs] = (up - down) / (2.0 * step)
    names, covariance = with_h0(names, np.loadtxt(planck), slopes)
    np.savetxt(OURS, covariance, header=" ".join(names), fmt="%.8e")


if __name__ == "__main__":
    main()
