"""The expected error of a learned set at a point: small where its models are dense, larger between them.

The error of ridge regression at a point is proportional to its predictive variance there. The kernel of this variance
is the same in all directions, in units of the spread of the models: few errors do not tell directions apart. Its width
and noise are those for which the variance is closest to known errors of spectra: of models by networks without them,
and of audits, which compare networks with models before they learn them. Audits also give the factor from the expected
error to one that is hardly exceeded.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from ..work.files import read_arrays, write_arrays

__all__ = ["LATEST", "LEAST_AUDITS", "Audited", "Calibration", "calibrated", "scale_of"]

Array = NDArray[np.float64]

# Relevances of the whitened inputs that are tried, and noises relative to the number of models; rounding hides smaller
# ones.
RELEVANCES = (0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8)
# Keeps exponentials finite, far from all models.
LARGEST = 60.0
NOISES = 10.0 ** np.arange(-9.0, 0.6, 0.5)
# An input is left out if it is less relevant to all fields.
IRRELEVANT = 1e-3

# The fewest audits before networks answer; the number of the latest that set the scale, since those of early networks,
# of few models, scatter more; the share of them that the stated error bounds.
LEAST_AUDITS, LATEST, BOUND = 8, 60, 0.95

# Whitened inputs of one model, computed twice, differ by less.
SAME_POINT = 1e-7

# Keep logarithms finite, of spectra that are equal or that are none; and a matrix of correlations invertible.
LEAST, MOST, JITTER = 1e-300, 1e6, 1e-10


@dataclass(frozen=True)
class Audited:
    """The chi2 at a point, by its inputs (n,), of networks that were learned from the models at `points` (N, n)."""

    points: Array
    at: Array
    chi2: float


@dataclass(frozen=True)
class Calibration:
    """inputs: names; points: inputs of the models (N, n); offset (n,) and whitening (m, n): from inputs to those of the
    kernel; relevance, noise and inverse (N, N): of the kernel and its matrix; per_variance: expected chi2 of the
    spectra for a variance; ratios: of the true to the expected error at audits of former networks; scale: stated over
    expected chi2, infinite before there are enough audits."""

    inputs: tuple[str, ...]
    points: Array
    offset: Array
    whitening: Array
    relevance: float
    noise: float
    inverse: Array
    per_variance: float
    ratios: Array
    scale: float = np.inf

    def has_learned(self, values: Mapping[str, float]) -> bool:
        """Whether one of the models lies at this point."""
        return bool(np.any(np.abs(self._models - self._whitened(values)).max(axis=1) < SAME_POINT))

    def at(self, values: Mapping[str, float]) -> Array:
        """The inputs of a point."""
        return np.array([values[name] for name in self.inputs])

    @cached_property
    def _models(self) -> Array:
        return np.asarray((self.points - self.offset) @ self.whitening.T)

    def _whitened(self, values: Mapping[str, float]) -> Array:
        return np.asarray(self.whitening @ (self.at(values) - self.offset))

    def expected(self, values: Mapping[str, float]) -> float:
        """The expected error of the spectra at a point, as a Wishart chi2."""
        return self._expected(self._whitened(values))

    def _expected(self, z: Array) -> float:
        to_models = _covariance(z[None], self._models, self.relevance)[0]
        variance = _own_variance(z[None], self.relevance)[0] + self.noise - to_models @ self.inverse @ to_models
        # rounding
        return self.per_variance * max(float(variance), self.noise)

    def chi2(self, values: Mapping[str, float]) -> float:
        """The stated error of the spectra, a chi2 that they hardly exceed."""
        return self.scale * self.expected(values)

    def chi2_in_the_middle(self) -> float:
        """The same at the mean of the models."""
        return self.scale * self._expected(self._models.mean(axis=0))

    def write(self, path: Path) -> None:
        arrays = {"points": self.points, "offset": self.offset, "whitening": self.whitening, "inverse": self.inverse,
                  "ratios": self.ratios}
        entries = {"inputs": self.inputs, "relevance": self.relevance, "noise": self.noise,
                   "per_variance": self.per_variance, "chi2": self.scale if np.isfinite(self.scale) else None}
        write_arrays(path, arrays, entries)

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """ValueError if the file is damaged, OSError if it cannot be read."""
        arrays, entries = read_arrays(path)
        return cls(tuple(entries["inputs"]), arrays["points"], arrays["offset"], arrays["whitening"],
                   entries["relevance"], entries["noise"], arrays["inverse"], entries["per_variance"], arrays["ratios"],
                   np.inf if entries["chi2"] is None else entries["chi2"])


def calibrated(names: tuple[str, ...], points: Array, errors: Array, relevances: Array, audits: Sequence[Audited] = ()
               ) -> Calibration:
    """The kernel whose variances follow the known errors best.

    points: inputs of the models (N, n); errors: chi2 of the spectra by networks without the model (N,), NaN where
    unknown; relevances: the largest of each input for a field (n,).
    """
    offset, whitening = points.mean(axis=0), _whitening(points, relevances > IRRELEVANT)
    known = np.flatnonzero(~np.isnan(errors))
    log_errors, log_audits = _logarithms(errors[known]), _logarithms([audit.chi2 for audit in audits])
    z, groups = (points - offset) @ whitening.T, _groups(audits)

    def whitened(inputs: Array) -> Array:
        return np.asarray((inputs - offset) @ whitening.T)

    best, found = np.inf, None
    for relevance in RELEVANCES:
        values, vectors = _kernel(z, relevance)
        earlier = [(rows, *_at_points(whitened(audits[rows[0]].points),
                                      whitened(np.array([audits[i].at for i in rows])), relevance)) for rows in groups]
        for noise in NOISES * len(z):
            inverse = 1.0 / (values + noise)
            left = log_errors + np.log(vectors[known] ** 2 @ inverse)
            ratios = np.empty(len(audits))
            for rows, own, projected, of_values in earlier:
                # the noise of a variance is relative to the number of models, as above
                own_noise = noise * of_values.size / len(z)
                variance = own + own_noise - projected**2 @ (1.0 / (of_values + own_noise))
                ratios[rows] = log_audits[rows] - np.log(np.maximum(variance, own_noise))
            # errors of models without themselves miss what the chain meets outside of them
            scatter, reference = float(left.var()), left
            if len(audits) >= LEAST_AUDITS:
                scatter, reference = scatter + float(ratios.var()), ratios
            if scatter < best:
                best, per_variance = scatter, float(np.exp(reference.mean()))
                found = Calibration(names, points, offset, whitening, relevance, float(noise),
                                    (vectors * inverse) @ vectors.T, per_variance, np.exp(ratios) / per_variance)
    assert found is not None
    return found


def _logarithms(values: Sequence[float] | Array) -> Array:
    return np.asarray(np.log(np.clip(values, LEAST, MOST)))


def _whitening(points: Array, kept: NDArray[np.bool_]) -> Array:
    """The matrix (m, n) to inputs of unit covariance; of the kept ones (n,), or of all if none is."""
    if not kept.any():
        kept = np.ones_like(kept)
    scale = points[:, kept].std(axis=0)
    correlation = np.atleast_2d(np.corrcoef(points[:, kept].T))
    result = np.zeros((int(kept.sum()), kept.size))
    result[:, kept] = np.linalg.inv(np.linalg.cholesky(correlation + JITTER * np.eye(scale.size))) / scale
    return result


def _groups(audits: Sequence[Audited]) -> list[list[int]]:
    """Numbers of audits, those of the same networks together."""
    groups: dict[int, list[int]] = {}
    for number, audit in enumerate(audits):
        groups.setdefault(len(audit.points), []).append(number)
    return list(groups.values())


def _covariance(a: Array, b: Array, relevance: float) -> Array:
    """Between the values of a polynomial of any degree, whose coefficients of high degrees are small, at two sets of
    points (n_a, m) and (n_b, m)."""
    return np.asarray(np.exp(np.minimum(relevance**2 * a @ b.T, LARGEST)))


def _own_variance(z: Array, relevance: float) -> Array:
    """The diagonal of _covariance(z, z)."""
    return np.asarray(np.exp(np.minimum(relevance**2 * (z**2).sum(axis=1), LARGEST)))


def _kernel(z: Array, relevance: float) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of the kernel's matrix."""
    values, vectors = np.linalg.eigh(_covariance(z, z, relevance))
    return np.maximum(values, 0.0), vectors


def _at_points(models: Array, z: Array, relevance: float) -> tuple[Array, Array, Array]:
    """What the variance at points z (p, m) needs besides a noise: prior variances (p,), projections on eigenvectors of
    the models (p, N), and eigenvalues (N,)."""
    values, vectors = _kernel(models, relevance)
    return _own_variance(z, relevance), _covariance(z, models, relevance) @ vectors, values


def scale_of(ratios: Sequence[float]) -> float:
    """The ratio of the stated to the expected error, so large that the true error of a share BOUND of the audits is
    smaller, and with this probability that of the next one, if ratios have a log-normal distribution.

    ratios: of the true to the expected error at audits, the latest last.
    """
    latest = _logarithms(ratios[-LATEST:])
    if len(latest) < LEAST_AUDITS:
        return np.inf
    # of few audits the quantile is the largest, which the next one exceeds too often
    expected = latest.mean() + t.ppf(BOUND, len(latest) - 1) * latest.std(ddof=1) * np.sqrt(1.0 + 1.0 / len(latest))
    return float(np.exp(max(expected, np.quantile(latest, BOUND, method="higher"))))
