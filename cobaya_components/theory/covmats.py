"""`covmat: auto` with the covariance matrices of this package besides Planck's.

In the folder `covmats`: `lcdm_H0_plikHM_TTTEEE_lowl_lowE`, of a chain with Planck 2018's high-l TT, TE, EE (lite),
low-l TT and EE; the same with `_foregrounds`, Planck's own with H0 for the angle (plik_covmat.py); `lcdm_H0_embedded`,
from the Fisher matrix (fiducial.py). No other file may lie there, because Cobaya reads them all.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

from cobaya.cosmo_input import get_best_covmat_ext, get_covmat_package_folders

__all__ = ["COVMATS", "best_covmat"]

COVMATS = Path(__file__).parent / "covmats"


def best_covmat(packages_path: str | None, params_info: Any, likes_info: Any) -> dict[str, Any] | None:
    """The matrix that has most of the parameters, then most of the likelihoods; None if there is none.

    Planck's own have the angle of the sound horizon in place of H0, those of this package have H0.
    """
    folders = [*get_covmat_package_folders(packages_path), str(COVMATS)]
    best: dict[str, Any] | None = get_best_covmat_ext(folders, params_info, likes_info)
    return best
