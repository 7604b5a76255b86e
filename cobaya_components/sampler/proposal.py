"""The distribution from which independent samples are drawn, and how it learns from them."""
from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cosmicnet.files import parse_json, write_whole

__all__ = ["Proposal", "effective_samples", "gelman_rubin"]

Array = NDArray[np.float64]


def effective_samples(weights: Array) -> float:
    """Number of independent samples of equal weight with the same worth: (sum w)^2 / sum w^2."""
    if not np.any(weights > 0.0):
        return 0.0
    # squares of large ones would overflow
    relative = weights / weights.max()
    return float(relative.sum()**2 / (relative**2).sum())


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
        """Draws, shape (m, n), from points of the unit cube in n + 1 dimensions, shape (m, n + 1)."""
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

    def write(self, file: Path, zero: float) -> None:
        """Write JSON from which `read` gives the same bits. zero: the log-posterior of weight 1."""
        kept = {"center": self.center.tolist(), "scale": self.scale.tolist(),
                "degrees_of_freedom": self.degrees_of_freedom, "log_posterior_of_weight_1": zero}
        write_whole({file: json.dumps(kept, indent=1)})

    def read(self, file: Path) -> tuple[Proposal, float]:
        """Read a proposal of as many parameters and its zero. Raises ValueError for anything else."""
        try:
            kept = parse_json(file.read_text(encoding="utf-8"))
            center, scale = np.array(kept["center"], dtype=float), np.array(kept["scale"], dtype=float)
            freedom, zero = float(kept["degrees_of_freedom"]), float(kept["log_posterior_of_weight_1"])
        except (KeyError, TypeError) as error:
            raise ValueError("not a proposal") from error
        n = self.center.size
        finite = np.all(np.isfinite([*center, *scale.flat, freedom, zero]))
        if (center.shape, scale.shape) != ((n,), (n, n)) or not finite:
            raise ValueError(f"not a proposal of {n} parameters")
        return Proposal(center, scale, freedom), zero
