"""Photons that stream freely at wavenumbers beyond those of the fields, from the sources of recombination.

The multipoles of a universe that stays neutral are line-of-sight integrals to a time tau in place of today (CosmicNet
I, eq. 2.1; the combinations of multipoles as in rescattering.py). With x = k (tau - tau'),

    Theta_0 + phi = int (S_T0 j_0 + S_T1 j_0' + S_T2 (3 j_0'' + j_0)/2)
    P = int ((S_T0 j_2 + S_T1 j_2')/2 + S_T2 (7/10 j_0 + 5/7 j_2 + 18/35 j_4))

For large x both are the real part of exp(ix) (c_1/x + c_2/x^2), of which c_1 and c_2 are sums of the sources. The
widths of recombination and of the early integrated Sachs-Wolfe effect are small compared with tau, so 1/x^n is a short
series around recombination, and the integrals over tau' are a few moments of the sources for each wavenumber.

To these waves are added the photons of slow changes at tau itself, with the integral of j_2, pi/4.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .evaluation import Factors

__all__ = ["FreeStreaming", "slow_polarization"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Complex = NDArray[np.complex64]


@dataclass(frozen=True)
class FreeStreaming:
    """Integrals over the sources of recombination, in single precision.

    k: (n_k,), 1/Mpc. temperature, polarization: (3, n_k), coefficients of the powers -1, -2 and -3 of tau - tau_rec.
    """

    k: Array
    tau_rec: float
    temperature: Complex
    polarization: Complex

    @classmethod
    def of(cls, k: Array, tau: Array, t0: Single, t1: Single, t2: Single, tau_rec: float) -> FreeStreaming:
        """t0, t1, t2: sources of shape (tau.size, k.size) at early times tau (Mpc)."""
        step, distance = np.diff(tau), tau - tau_rec
        weight = 0.5 * (np.append(step, 0.0) + np.append(0.0, step))
        powers = np.stack([weight, weight * distance, weight * distance**2]).astype(np.float32)
        cosine, sine = _wave(np.outer(distance, k))
        m0, m1, m2 = (powers @ (cosine * source) - 1j * (powers @ (sine * source)) for source in (t0, t1, t2))
        # c_1 of the temperature is -2 times that of P
        first = m1 + 1j * (m2 - m0)
        return cls(k, tau_rec,
                   temperature=_in_powers(k, first, 1j * m1 - 3.0 * m2),
                   polarization=_in_powers(k, -0.5 * first, 3.0 * m2 - 1.5 * m0 - 2j * m1))

    def at(self, tau: Array) -> tuple[Single, Single]:
        """Theta_0 + phi and P at tau (Mpc), each (tau.size, k.size)."""
        distance = tau - self.tau_rec
        powers = np.stack([1.0 / distance, 1.0 / distance**2, 1.0 / distance**3], axis=1).astype(np.float32)
        cosine, sine = _wave(np.outer(distance, self.k))

        def real_part(coefficients: Complex) -> Single:
            return np.asarray(cosine * (powers @ coefficients.real) - sine * (powers @ coefficients.imag))

        return real_part(self.temperature), real_part(self.polarization)


def slow_polarization(
    k: Array, tau: Array, exp_minus_kappa: Array, visibility: Array, velocity_over_k: Factors, potential_decay: Factors
) -> Factors:
    """P of streaming photons from late potentials and electrons: pi/8 (I + (g V)'/(a k))/k in the terms of
    rescattering.py.

    k: (n_k,), 1/Mpc. tau (Mpc), exp_minus_kappa (a), visibility (g, 1/Mpc): (n,). velocity_over_k (V/k),
    potential_decay (I, 1/Mpc): tables (n, n_k).
    """
    scattered = np.gradient(visibility[:, None] * velocity_over_k.left, tau, axis=0) / exp_minus_kappa[:, None]
    both = Factors.sum_of([potential_decay, Factors(scattered.astype(np.float32), velocity_over_k.right)])
    return both.scaled(np.full(tau.size, np.pi / 8.0), 1.0 / k)


def _wave(phase: Array) -> tuple[Single, Single]:
    """Cosine and sine."""
    single = phase.astype(np.float32)
    return np.cos(single), np.sin(single)


def _in_powers(k: Array, first: NDArray[Any], second: NDArray[Any]) -> Complex:
    """first, second: moments of c_1 and c_2 around recombination, of order 0, 1 and 2."""
    once, twice = 1.0 / k, 1.0 / k**2
    return np.stack([once * first[0], once * first[1] + twice * second[0],
                     once * first[2] + 2.0 * twice * second[1]]).astype(np.complex64)
