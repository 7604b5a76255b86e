"""Continue a field smoothly past the edge of its region, or of where photons stream.

A field is only ever used inside, but a table with a cliff at its edge would need many more basis
functions than one that goes on. The continuation is a reflection at the edge, f(e+d) = 2 f(e) - f(e-d),
which keeps value and slope, faded out over a quarter of the way.
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.coordinates import Scales
from cosmicnet.fields import Field

__all__ = ["PHOTON_PIECES", "extend", "fade"]

Array = NDArray[np.float64]

# Of these, CLASS changes how it gets them when photons stream.
PHOTON_PIECES = ("monopole", "temperature", "polarization")
FADE_K = 0.3  # in k/k_edge - 1


def extend(field: Field, table: Array, k: Array, tau: Array, scales: Scales) -> Array:
    """Replace what lies outside the field's range; table (tau.size, k.size), k in 1/Mpc, tau in Mpc."""
    if field.piece not in PHOTON_PIECES:
        return table
    if field.region == "early":
        return _reflect_in_time(table, tau, int(np.searchsorted(tau, scales.tau_free_streaming, side="right")) - 1)
    edges = np.searchsorted(k, scales.streaming_trigger / tau)
    return np.stack([_continue_up(row, k, int(edge)) for row, edge in zip(table, edges, strict=True)])


def fade(past_edge: Array) -> Array:
    """1 at k/k_edge - 1 = 0, 0 from FADE_K on, with two continuous derivatives."""
    s = np.clip(past_edge / FADE_K, 0.0, 1.0)
    return np.asarray(1.0 - s**3 * (10.0 - 15.0 * s + 6.0 * s**2))


def _reflect_in_time(table: Array, tau: Array, last: int) -> Array:
    """Rows after `last` from those before it; they are a few, so nothing is faded out."""
    mirrored = np.maximum(2.0 * tau[last] - tau[last + 1:], tau[0])
    before = CubicSpline(tau[: last + 1], table[: last + 1], axis=0)(mirrored)
    return np.concatenate([table[: last + 1], 2.0 * table[last] - before])


def _continue_up(row: Array, k: Array, edge: int) -> Array:
    """Keep row[:edge], continue to larger k."""
    if edge >= k.size:
        return row
    last = edge - 1
    new = k[edge:]
    mirrored = np.maximum(2.0 * k[last] - new, k[0])
    known = CubicSpline(k[:edge], row[:edge])
    continued = (2.0 * row[last] - known(mirrored)) * fade(new / k[last] - 1.0)
    return np.concatenate([row[:edge], continued])
