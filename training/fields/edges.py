"""Give the tables of all models the same continuation past the edge of where a field is used.

extend() continues each model from its own last wavenumber or time before the edge. Those differ by a step of the
model's grid, at random, and the bases would have to learn that. On the nodes, which all models share, the
continuation is made again from one and the same node.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.coordinates import Scales
from cosmicnet.fields import Field

from .extend import PHOTON_PIECES, fade
from .resample import NODES, node_times

__all__ = ["continue_alike"]

Array = NDArray[np.float64]


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
            result[:, row, known:] = beyond * fade(x[known:] / x[known - 1] - 1.0)
    return result


def _reflected(nodes: Array, values: NDArray[np.float32], known: int, axis: int) -> Array:
    """f(e+d) = 2 f(e) - f(e-d) at nodes[known:], from values at nodes[:known] along `axis`; e = nodes[known-1]."""
    mirrored = np.maximum(2.0 * nodes[known - 1] - nodes[known:], nodes[0])
    last = np.take(values, [known - 1], axis=axis)
    return np.asarray(2.0 * last - CubicSpline(nodes[:known], values, axis=axis)(mirrored))
