"""The slow twin of the fast line of sight in curved space: radial functions by recurrences in NumPy."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# enough beyond the turning point for the start of a recurrence downwards, for the l of the tests
MORE_AT_START = 60


class Radial(NamedTuple):
    """Phi_l and dPhi_l/dx, x = q chi, at (q, chi); c = cosK/(q sinK) and s = q sinK there."""

    value: Array
    slope: Array
    c: Array
    s: Array


def sine_and_cosine(curvature: float, distance: Array) -> tuple[Array, Array]:
    """sinK (in the unit of distance) and cosK; curvature > 0: closed."""
    root = np.sqrt(abs(curvature))
    angle = root * distance
    return (np.sin(angle) / root, np.cos(angle)) if curvature > 0 else (np.sinh(angle) / root, np.cosh(angle))


def radial(ell: int, q: Array, distance: Array, curvature: float) -> Radial:
    """By the recurrence upwards where q sinK > l + 1/2, and downwards elsewhere.

    In closed space nu = q/sqrt(K) are whole numbers; for nu <= l the function is zero.
    """
    exists = (q > (ell + 0.5) * np.sqrt(curvature)) if curvature > 0 else np.full(q.shape, True)
    found = _radial(ell, q[exists, None], distance, curvature)
    whole = [np.full((q.size, distance.size), value) for value in (0.0, 0.0, 1.0, 1.0)]
    for to, values in zip(whole, found, strict=True):
        to[exists] = values
    return Radial(*whole)


def _radial(ell: int, q: Array, distance: Array, curvature: float) -> Radial:
    sine, cosine = sine_and_cosine(curvature, distance)
    x, s, c = q * distance, q * sine, cosine / (q * sine)

    def b(n: int) -> Array:
        return np.sqrt(np.maximum(1 - curvature * n**2 / q**2, 0))

    first = np.sin(x) / s
    below, here = first, (c * first - np.cos(x) / s) / b(1)
    second = here
    for n in range(1, ell):
        below, here = here, ((2 * n + 1) * c * here - b(n) * below) / b(n + 1)
    up = here, b(ell) * below - (ell + 1) * c * here
    # the largest multipole is nu - 1 in closed space
    last = np.minimum(ell + MORE_AT_START, np.rint(q / np.sqrt(curvature)) - 1 if curvature > 0 else np.inf) + 0 * x
    above, here = np.zeros_like(x), np.zeros_like(x)
    kept = here, here
    for n in range(ell + MORE_AT_START, 0, -1):
        here = np.where(last == n, 1e-150, here)
        below = (2 * n + 1) * c * here - b(n + 1) * above
        if n == ell:
            kept = here, below - (ell + 1) * c * here
        above, here = here, below / np.where(b(n) > 0, b(n), 1)
    norm = np.where(abs(first) > abs(second), first / here, second / above)
    value, slope = (np.where(s > ell + 0.5, a, norm * d) for a, d in zip(up, kept, strict=True))
    return Radial(value, slope, c + 0 * x, s + 0 * x)
