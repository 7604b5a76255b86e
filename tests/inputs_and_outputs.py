"""Inputs of networks in their usual ranges, and outputs that a polynomial of second degree gives exactly."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NAMES = ("ln_omega_m", "ln_h", "N_ur")


def make_inputs(models: int = 60) -> Array:
    return np.random.default_rng(5).uniform([-2.2, -0.5, 2.02], [-1.8, -0.2, 2.05], (models, 3))


def quadratic(inputs: Array) -> Array:
    m, h, n = inputs.T
    return np.stack([1 + m * h - 3 * m**2, 0.01 * h + 5 * n, h**2], axis=1)
