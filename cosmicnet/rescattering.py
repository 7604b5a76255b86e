"""The effect of reionisation on the temperature and polarisation of the photons, computed, not learned.

Networks give the photons of a universe that stays neutral. Free electrons scatter photons out of the line of sight and
into it: with a = exp(-kappa), the line-of-sight integrals of the photon multipoles at a time tau are, in the Newtonian
gauge and in flat space,

    a M = a_0 M_neutral + int (a - a_0) I j_0 + int g (M j_0 - V j_1 + P j_2)
    a P = a_0 P_neutral + 1/2 int (a - a_0) I j_2
          + int g (1/2 M j_2 + 1/2 V j_2' + P (7/10 j_0 + 5/7 j_2 + 18/35 j_4))

where M = Theta_0 + psi, P = (F_2 + G_0 + G_2)/8, V = theta_b/k, I = phi' + psi'; the integrals run over
tau' from the start of reionisation (a_0) to tau, the Bessel functions are j_l(k (tau - tau')), everything else is taken
at tau', and g is the visibility function. This is the Boltzmann hierarchy of CLASS (Ma & Bertschinger 1995, eqs. 63 and
64), formally integrated, for any history of reionisation.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

__all__ = [
    "Convolutions", "Photons", "duration_of_change", "is_resolved", "rescatter", "spherical_bessel",
    "start_of_reionization", "uniform_times",
]

Array = NDArray[np.float64]
Single = NDArray[np.float32]
# single precision is enough
Real = NDArray[np.floating[Any]]

# Largest step of the uniform grid of times, relative to the conformal time at the start of reionisation. It resolves
# the usual width of reionisation (60 Mpc at z = 15, 150 Mpc at z = 8), and k (tau - tau') wherever photons do not yet
# stream. A faster change of the scattering rate is resolved by so many steps, which are up to FINEST times smaller.
STEP, STEPS_PER_CHANGE, FINEST = 0.014, 1.5, 16.0

# Reionisation begins when the optical depth per Hubble time exceeds this; a neutral universe has less than 1e-3.
LEAST_SCATTERING = 2e-3

# Each iteration lets the photons scatter once more.
MOST_ITERATIONS = 20
TOLERANCE = 1e-6

# The tabulated range of k times the step of time is a multiple of this.
PHASE_STEP = 0.16

# End correction of Gregory's quadrature at lag 0, 1, 2; the other end is where nothing scatters yet.
GREGORY = (3.0 / 8.0, 7.0 / 6.0, 23.0 / 24.0)


@dataclass(frozen=True)
class Photons:
    """M (`temperature`, Theta_0 + psi) and P (`polarization`), each (times, wavenumbers)."""

    temperature: Real
    polarization: Real


def start_of_reionization(tau: Array, scattering_rate: Array, not_before: float) -> float | None:
    """The first tau (Mpc) after `not_before` where electrons scatter; None in a universe that stays neutral.

    tau (Mpc), scattering_rate (kappa', 1/Mpc): shape (n,).
    """
    scatters = (tau > not_before) & (scattering_rate * tau > LEAST_SCATTERING)
    if not scatters.any():
        return None
    # one time earlier, where there is nothing yet
    return max(float(tau[max(int(np.argmax(scatters)) - 1, 0)]), not_before)


def duration_of_change(tau: Array, scattering_rate: Array, start: float) -> float:
    """Shortest time scale (as tau, Mpc) of relative change of the scattering rate from `start` on."""
    later = tau >= start
    times, rate = tau[later], scattering_rate[later]
    return float(rate.max() / np.abs(np.diff(rate) / np.diff(times)).max())


def is_resolved(duration: float, start: float) -> bool:
    """Whether the finest steps from `start` (Mpc) on resolve a change of the scattering rate."""
    return duration * FINEST >= STEPS_PER_CHANGE * STEP * start


def uniform_times(start: float, today: float, duration: float = np.inf) -> Array:
    """Uniform times (Mpc) for rescatter() from the start of reionisation to today, which resolve a change of the
    scattering rate of this duration."""
    step = min(STEP, max(duration / (STEPS_PER_CHANGE * start), STEP / FINEST))
    return np.linspace(start, today, int(np.ceil((today / start - 1.0) / step)) + 1)


def rescatter(
    k: Array, tau: Array, exp_minus_kappa: Real, visibility: Real,
    neutral: Photons, velocity: Real, potential_decay: Real,
) -> Photons:
    """The contribution of reionisation to M and P of a neutral universe.

    k: (n_k,), 1/Mpc. tau: (n,), Mpc, uniform, from the start of reionisation. exp_minus_kappa, visibility (1/Mpc):
    (n,). neutral, velocity (V) and potential_decay (I, 1/Mpc): (n, n_k). Nothing is added at tau[0].
    """
    convolve = Convolutions(k, float(tau[1] - tau[0]), tau.size)
    # one row for each wavenumber from here on; M and P together
    a, g = exp_minus_kappa.astype(np.float32), visibility.astype(np.float32)
    before = np.stack([neutral.temperature.T, neutral.polarization.T]).astype(np.float32, copy=False)
    over_a = np.float32(1.0) / a
    known = convolve.sources(np.stack([(a - a[0]) * potential_decay.T, g * velocity.T]))
    fixed = (a[0] * before + convolve.results(known[0], velocity=known[1])) * over_a
    now, change = fixed, 0.0
    for _ in range(MOST_ITERATIONS):
        m, p = convolve.sources(g * now)
        last, now = now, fixed + convolve.results(m, polarization=p) * over_a
        change, change_before = max(map(_change, now, last)), change
        # the next change is smaller by the same factor again
        if change * (min(change / change_before, 1.0) if change_before else 1.0) <= TOLERANCE:
            break
    now -= before
    return Photons(now[0].T, now[1].T)


def _change(values: Real, before: Real) -> float:
    """The largest change, relative to the largest value."""
    largest = max(float(values.max()), -float(values.min()))
    difference = values - before
    return max(float(difference.max()), -float(difference.min())) / largest if largest else 0.0


class Convolutions:
    """The integrals over tau' in M and P, by Fourier transform; rows (n_k, n) are wavenumbers, uniform times.

    In single precision, far below the error of the quadrature.
    """

    def __init__(self, k: Array, step: float, size: int) -> None:
        self._size = size
        self._length = next_fast_len(2 * size - 1, real=True)
        phase = k * step
        reach = PHASE_STEP * max(int(np.ceil(phase.max() / PHASE_STEP)), 1)
        angles = np.arccos(np.clip(2.0 * phase / reach - 1.0, -1.0, 1.0))
        series = _kernels(size, reach)
        _, chebyshev = _sines_and_cosines(angles, series.shape[1])
        kernels = np.float32(step) * (chebyshev.astype(np.float32) @ series)
        self._kernels = kernels.view(np.complex64).reshape(2, 3, k.size, -1)

    def sources(self, values: Single) -> NDArray[np.complex64]:
        """Transforms of rows."""
        return np.asarray(rfft(values, self._length))

    def results(
        self, temperature: NDArray[np.complex64], velocity: NDArray[np.complex64] | None = None,
        polarization: NDArray[np.complex64] | None = None,
    ) -> Single:
        """M and P, shape (2, n_k, n), from the sources() of scattering, or of the potentials as `temperature`."""
        transform = self._kernels[:, 0] * temperature
        for kernel, source in ((1, velocity), (2, polarization)):
            if source is not None:
                transform += self._kernels[:, kernel] * source
        return np.asarray(irfft(transform, self._length)[..., :self._size])


@lru_cache(maxsize=32)
def _kernels(size: int, reach: float) -> Single:
    """Chebyshev series, in k times the step of time from 0 to `reach`, of the transforms of the kernels: (6, terms, n).

    M from I and M, V, P, then P from the same, real and imaginary parts in turns, and per step of time.
    """
    # the phase at the last time is reach * size; beyond half of it the series falls faster than any power
    terms = int(np.ceil(0.5 * reach * size)) + 25
    angles = np.pi * (np.arange(terms) + 0.5) / terms
    j0, j1, j2, j3, j4 = spherical_bessel(0.5 * reach * (1.0 + np.cos(angles)), size)
    kernels = np.stack([j0, -j1, j2, 0.5 * j2, 0.2 * j1 - 0.3 * j3, 0.7 * j0 + (5.0 / 7.0) * j2 + (18.0 / 35.0) * j4])
    kernels[..., :3] *= GREGORY
    transforms = rfft(kernels, next_fast_len(2 * size - 1, real=True)).view(np.float64)
    to_series = np.cos(np.outer(np.arange(terms), angles)) * (2.0 / terms)
    to_series[0] *= 0.5
    return np.asarray((to_series @ transforms).astype(np.float32))


def spherical_bessel(step: Array, size: int) -> tuple[Array, Array, Array, Array, Array]:
    """j_0 ... j_4 at 0, step, ..., (size - 1) step, to 1e-9: closed forms, and series where those cancel.

    step: (n,), not negative; results: (n, size).
    """
    x = step[:, None] * np.arange(size)
    small = np.nonzero(x < SERIES_BELOW)
    at_small = x[small]
    x[small] = 1.0
    inverse = 1.0 / x
    sine, cosine = _sines_and_cosines(step, size)
    sine *= inverse
    functions = [sine, (sine - cosine) * inverse]
    for order in range(1, 4):
        functions.append((2 * order + 1) * inverse * functions[order] - functions[order - 1])
    for order, function in enumerate(functions):
        function[small] = _series(order, at_small)
    return functions[0], functions[1], functions[2], functions[3], functions[4]


def _sines_and_cosines(step: Array, size: int) -> tuple[Array, Array]:
    """At 0, step, ..., (size - 1) step by the addition theorem, from few values."""
    few = int(np.ceil(np.sqrt(size)))
    fine, coarse = (np.exp(1j * step[:, None] * np.arange(few) * times) for times in (1, few))
    both = (coarse[:, :, None] * fine[:, None, :]).reshape(step.size, -1)[:, :size]
    return both.imag.copy(), both.real


SERIES_BELOW = 0.6


def _series(order: int, x: Array) -> Array:
    """The first terms of j_order about 0."""
    square = -0.5 * x * x
    total = np.zeros_like(x)
    for term in (5, 4, 3, 2, 1):
        total = (1.0 + total) * square / (term * (2 * order + 2 * term + 1))
    return np.asarray((1.0 + total) * x**order / np.prod(np.arange(1, 2 * order + 2, 2)))
