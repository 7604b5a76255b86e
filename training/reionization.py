"""Separate what reionisation does to the late photon fields from what they would be without it.

Scattering on free electrons damps the streaming anisotropies by exp(-Delta kappa) and makes new ones.
With D = exp(-Delta kappa) - 1, known exactly from the thermal history (`damping`), a late photon field
is f_0 + D f_1 + D^2 f_2 with f's that are smooth in the parameters, although D has an edge in time
that moves with the redshift of reionisation.
"""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["separate"]

Array = NDArray[np.float64]

# D must vary by this much (rms over models) at a time for f_1, f_2 to be told from f_0.
LEAST_VARIATION = 1e-4
RIDGE = 1e-8


def separate(tables: Array, damping: Array, features: Array, order: int) -> list[Array]:
    """Split tables (models, times, wavenumbers) into f_0 ... f_order of the same shape.

    damping: (models, times). features: (models, m), functions of the parameters. f_1 ... are their
    linear combinations, fitted together with f_0; f_0 is what is left, so that the sum is exact.
    """
    parts = [np.zeros_like(tables) for _ in range(order + 1)]
    models = len(tables)
    for time in range(tables.shape[1]):
        d = damping[:, time, None]
        parts[0][:, time] = tables[:, time]
        if d.std() < LEAST_VARIATION:
            continue
        design = np.concatenate([features * d**power for power in range(order + 1)], axis=1)
        scale = np.sqrt((design**2).mean(axis=0))
        design /= scale
        normal = design.T @ design + RIDGE * models * np.eye(design.shape[1])
        weights = (np.linalg.solve(normal, design.T @ tables[:, time]) / scale[:, None]).reshape(
            order + 1, features.shape[1], -1)
        for power in range(1, order + 1):
            parts[power][:, time] = features @ weights[power]
            parts[0][:, time] -= parts[power][:, time] * d**power
    return parts
