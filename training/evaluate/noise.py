"""White noise and beams of Planck's three best channels for the CMB."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["PLANCK_SKY_FRACTION", "planck_noise"]

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
