"""Continue photon fields smoothly past the edge of their region, where photons begin to stream.

A field is only used inside its region, but a table that ends in a cliff would need many more basis functions. The
continuation is a reflection at the edge, f(e+d) = 2 f(e) - f(e-d), which keeps value and slope; in wavenumber it fades
out.

extend() continues one model from its last grid point before the edge. That point moves by up to a grid step from model
to model, at random, and the bases would have to learn the difference. So continue_alike() repeats the continuation
on the nodes, which all models share, from the same node in all models.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.coordinates import Scales
from cosmicnet.fields import Field

from .nodes import NODES, node_times

__all__ = ["continue_alike", "extend"]

Array = NDArray[np.float64]

# CLASS changes its equations for these when photons stream.
PHOTON_PIECES = ("monopole", "temperature", "polarization")
FADE_K = 0.3  # in k/k_edge - 1


def extend(field: Field, table: Array, k: Array, tau: Array, scales: Scales) -> Array:
    """Replace the values outside the field's region; table (tau.size, k.size), k in 1/Mpc, tau in Mpc."""
    if field.piece not in PHOTON_PIECES:
        return table
    if field.region == "early":
        return _reflect_in_time(table, tau, int(np.searchsorted(tau, scales.tau_free_streaming, side="right")) - 1)
    edges = np.searchsorted(k, scales.streaming_trigger / tau)
    return np.stack([_continue_up(row, k, int(edge)) for row, edge in zip(table, edges, strict=True)])


def continue_alike(field: Field, values: NDArray[np.float32], scales: Sequence[Scales]) -> NDArray[np.float32]:
    """Continue values (models, time nodes, wavenumber nodes) past the first edge of any model."""
    if field.piece not in PHOTON_PIECES:
        return values
    result = values.copy()
    if field.region == "early":
        nodes = NODES[field.time]
        known = int(np.searchsorted(nodes, min(s.tau_free_streaming / s.tau_rec for s in scales), side="right"))
        result[:, known:] = _reflected(nodes, result[:, :known], known, axis=1)
        return result
    x = np.exp(NODES[field.wavenumber])
    edges = np.min([s.streaming_trigger * s.sound_horizon_rec / node_times(field, s) for s in scales], axis=0)
    for row, edge in enumerate(edges):
        known = int(np.searchsorted(x, edge, side="right"))
        if known < x.size:
            beyond = _reflected(x, result[:, row, :known], known, axis=1)
            result[:, row, known:] = beyond * _fade(x[known:] / x[known - 1] - 1.0)
    return result


def _fade(past_edge: Array) -> Array:
    """1 at k/k_edge - 1 = 0, 0 from FADE_K on, with two continuous derivatives."""
    s = np.clip(past_edge / FADE_K, 0.0, 1.0)
    return np.asarray(1.0 - s**3 * (10.0 - 15.0 * s + 6.0 * s**2))


def _reflect_in_time(table: Array, tau: Array, last: int) -> Array:
    """Rows after `last` from those before it; there are only a few, which need no fading."""
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
    continued = (2.0 * row[last] - known(mirrored)) * _fade(new / k[last] - 1.0)
    return np.concatenate([row[:edge], continued])


def _reflected(nodes: Array, values: NDArray[np.float32], known: int, axis: int) -> Array:
    """f(e+d) = 2 f(e) - f(e-d) at nodes[known:], from values at nodes[:known] along `axis`; e = nodes[known-1]."""
    mirrored = np.maximum(2.0 * nodes[known - 1] - nodes[known:], nodes[0])
    last = np.take(values, [known - 1], axis=axis)
    return np.asarray(2.0 * last - CubicSpline(nodes[:known], values, axis=axis)(mirrored))
