"""Functions tabulated on nodes and evaluated anywhere: quintic splines; local polynomials on uniform nodes."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline
from scipy.sparse import csr_array

__all__ = ["DEGREE", "SplineBasis", "lagrange_matrix", "stack"]

Array = NDArray[np.float64]

DEGREE = 5


@dataclass(frozen=True)
class SplineBasis:
    """Functions of one coordinate: knots (m + DEGREE + 1,), spline coefficients (m, functions)."""

    knots: Array
    coefficients: Array

    @classmethod
    def through(cls, nodes: Array, values: Array) -> SplineBasis:
        """The spline through values (nodes.size, functions) at increasing nodes."""
        spline = make_interp_spline(nodes, values, k=DEGREE)
        return cls(np.asarray(spline.t), np.asarray(spline.c))

    @property
    def first(self) -> float:
        return float(self.knots[DEGREE])

    @property
    def last(self) -> float:
        return float(self.knots[-DEGREE - 1])

    def single(self, coordinate: Array) -> NDArray[np.float32]:
        """The same in single precision."""
        return np.asarray(self._design(coordinate).astype(np.float32) @ self._single_coefficients)

    @cached_property
    def _single_coefficients(self) -> NDArray[np.float32]:
        return self.coefficients.astype(np.float32)

    def __call__(self, coordinate: Array) -> Array:
        """Values at `coordinate`, shape (coordinate.size, functions), constant beyond the ends."""
        return np.asarray(self._design(coordinate) @ self.coefficients)

    def _design(self, coordinate: Array) -> csr_array:
        inside = np.clip(coordinate, self.first, self.last)
        return BSpline.design_matrix(inside, self.knots, DEGREE)


def stack(bases: list[SplineBasis]) -> SplineBasis:
    """Bases on the same knots as one, their functions side by side."""
    return SplineBasis(bases[0].knots, np.concatenate([b.coefficients for b in bases], axis=1))


def lagrange_matrix(nodes: Array, points: Array) -> csr_array:
    """The sparse matrix (points, nodes) that interpolates values at uniform nodes with local quintic polynomials.

    Six nodes around each point, or the outermost six; nodes: (n,) with n > DEGREE.
    """
    position = (points - nodes[0]) / (nodes[1] - nodes[0])
    first = np.clip(np.floor(position).astype(int) - DEGREE // 2, 0, nodes.size - DEGREE - 1)
    offset = position - first
    order = np.arange(DEGREE + 1)
    weights = np.ones((points.size, DEGREE + 1))
    for node in order:
        for other in order[order != node]:
            weights[:, node] *= (offset - other) / (node - other)
    columns = first[:, None] + order
    rows = np.arange(points.size + 1) * (DEGREE + 1)
    return csr_array((weights.ravel(), columns.ravel(), rows), shape=(points.size, nodes.size))
