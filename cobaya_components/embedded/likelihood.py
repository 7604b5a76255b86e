"""A likelihood that needs no download: TT, TE, EE of a fixed fiducial with the noise of an experiment."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cobaya.likelihood import Likelihood
from cobaya.log import LoggedError
from numpy.typing import NDArray

from cosmicnet.training.evaluate.noise import PLANCK_SKY_FRACTION, S4, SIMONS_OBSERVATORY, planck_noise

__all__ = ["EXPERIMENTS", "SPECTRA", "EmbeddedCMB", "Experiment", "wishart_chi2_per_l"]

Array = NDArray[np.float64]

FOLDER = Path(__file__).parent
SPECTRA = ("tt", "te", "ee")
# More noise than any signal, muK^2.
BLIND = 1e12


@dataclass(frozen=True)
class Experiment:
    """noise : of 'tt' or 'ee' at ell, in muK^2; fiducial : file of spectra; l_max_temperature : beyond it,
    foregrounds hide the temperature."""

    noise: Callable[[str, Array], Array]
    sky_fraction: float
    fiducial: Path
    l_max_temperature: int

    def noise_with_foregrounds(self, ell: Array) -> dict[str, Array]:
        return {"tt": np.where(ell <= self.l_max_temperature, self.noise("tt", ell), BLIND),
                "ee": self.noise("ee", ell)}


LINEAR, NON_LINEAR = FOLDER / "embedded_fiducial.npz", FOLDER / "embedded_fiducial_hmcode.npz"
EXPERIMENTS = {
    "planck": Experiment(planck_noise, PLANCK_SKY_FRACTION, LINEAR, 2508),
    "so": Experiment(SIMONS_OBSERVATORY.noise, SIMONS_OBSERVATORY.sky_fraction, NON_LINEAR, 3000),
    "s4": Experiment(S4.noise, S4.sky_fraction, NON_LINEAR, 3000),
}


class EmbeddedCMB(Likelihood):  # type: ignore[misc]  # Cobaya has no types
    r"""
    Exact likelihood of the lensed CMB spectra TT, TE and EE of a Gaussian sky. Noise and beams are those of Planck's
    100, 143 and 217 GHz channels (arXiv:1807.06205, table 4), alone (`experiment: planck`), or beside the large
    telescopes of the Simons Observatory (`so`, arXiv:1808.07445) or of an experiment like CMB-S4 (`s4`). The data are
    the expectation for a fixed cosmology, so that the chi2 is zero there. Foregrounds, systematics and the large-scale
    noise of Planck's polarisation are left out: constraints are somewhat too tight, on the optical depth above all.
    """

    experiment: str
    l_max: int | None
    sky_fraction: float | None
    aliases: list[str]

    def initialize(self) -> None:
        if self.experiment not in EXPERIMENTS:
            raise LoggedError(self.log, "experiment: %r: allowed are %s", self.experiment, ", ".join(EXPERIMENTS))
        experiment = EXPERIMENTS[self.experiment]
        with np.load(experiment.fiducial, allow_pickle=False) as file:
            ell = file["ell"]
            l_max = ell[-1] if self.l_max is None else self.l_max
            if not ell[0] < l_max <= ell[-1]:
                raise LoggedError(self.log, "l_max: %s: must be above %d and at most %d", l_max, ell[0], ell[-1])
            # CLASS is less accurate near its l_max: always request that of the fiducial
            self.l_max_of_theory = int(ell[-1])
            chosen = ell <= l_max
            fiducial = {name: file[name][chosen] for name in SPECTRA}
        self.ell: Array = ell[chosen].astype(float)
        self.noise = experiment.noise_with_foregrounds(self.ell)
        self.data = self._with_noise(fiducial)
        share = experiment.sky_fraction if self.sky_fraction is None else self.sky_fraction
        if not 0.0 < share <= 1.0:
            raise LoggedError(self.log, "sky_fraction: %s: must be above 0 and at most 1", share)
        self.modes: Array = share * (2.0 * self.ell + 1.0)

    def get_requirements(self) -> dict[str, dict[str, int]]:
        return {"Cl": dict.fromkeys(SPECTRA, self.l_max_of_theory)}

    def logp(self, **_params: Any) -> float:
        spectra = self.provider.get_Cl(units="muK2")
        theory = {name: spectra[name][2:2 + self.ell.size] for name in SPECTRA}
        chi2 = float(self.modes @ wishart_chi2_per_l(self._with_noise(theory), self.data))
        if not np.isfinite(chi2):
            # errors stop the run and never become zero likelihood
            raise LoggedError(self.log, "the theory gives spectra that no sky can have")
        return -0.5 * chi2

    def _with_noise(self, spectra: dict[str, Array]) -> dict[str, Array]:
        return {"tt": spectra["tt"] + self.noise["tt"], "te": spectra["te"], "ee": spectra["ee"] + self.noise["ee"]}


def wishart_chi2_per_l(theory: dict[str, Array], data: dict[str, Array]) -> Array:
    """-2 ln of the Wishart density for one mode per l, zero where theory equals data; shape (n_l,).

    theory, data : tt, te, ee with noise, same units. With C and D their 2x2 matrices at an l, this is
    tr(D C^-1) - ln det(D C^-1) - 2. NaN where a matrix is not positive definite.
    """
    determinant = theory["tt"] * theory["ee"] - theory["te"]**2
    determinant_of_data = data["tt"] * data["ee"] - data["te"]**2
    trace = data["tt"] * theory["ee"] + data["ee"] * theory["tt"] - 2.0 * data["te"] * theory["te"]
    positive = np.where((determinant > 0.0) & (theory["tt"] > 0.0), determinant, np.nan)
    chi2: Array = trace / positive - np.log(determinant_of_data / positive) - 2.0
    return chi2
