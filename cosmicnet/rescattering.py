"""What reionisation does to the temperature and polarisation of the photons, computed, not learned.

Networks give the photons as they would be in a universe that stays neutral. Free electrons damp them and
make new ones out of what is there: with a = exp(-kappa), the line-of-sight integrals of the photon
multipoles at a time tau are, in the Newtonian gauge and in flat space,

    a M = a_0 M_neutral + int (a - a_0) I j_0 + int g (M j_0 - V j_1 + P j_2)
    a P = a_0 P_neutral + 1/2 int (a - a_0) I j_2
          + int g (1/2 M j_2 + 1/2 V j_2' + P (7/10 j_0 + 5/7 j_2 + 18/35 j_4))

where M = Theta_0 + psi, P = (F_2 + G_0 + G_2)/8, V = theta_b/k, I = phi' + psi'; the integrals run over
tau' from where reionisation starts (a_0) to tau, everything but the spherical Bessel functions
j_l(k (tau - tau')) is taken at tau', and g(tau') is the visibility function. This is the Boltzmann hierarchy
of CLASS (Ma & Bertschinger 1995, eqs. 63 and 64), formally integrated; any history of reionisation may enter.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

__all__ = ["Photons", "rescatter", "spherical_bessel", "start_of_reionization", "uniform_times"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]
# single precision is enough
Real = NDArray[np.floating[Any]]

# Step of the uniform grid of times, relative to the conformal time at the start of reionisation. It resolves the
# width of reionisation (60 Mpc at z = 15, 150 Mpc at z = 8), and k (tau - tau') wherever photons do not yet stream.
STEP = 0.014

# Optical depth per Hubble time from which on electrons count; the neutral universe has less than 1e-3.
LEAST_SCATTERING = 2e-3

# Each iteration lets the photons scatter once more.
MOST_ITERATIONS = 20
TOLERANCE = 1e-6

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


def uniform_times(start: float, today: float) -> Array:
    """The times (Mpc) of rescatter() from the start of reionisation to today."""
    return np.linspace(start, today, int(np.ceil((today / start - 1.0) / STEP)) + 1)


def rescatter(
    k: Array, tau: Array, exp_minus_kappa: Real, visibility: Real,
    neutral: Photons, velocity: Real, potential_decay: Real,
) -> Photons:
    """What reionisation adds to M and P of a neutral universe.

    k: (n_k,), 1/Mpc. tau: (n,), Mpc, uniform, from the start of reionisation. exp_minus_kappa, visibility (1/Mpc):
    (n,). neutral, velocity (V) and potential_decay (I, 1/Mpc): (n, n_k). Nothing is added at tau[0].
    """
    step = float(tau[1] - tau[0])
    j0, j1, j2, j3, j4 = spherical_bessel(k[:, None] * (step * np.arange(tau.size)))
    weights = np.full(tau.size, step)
    weights[:3] *= GREGORY
    convolve = _Convolutions(weights)
    to_m = [convolve.kernel(f) for f in (j0, -j1, j2)]
    to_p = [convolve.kernel(f) for f in (
        0.5 * j2, 0.2 * j1 - 0.3 * j3, 0.7 * j0 + (5.0 / 7.0) * j2 + (18.0 / 35.0) * j4)]
    a, g = exp_minus_kappa.astype(np.float32), visibility.astype(np.float32)
    known = convolve.source((a - a[0]) * potential_decay.T), convolve.source(g * velocity.T)
    fixed = Photons(
        *((a[0] * photons.T + convolve.result(known[0] * kernel[0] + known[1] * kernel[1])) / a
          for photons, kernel in ((neutral.temperature, to_m), (neutral.polarization, to_p))))
    now = fixed
    change = 0.0
    for _ in range(MOST_ITERATIONS):
        m, p = convolve.source(g * now.temperature), convolve.source(g * now.polarization)
        last, now = now, Photons(fixed.temperature + convolve.result(m * to_m[0] + p * to_m[2]) / a,
                                 fixed.polarization + convolve.result(m * to_p[0] + p * to_p[2]) / a)
        change, before = max(_change(now.temperature, last.temperature),
                             _change(now.polarization, last.polarization)), change
        # the next change is smaller by the same factor again
        if change * (min(change / before, 1.0) if before else 1.0) <= TOLERANCE:
            break
    return Photons(now.temperature.T - neutral.temperature, now.polarization.T - neutral.polarization)


def _change(values: Real, before: Real) -> float:
    """The largest change, relative to the largest value."""
    largest = max(float(values.max()), -float(values.min()))
    difference = values - before
    return max(float(difference.max()), -float(difference.min())) / largest if largest else 0.0


class _Convolutions:
    """Causal integrals over tau' of source(tau') kernel(tau - tau') for rows (n_k, n), by Fourier transform.

    In single precision, far below the error of the quadrature.
    """

    def __init__(self, weights: Array) -> None:
        self._weights = weights
        self._length = next_fast_len(2 * weights.size - 1, real=True)

    def kernel(self, values: Array) -> NDArray[np.complex64]:
        return self.source(values * self._weights)

    def source(self, values: Real) -> NDArray[np.complex64]:
        return np.asarray(rfft(values.astype(np.float32, copy=False), self._length))

    def result(self, transform: NDArray[np.complex64]) -> Single:
        return np.asarray(irfft(transform, self._length)[:, :self._weights.size])


def spherical_bessel(x: Array) -> tuple[Array, Array, Array, Array, Array]:
    """j_0 ... j_4 at x >= 0, to 1e-9: closed forms, and series where those cancel."""
    small = x < SERIES_BELOW
    y = np.where(small, 1.0, x)
    inverse = 1.0 / y
    sine = np.sin(y) * inverse
    functions = [sine, (sine - np.cos(y)) * inverse]
    for order in range(1, 4):
        functions.append((2 * order + 1) * inverse * functions[order] - functions[order - 1])
    for order, function in enumerate(functions):
        function[small] = _series(order, x[small])
    return functions[0], functions[1], functions[2], functions[3], functions[4]


SERIES_BELOW = 0.6


def _series(order: int, x: Array) -> Array:
    """The first terms of j_order about 0."""
    square = -0.5 * x * x
    total = np.zeros_like(x)
    for term in (5, 4, 3, 2, 1):
        total = (1.0 + total) * square / (term * (2 * order + 2 * term + 1))
    return np.asarray((1.0 + total) * x**order / np.prod(np.arange(1, 2 * order + 2, 2)))
