"""Noise spectra of Planck's three best channels for the CMB, and of telescopes on the ground beside them."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PLANCK_SKY_FRACTION", "S4", "SIMONS_OBSERVATORY", "GroundTelescope", "planck_noise"]

Array = NDArray[np.float64]

ARCMIN = np.pi / 180.0 / 60.0
DEGREE = np.pi / 180.0

# Planck 2018, 100, 143 and 217 GHz (arXiv:1807.06205, table 4): beam FWHM in arcmin, noise of
# temperature and polarisation in muK degree; the sky fraction of the spectra
PLANCK_BEAM_ARCMIN = np.array([9.66, 7.22, 4.90])
PLANCK_NOISE_MUK_DEGREE = {"tt": np.array([1.29, 0.55, 0.78]), "ee": np.array([1.96, 1.17, 1.75])}
PLANCK_SKY_FRACTION = 0.57


def planck_noise(name: str, ell: Array) -> Array:
    """Noise C_l of the channels together ('tt' or 'ee'), deconvolved from the beams, in muK^2, shape of ell."""
    beam = PLANCK_BEAM_ARCMIN[:, None] * ARCMIN / np.sqrt(8.0 * np.log(2.0))
    noise = PLANCK_NOISE_MUK_DEGREE[name][:, None] * DEGREE
    weight = np.exp(-ell * (ell + 1.0) * beam**2) / noise**2
    combined: Array = 1.0 / weight.sum(axis=0)
    return combined


# Noise of the atmosphere: (l / knee)^SLOPE times the white noise; the knee of polarisation is the same in all channels.
SLOPE = {"tt": -3.5, "ee": -1.4}
KNEE_OF_POLARISATION = 700.0


@dataclass(frozen=True)
class GroundTelescope:
    """Channels of a telescope on the ground.

    beam_arcmin : FWHM; noise_muk_arcmin : white noise of temperature, polarisation has sqrt(2) more;
    knee_of_temperature : the multipole below which the atmosphere dominates.
    """

    beam_arcmin: tuple[float, ...]
    noise_muk_arcmin: tuple[float, ...]
    knee_of_temperature: tuple[float, ...]
    sky_fraction: float

    def noise(self, name: str, ell: Array) -> Array:
        """Noise C_l of its channels and Planck's together ('tt' or 'ee'), in muK^2, shape of ell."""
        beam, white, knee = (np.array(values)[:, None] for values in
                             (self.beam_arcmin, self.noise_muk_arcmin, self.knee_of_temperature))
        if name == "ee":
            white, knee = np.sqrt(2.0) * white, np.full_like(knee, KNEE_OF_POLARISATION)
        sigma = beam * ARCMIN / np.sqrt(8.0 * np.log(2.0))
        channels = (white * ARCMIN)**2 * (1.0 + (ell / knee)**SLOPE[name]) * np.exp(ell * (ell + 1.0) * sigma**2)
        combined: Array = 1.0 / ((1.0 / channels).sum(axis=0) + 1.0 / planck_noise(name, ell))
        return combined


# Large telescope at 93, 145 and 225 GHz, baseline (arXiv:1808.07445, tables 1 and 2; the knees follow from N_red over
# five years, 20% observing efficiency, 85% of the data kept).
SIMONS_OBSERVATORY = GroundTelescope((2.2, 1.4, 1.0), (8.0, 10.0, 22.0), (1810.0, 2720.0, 3470.0), 0.4)
# Large telescopes at 93 and 145 GHz, like those planned for CMB-S4 (arXiv:1907.04473).
S4 = GroundTelescope((2.2, 1.4), (2.0, 2.0), (1932.0, 3917.0), 0.6)
