"""chi2 of the Planck 2018 likelihoods for given C_l, by Cobaya's likelihood classes without a sampler."""
from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError

from ..work.numbers import T_CMB_MUK
from .accuracy import MultipolesLike

__all__ = ["INSTALL_HINT", "LIKELIHOODS", "PlanckLikelihoods", "PlanckNotAvailable"]

Array = NDArray[np.float64]

LOWL_EE = "planck_2018_lowl.EE"
LIKELIHOODS = (
    "planck_2018_lowl.TT",
    LOWL_EE,
    "planck_2018_highl_plik.TTTEEE_lite_native",
    "planck_2018_lensing.native",
)

PACKAGES_PATH_VARIABLE = "COBAYA_PACKAGES_PATH"
INSTALL_HINT = f"cobaya-install {' '.join(LIKELIHOODS)} --packages-path FOLDER"


class PlanckNotAvailable(CosmicnetError):
    """Cobaya or the Planck data are not installed; the message says what to do."""


class _SpectraProvider:
    """In place of Cobaya's theory: gives the likelihoods the current spectra."""

    def __init__(self) -> None:
        self.spectra: Mapping[str, Array] = {}

    def get_Cl(self, ell_factor: bool = False, units: str = "FIRASmuK2") -> Mapping[str, Array]:
        if not ell_factor or units != "FIRASmuK2":
            raise ValueError(f"spectra with ell_factor={ell_factor}, units={units!r}")
        return self.spectra


class PlanckLikelihoods:
    """The four likelihoods with their data in memory; `chi2` takes a few milliseconds."""

    def __init__(self, packages_path: str | Path | None = None) -> None:
        """Load the data from a Cobaya packages folder (default: $COBAYA_PACKAGES_PATH); PlanckNotAvailable if Cobaya or
        data are missing."""
        folder = _packages_folder(packages_path)
        self._provider = _SpectraProvider()
        self._likelihoods = {name: _load(name, folder, self._provider) for name in LIKELIHOODS}

    def chi2(self, spectra: MultipolesLike, calibration: float = 1.0) -> dict[str, float]:
        """-2 ln L by likelihood; `calibration` is Planck's nuisance parameter A_planck.

        Infinite where a likelihood rejects the spectra as out of range. ValueError for spectra that are not finite or
        do not begin at l = 2.
        """
        self._provider.spectra = _band_powers(spectra)
        return {name: self._chi2(name, calibration) for name in LIKELIHOODS}

    def _chi2(self, name: str, calibration: float) -> float:
        # lowl.EE indexes a table by integer: a negative EE would count from its end
        if name == LOWL_EE and (self._provider.spectra["ee"] < 0.0).any():
            return float("inf")
        return -2.0 * float(self._likelihoods[name].logp(A_planck=calibration))


def _packages_folder(packages_path: str | Path | None) -> Path:
    chosen = packages_path or os.environ.get(PACKAGES_PATH_VARIABLE)
    if not chosen:
        raise PlanckNotAvailable(f"no folder given and {PACKAGES_PATH_VARIABLE} is not set; "
                                 f"to get the data: {INSTALL_HINT}")
    # a home that is not there stays as it is written
    return Path(os.path.expanduser(chosen))


def _load(name: str, folder: Path, provider: _SpectraProvider) -> Any:
    """The likelihood `name` of Cobaya, with its data from `folder` and its spectra from `provider`."""
    try:
        from cobaya.component import get_component_class
        from cobaya.log import LoggedError
        from cobaya.tools import VersionCheckError
    except ImportError as error:
        raise PlanckNotAvailable("cobaya is not installed: pip install cobaya") from error
    # the exceptions alone are enough: Cobaya logs them as well
    logging.getLogger("cobaya").addHandler(logging.NullHandler())
    likelihood_class = get_component_class(name, kind="likelihood")
    try:
        if not likelihood_class.is_installed(path=str(folder), data=True, show_error=False):
            raise PlanckNotAvailable(f"{name} has no data in {folder}; to get them: {INSTALL_HINT}")
        likelihood = likelihood_class(packages_path=str(folder))
    except (OSError, LoggedError, VersionCheckError) as error:
        raise PlanckNotAvailable(f"{name} cannot read its data in {folder}: {error}; "
                                 f"to get them: {INSTALL_HINT}") from error
    likelihood.initialize_with_provider(provider)
    return likelihood


def _band_powers(spectra: MultipolesLike) -> dict[str, Array]:
    """In Cobaya's units, from l = 0: l(l+1) C_l/(2 pi) in muK^2, and [l(l+1)]^2 C_l^pp/(2 pi)."""
    ell = spectra.ell
    if ell[0] != 2:
        raise ValueError(f"spectra have to begin at l = 2, not {ell[0]:g}")
    factor = ell * (ell + 1.0) / (2.0 * np.pi)
    powers = {
        "tt": T_CMB_MUK**2 * factor * spectra.tt,
        "te": T_CMB_MUK**2 * factor * spectra.te,
        "ee": T_CMB_MUK**2 * factor * spectra.ee,
        "pp": ell * (ell + 1.0) * factor * spectra.pp,
    }
    for name, power in powers.items():
        if not np.isfinite(power).all():
            raise ValueError(f"the spectrum {name} has values that are not numbers")
    return {name: np.concatenate([[0.0, 0.0], power]) for name, power in powers.items()}
