"""Affine maps around a network: inputs to [-1, 1], outputs from order one. Invertible, never learned."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Normalization"]

Array = NDArray[np.float64]

# Values that differ by less than this (relative) are the same number, computed in different ways.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Normalization:
    """normalized = (value - offset) / scale, component by component; offset, scale: shape (n,)."""

    offset: Array
    scale: Array

    @classmethod
    def to_unit_box(cls, values: Array) -> Normalization:
        """Map the range of values (samples, n) to [-1, 1]; what is constant but for rounding to 0."""
        low, high = values.min(axis=0), values.max(axis=0)
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        return cls(middle, np.where(half > ROUNDING * np.abs(middle), half, 1.0))

    def apply(self, values: Array) -> Array:
        return np.asarray((values - self.offset) / self.scale)

    def invert(self, normalized: Array) -> Array:
        return np.asarray(self.offset + self.scale * normalized)
