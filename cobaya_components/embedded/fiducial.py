"""Make the data of the likelihood: `python -m cosmicnet.cobaya_components.embedded.fiducial` (some minutes).

The fiducial spectra are of full CLASS at the precision that the networks stand for; the covariance of the parameters,
for samplers, is the inverse Fisher matrix there (networks).
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.store import DEFAULT_SET, read_manifest
from cosmicnet.training.work.numbers import T_CMB_MUK
from cosmicnet.training.work.run_class import Parameters, networks_on, new_class

from ..theory.covmats import COVMATS
from .likelihood import EXPERIMENTS, LINEAR, NON_LINEAR, SPECTRA, Experiment

__all__ = ["FIDUCIAL"]

Array = NDArray[np.float64]

COMMON: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}
# CLASS's settings by file.
SETTINGS: Mapping[str, Parameters] = {
    LINEAR.name: {**COMMON, "l_max_scalars": 2000},
    NON_LINEAR.name: {**COMMON, "output": "tCl,pCl,lCl,mPk", "l_max_scalars": 5000, "non_linear": "hmcode",
                      "delta_l_max": 2500, "accurate_lensing": 1, "nonlinear_min_k_max": 60},
}

# parameter to its fiducial value (Planck 2018, arXiv:1807.06209, table 2, rounded) and its step in derivatives
FIDUCIAL = {"omega_b": (0.0224, 2e-4), "omega_cdm": (0.12, 2e-3), "H0": (67.4, 0.8), "tau_reio": (0.0544, 5e-3),
            "logA": (3.045, 0.01), "n_s": (0.965, 0.005)}


def spectra(settings: Parameters, parameters: Mapping[str, float]) -> dict[str, Array]:
    """ell and lensed C_l in muK^2 from l = 2."""
    values = dict(parameters)
    amplitude = 1e-10 * np.exp(values.pop("logA"))
    cosmology = new_class({**settings, **values, "A_s": amplitude})
    cosmology.compute()
    multipoles = cosmology.lensed_cl(int(settings["l_max_scalars"]))
    cosmology.empty()
    return {"ell": multipoles["ell"][2:], **{name: multipoles[name][2:] * T_CMB_MUK**2 for name in SPECTRA}}


def fisher_covariance(experiment: Experiment, fiducial: Mapping[str, Array]) -> Array:
    """Inverse Fisher matrix of FIDUCIAL's parameters, shape (n, n): sum over l of f (2l+1)/2 tr(C^-1 dC C^-1 dC)."""
    start = {name: value for name, (value, _) in FIDUCIAL.items()}
    settings = {**SETTINGS[experiment.fiducial.name], **networks_on()}
    inverse = np.linalg.inv(_matrices(fiducial, experiment.noise_with_foregrounds(fiducial["ell"])))
    derivatives = []
    for name, (value, step) in FIDUCIAL.items():
        up, down = (spectra(settings, {**start, name: value + sign * step}) for sign in (1.0, -1.0))
        derivatives.append(inverse @ (_matrices(up) - _matrices(down)) / (2.0 * step))
    modes = experiment.sky_fraction * (2.0 * fiducial["ell"] + 1.0)
    fisher = [[0.5 * float(modes @ np.einsum("lij,lji->l", a, b)) for a in derivatives] for b in derivatives]
    covariance: Array = np.linalg.inv(np.array(fisher))
    return covariance


def _matrices(spectra: Mapping[str, Array], noise: Mapping[str, Array | float] = {"tt": 0.0, "ee": 0.0}) -> Array:
    """2x2 matrices of temperature and polarisation, shape (n_l, 2, 2)."""
    rows = np.array([[spectra["tt"] + noise["tt"], spectra["te"]], [spectra["te"], spectra["ee"] + noise["ee"]]])
    return rows.transpose(2, 0, 1)


def main() -> None:
    center = {name: value for name, (value, _) in FIDUCIAL.items()}
    precision = read_manifest(DEFAULT_SET).precision_settings
    for file in (LINEAR, NON_LINEAR):
        arrays: dict[str, Any] = dict(spectra({**SETTINGS[file.name], **SAME_MODULES, **precision}, center))
        np.savez_compressed(file, **arrays)
    for name, experiment in EXPERIMENTS.items():
        with np.load(experiment.fiducial) as fiducial:
            covariance = fisher_covariance(experiment, fiducial)
        label = "embedded" if name == "planck" else name
        np.savetxt(COVMATS / f"lcdm_H0_{label}.covmat", covariance, header=" ".join(FIDUCIAL))


if __name__ == "__main__":
    main()
