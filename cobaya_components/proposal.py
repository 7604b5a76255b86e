"""A wide distribution from which independent samples are drawn, and how it learns from those that it has."""
from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["Proposal", "effective_samples", "gelman_rubin"]

Array = NDArray[np.float64]


def effective_samples(weights: Array) -> float:
    """How many independent samples of equal weight are worth these: (sum w)^2 / sum w^2."""
    total = weights.sum()
    return float(total**2 / (weights**2).sum()) if total > 0.0 else 0.0


def gelman_rubin(chains: list[tuple[Array, Array]]) -> float:
    """R-1 of two or more chains of points, shape (m, n), with weights (m,): the largest variance between their means,
    over the mean variance within (Lewis 2013, arXiv:1304.4473, section IV)."""
    means = np.array([np.average(points, axis=0, weights=weights) for points, weights in chains])
    within = np.mean([np.cov(points.T, aweights=weights, ddof=0) for points, weights in chains], axis=0)
    inverse = np.linalg.inv(np.linalg.cholesky(np.atleast_2d(within)))
    between = np.atleast_2d(np.cov(means.T))
    return float(np.linalg.eigvalsh(inverse @ between @ inverse.T).max())


@dataclass(frozen=True)
class Proposal:
    """Multivariate t distribution. center: shape (n,); scale: Cholesky factor of its matrix, (n, n)."""

    center: Array
    scale: Array
    degrees_of_freedom: float

    def from_uniform(self, uniform: Array) -> Array:
        """Draws, shape (m, n), from points of the unit cube of one dimension more, shape (m, n + 1)."""
        normal = stats.norm.ppf(uniform[:, :-1])
        stretch = stats.chi2.ppf(uniform[:, -1:], self.degrees_of_freedom) / self.degrees_of_freedom
        draws: Array = self.center + (normal / np.sqrt(stretch)) @ self.scale.T
        return draws

    def log_density(self, points: Array) -> Array:
        """Up to a constant; points of shape (m, n)."""
        distance = np.sum(np.linalg.solve(self.scale, (points - self.center).T)**2, axis=0)
        nu, n = self.degrees_of_freedom, self.center.size
        density: Array = -0.5 * (nu + n) * np.log1p(distance / nu)
        return density

    def learned(self, points: Array, weights: Array, widen: float) -> Proposal:
        """Around the mean of weighted points, shape (m, n) and (m,), with their covariance times widen^2 as matrix."""
        covariance = np.atleast_2d(np.cov(points.T, aweights=weights, ddof=0))
        scale = np.asarray(widen * np.linalg.cholesky(covariance), dtype=float)
        return replace(self, center=np.average(points, axis=0, weights=weights), scale=scale)

    def write(self, file: Path) -> None:
        """One row for the center, and those of the Cholesky factor, such that `read` gives the same bits."""
        part = file.with_name(f"{file.name}.part")
        np.savetxt(part, np.vstack([self.center, self.scale]))
        os.replace(part, file)

    def read(self, file: Path) -> Proposal:
        """The one that was written. Raises ValueError for what is none of as many parameters."""
        rows = np.loadtxt(file.read_text(encoding="utf-8").splitlines() or ["nan"], ndmin=2)
        if rows.shape != (self.center.size + 1, self.center.size) or not np.all(np.isfinite(rows)):
            raise ValueError(f"has {rows.shape[0]} x {rows.shape[1]} numbers")
        return replace(self, center=rows[0], scale=rows[1:])
