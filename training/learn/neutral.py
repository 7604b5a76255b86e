"""The photons as they would be if the universe stayed neutral, from those that CLASS integrated with reionisation.

Networks give the photons of a neutral universe, and reionisation is added at run time (cosmicnet/rescattering.py). Here
it is subtracted again, so that the integration of a chain's point serves as a training model. The part that
reionisation adds is linear in the neutral photons and small, so that the iteration

    neutral <- integrated - added by reionisation to neutral

converges by a factor of the optical depth.
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.coordinates import Scales
from cosmicnet.rescattering import Photons, duration_of_change, rescatter, start_of_reionization, uniform_times

__all__ = ["without_reionization"]

Array = NDArray[np.float64]

# Steps of the iteration; the last one changes less than single precision resolves.
ITERATIONS = 5


def without_reionization(
    pieces: Mapping[str, Array], k: Array, tau: Array, history: Mapping[str, Array], scales: Scales
) -> dict[str, Array]:
    """Pieces (tau, k) with the temperature and polarization of a neutral universe, where photons do not stream.

    k in 1/Mpc, tau in Mpc. Errors: 1e-4 of the largest value, from the spline through CLASS's times.
    """
    start = start_of_reionization(tau, history["scattering_rate"], scales.tau_dark_end)
    if start is None:
        return dict(pieces)
    times = uniform_times(start, scales.tau_0, duration_of_change(tau, history["scattering_rate"], start))
    free = slice(int(np.searchsorted(k, scales.streaming_trigger / start, side="right")))
    late = tau > scales.tau_free_streaming

    def at_times(table: Array) -> Array:
        return np.asarray(CubicSpline(tau[late], table[late])(times))

    photons = ("temperature", "polarization")
    found = {name: at_times(pieces[name][:, free]) for name in (*photons, "shear", "doppler", "isw")}
    a, visibility, growth = (at_times(history[name]) for name in ("exp_minus_kappa", "visibility", "growth_velocity"))
    velocity = growth[:, None] * found["doppler"] * k[free]
    with_reionization = {name: found[name] for name in photons}
    neutral, added = dict(with_reionization), Photons(np.zeros(1), np.zeros(1))
    for _ in range(ITERATIONS):
        added = rescatter(k[free], times, a, visibility,
                          Photons(neutral["temperature"] + found["shear"], neutral["polarization"]), velocity,
                          found["isw"])
        neutral = {name: with_reionization[name] - getattr(added, name) for name in neutral}
    result, reionized = dict(pieces), tau > start
    for name in neutral:
        change = CubicSpline(times, getattr(added, name))(tau[reionized])
        result[name] = pieces[name].copy()
        result[name][reionized, free] -= change
    return result
