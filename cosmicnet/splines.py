"""Functions tabulated on nodes and evaluated anywhere: quintic and cubic splines, local polynomials."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline
from scipy.linalg.lapack import dgtsv
from scipy.sparse import csr_array

__all__ = ["DEGREE", "SplineBasis", "cubic_at", "cubic_slopes", "lagrange_matrix", "stack"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

DEGREE = 5
_POWERS = np.arange(DEGREE + 1, dtype=np.int32)


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

    def single(self, coordinate: Array) -> Single:
        """The same in single precision."""
        return np.asarray(self._design(coordinate, np.float32) @ self.single_coefficients)

    @cached_property
    def single_coefficients(self) -> Single:
        return self.coefficients.astype(np.float32)

    def __call__(self, coordinate: Array) -> Array:
        """Values at `coordinate`, shape (coordinate.size, functions), constant beyond the ends."""
        return np.asarray(self._design(coordinate, np.float64) @ self.coefficients)

    def _design(self, coordinate: Array, kind: type[np.floating]) -> csr_array:
        """The sparse matrix (coordinate.size, m) of B-splines; BSpline.design_matrix() takes three times as long."""
        inside = np.clip(coordinate, self.first, self.last)
        breaks = self.breaks
        interval = np.searchsorted(breaks[1:-1], inside, side="right")
        left = breaks[interval]
        position = (inside - left) / (breaks[interval + 1] - left)
        weights = np.einsum("np,npj->nj", _powers(position), self.polynomials[interval])
        return _six_to_a_row(weights.astype(kind, copy=False), interval, self.coefficients.shape[0])

    @property
    def breaks(self) -> Array:
        """The knots within the range, its ends included."""
        return self.knots[DEGREE:-DEGREE]

    @cached_property
    def polynomials(self) -> Array:
        """Between two knots, the six B-splines there as polynomials of the position, 0 to 1: (intervals, powers, 6)."""
        breaks = self.breaks
        position = 0.5 - 0.5 * np.cos(np.pi * (_POWERS + 0.5) / _POWERS.size)
        points = breaks[:-1, None] + position * np.diff(breaks)[:, None]
        values = BSpline.design_matrix(points.ravel(), self.knots, DEGREE).data.reshape(-1, DEGREE + 1, DEGREE + 1)
        return np.asarray(np.linalg.inv(_powers(position)) @ values)


def stack(bases: list[SplineBasis]) -> SplineBasis:
    """Bases on the same knots as one, their functions side by side."""
    return SplineBasis(bases[0].knots, np.concatenate([b.coefficients for b in bases], axis=1))


def cubic_slopes(x: Array, values: Array) -> Array:
    """Slopes at increasing x (n,), n > 3, of the cubic splines through values (n, columns), whose third derivatives are
    continuous at the second and the last but one x; scipy's CubicSpline takes six times as long for few columns."""
    step = np.diff(x)
    over_step = 1.0 / step
    rise = np.diff(values, axis=0) * over_step[:, None]
    right = np.empty_like(values)
    right[1:-1] = 3.0 * (over_step[:-1, None] * rise[:-1] + over_step[1:, None] * rise[1:])
    # of two steps at each end
    both = (step[0] + step[1], step[-1] + step[-2])
    right[0] = ((step[0] + 2.0 * both[0]) * step[1] * rise[0] + step[0] ** 2 * rise[1]) / both[0]
    right[-1] = (step[-1] ** 2 * rise[-2] + (2.0 * both[1] + step[-1]) * step[-2] * rise[-1]) / both[1]
    middle = np.concatenate([[step[1]], 2.0 * (over_step[:-1] + over_step[1:]), [step[-2]]])
    below, above = np.append(over_step[:-1], both[1]), np.append(both[0], over_step[1:])
    return np.asarray(dgtsv(below, middle, above, right)[3])


def cubic_at(x: Array, values: Array, points: Array) -> Array:
    """The splines of cubic_slopes() at points within x, shape (points.size, columns)."""
    slopes = cubic_slopes(x, values)
    left = np.searchsorted(x[1:-1], points, side="right")
    step = (x[left + 1] - x[left])[:, None]
    t = (points - x[left])[:, None] / step
    rise = values[left + 1] - values[left]
    first, last = step * slopes[left] - rise, rise - step * slopes[left + 1]
    return np.asarray(values[left] + t * rise + t * (1.0 - t) * ((1.0 - t) * first + t * last))


def lagrange_matrix(nodes: Array, points: Array) -> csr_array:
    """The sparse matrix (points, nodes) that interpolates values at uniform nodes with local quintic polynomials.

    Six nodes around each point, or the outermost six; nodes: (n,) with n > DEGREE.
    """
    position = (points - nodes[0]) / (nodes[1] - nodes[0])
    first = np.clip(np.floor(position).astype(int) - DEGREE // 2, 0, nodes.size - DEGREE - 1)
    middle = 0.5 * DEGREE
    to_weights = np.asarray(np.linalg.inv(_powers(np.arange(DEGREE + 1.0) - middle)), dtype=float)
    weights = _powers(position - first - middle) @ to_weights
    return _six_to_a_row(weights, first, nodes.size)


def _powers(values: Array) -> Array:
    """values (n,) to the power 0 ... DEGREE, shape (n, DEGREE + 1)."""
    powers = np.ones((values.size, DEGREE + 1))
    for power in _POWERS[1:]:
        np.multiply(powers[:, power - 1], values, out=powers[:, power])
    return powers


def _six_to_a_row(weights: NDArray[np.floating], first: NDArray[np.int64], columns: int) -> csr_array:
    """The sparse matrix with weights (rows, 6) in successive columns from `first` (rows,) on."""
    rows = np.arange(0, weights.size + 1, DEGREE + 1, dtype=np.int32)
    place = first.astype(np.int32)[:, None] + _POWERS
    return csr_array((weights.ravel(), place.ravel(), rows), shape=(weights.shape[0], columns))
