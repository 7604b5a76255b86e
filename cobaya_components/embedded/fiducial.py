"""Make the data of the likelihood: `python -m cosmicnet.cobaya_components.embedded.fiducial` (a minute or two).

The fiducial spectra are of full CLASS; the covariance of the parameters, for samplers, is the inverse Fisher matrix
there (networks).
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.training.evaluate.noise import PLANCK_SKY_FRACTION, planck_noise
from cosmicnet.training.work.run_class import Parameters, networks_on, new_class

from ..theory.covmats import COVMATS
from .likelihood import FIDUCIAL_FILE, SPECTRA

__all__ = ["FIDUCIAL", "L_MAX"]

Array = NDArray[np.float64]

L_MAX = 2000
T_CMB_MUK = 2.7255e6
SETTINGS: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": L_MAX,
                        "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}

# parameter to its fiducial value (Planck 2018, arXiv:1807.06209, table 2, rounded) and its step in derivatives
FIDUCIAL = {"omega_b": (0.0224, 2e-4), "omega_cdm": (0.12, 2e-3), "H0": (67.4, 0.8), "tau_reio": (0.0544, 5e-3),
            "logA": (3.045, 0.01), "n_s": (0.965, 0.005)}


def spectra(parameters: Mapping[str, float], networks: bool) -> dict[str, Array]:
    """ell and lensed C_l in muK^2 from l = 2."""
    values = dict(parameters)
    amplitude = 1e-10 * np.exp(values.pop("logA"))
    cosmology = new_class({**SETTINGS, **values, "A_s": amplitude, **(networks_on() if networks else {})})
    cosmology.compute()
    multipoles = cosmology.lensed_cl(L_MAX)
    cosmology.empty()
    return {"ell": multipoles["ell"][2:], **{name: multipoles[name][2:] * T_CMB_MUK**2 for name in SPECTRA}}


def fisher_covariance(fiducial: Mapping[str, Array]) -> Array:
    """Inverse Fisher matrix of FIDUCIAL's parameters, shape (n, n): sum over l of f (2l+1)/2 tr(C^-1 dC C^-1 dC)."""
    start = {name: value for name, (value, _) in FIDUCIAL.items()}
    inverse = np.linalg.inv(_matrices(fiducial, noise=True))
    derivatives = []
    for name, (value, step) in FIDUCIAL.items():
        up, down = (spectra({**start, name: value + sign * step}, networks=True) for sign in (1.0, -1.0))
        derivatives.append(inverse @ (_matrices(up) - _matrices(down)) / (2.0 * step))
    modes = PLANCK_SKY_FRACTION * (2.0 * fiducial["ell"] + 1.0)
    fisher = [[0.5 * float(modes @ np.einsum("lij,lji->l", a, b)) for a in derivatives] for b in derivatives]
    covariance: Array = np.linalg.inv(np.array(fisher))
    return covariance


def _matrices(spectra: Mapping[str, Array], noise: bool = False) -> Array:
    """2x2 matrices of temperature and polarisation, shape (n_l, 2, 2)."""
    extra = {name: planck_noise(name, spectra["ell"]) if noise else 0.0 for name in ("tt", "ee")}
    rows = np.array([[spectra["tt"] + extra["tt"], spectra["te"]], [spectra["te"], spectra["ee"] + extra["ee"]]])
    return rows.transpose(2, 0, 1)


def main() -> None:
    fiducial = spectra({name: value for name, (value, _) in FIDUCIAL.items()}, networks=False)
    arrays: dict[str, Any] = dict(fiducial)
    np.savez_compressed(FIDUCIAL_FILE, **arrays)
    np.savetxt(COVMATS / "lcdm_H0_embedded.covmat", fisher_covariance(fiducial), header=" ".join(FIDUCIAL))


if __name__ == "__main__":
    main()
