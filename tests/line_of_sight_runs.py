"""Shared by the tests of the line of sight: settings, tolerances, and pieces of the textbook's integrals."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Spectra = dict[str, Array]

PRIMORDIAL = {"A_s": 2.1e-9, "n_s": 0.96, "k_pivot": 0.05}
# CLASS integrates over time by trapezia
CONVERGED_FLAT: dict[str, Any] = {
    "perturbations_sampling_stepsize": 0.025,
    "l_linstep": 8, "l_logstep": 1.03, "q_linstep": 0.2, "q_logstep_spline": 40.0, "hyper_sampling_flat": 40.0,
    "hyper_phi_min_abs": 1e-12, "transfer_neglect_late_source": 1e6,
    **{f"transfer_neglect_delta_k_S_{name}": 10.0 for name in ("t0", "t1", "t2", "e")},
}

# relative difference of a spectrum; of TE, over sqrt(TT EE)
TOLERANCE = {"tt": 3e-4, "ee": 5e-4, "te": 3e-4, "pp": 3e-4}
# single precision, and where the sampling in k ends
TWIN_TOLERANCE = 1e-4


def to_l(l_max: int, k_max_tau0: float) -> dict[str, Any]:
    """Settings of unlensed spectra to l_max, from wavenumbers to k_max_tau0/tau_0."""
    return {"output": "tCl,pCl,lCl", "lensing": "no", "l_max_scalars": l_max,
            "k_max_tau0_over_l_max": k_max_tau0 / l_max, **PRIMORDIAL}


def primordial(k: Array) -> Array:
    """The dimensionless spectrum at k (1/Mpc)."""
    return np.asarray(PRIMORDIAL["A_s"] * (k / PRIMORDIAL["k_pivot"]) ** (PRIMORDIAL["n_s"] - 1))


def trapezoid(x: Array) -> Array:
    """Weights of the trapezoidal rule."""
    return np.concatenate([[x[1] - x[0]], x[2:] - x[:-2], [x[-1] - x[-2]]]) / 2


def weights_in_time(tau: Array) -> tuple[Array, Array]:
    """Of the integral over all times: cubics through four neighbours, and a trapezium for the last interval. Of S_2 the
    sample before today's stands for that interval, since today's does not count."""
    weights = np.zeros(tau.size)
    for i, step in enumerate(np.diff(tau[:-1])):
        first = np.clip(i - 1, 0, tau.size - 5)
        place = (tau[first:first + 4] - tau[i]) / step
        # exact for all powers up to the third
        weights[first:first + 4] += np.linalg.solve(place ** np.arange(4)[:, None], step / np.arange(1, 5))
    weights[-2:] += (tau[-1] - tau[-2]) / 2
    weights_of_s2 = weights.copy()
    weights_of_s2[-2] += weights[-1]
    weights[-1] = weights_of_s2[-1] = 0
    return weights, weights_of_s2


def spin_factor(ell: int) -> float:
    """Of the radial functions of E polarization."""
    return float(np.sqrt(3 / 8 * (ell + 2) * (ell + 1) * ell * (ell - 1)))


def relative_errors(ours: Spectra, theirs: Spectra) -> dict[str, Array]:
    """From l = 2 on, of the spectra that both have."""
    scale = {**theirs, "te": np.sqrt(theirs["tt"] * theirs["ee"])}
    return {name: np.abs(ours[name] - theirs[name])[2:] / scale[name][2:] for name in TOLERANCE if name in theirs}


def assert_twins(ours: Spectra, plain: Mapping[str, float], ell: int) -> None:
    """At one l, with the spectra of a slow twin."""
    scale = {**plain, "te": np.sqrt(plain["tt"] * plain["ee"])}
    for name, value in plain.items():
        assert abs(ours[name][ell] - value) < TWIN_TOLERANCE * scale[name], (name, ours[name][ell], value)
