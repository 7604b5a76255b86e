"""The expected error of a learned set at a point: small where its models are dense, larger between them.

The error of ridge regression at a point is proportional to its predictive variance there. The relevances of the inputs
and the noise are those for which this variance is closest to the leave-one-out errors of the models. Audits, which
compare networks with models before they learn them, give the chi2 of the spectra for a squared error of the fields.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from cosmicnet.network import Normalization

from ..fields.relevance import prior_covariance
from ..work.files import read_arrays, write_arrays

__all__ = ["LEAST_AUDITS", "Calibration", "calibrated", "scale_of"]

Array = NDArray[np.float64]

# The remainder of a cubic polynomial begins with the fourth power.
DEGREE = 5
# Relative to the number of models; rounding hides smaller ones.
NOISES = 10.0 ** np.arange(-7.0, 0.1, 0.5)
# Each candidate for the relevances is tried with these factors.
FACTORS = (0.5, 1.0, 2.0)

# The fewest audits before networks answer; the number of the latest that count; the share of them that the stated error
# bounds.
LEAST_AUDITS, LATEST, BOUND = 8, 200, 0.95

# Normalized inputs of one model, computed twice, differ by less.
SAME_POINT = 1e-9

# Keeps logarithms finite.
TINY = 1e-300


@dataclass(frozen=True)
class Calibration:
    """inputs: names; points: normalized inputs of the models (N, n); relevances (n,); noise; inverse: of the kernel's
    matrix (N, N); per_variance: squared relative error of the fields; scale: chi2 of the spectra for that, infinite
    before there are enough audits."""

    inputs: tuple[str, ...]
    input_map: Normalization
    points: Array
    relevances: Array
    noise: float
    inverse: Array
    per_variance: float
    scale: float = np.inf

    def has_learned(self, values: Mapping[str, float]) -> bool:
        """Whether one of the models lies at this point."""
        return bool(np.any(np.abs(self.points - self._normalized(values)).max(axis=1) < SAME_POINT))

    def _normalized(self, values: Mapping[str, float]) -> Array:
        return self.input_map.apply(np.array([values[name] for name in self.inputs]))

    def field_error(self, values: Mapping[str, float]) -> float:
        """Expected squared relative error of the fields at a point."""
        return self._field_error(self._normalized(values))

    def _field_error(self, z: Array) -> float:
        to_models = prior_covariance(z[None], self.points, self.relevances, DEGREE)[0]
        own = prior_covariance(z[None], z[None], self.relevances, DEGREE)[0, 0]
        variance = own + self.noise - to_models @ self.inverse @ to_models
        # rounding
        return self.per_variance * max(float(variance), self.noise)

    def chi2(self, values: Mapping[str, float]) -> float:
        """The expected error of the spectra, as a Wishart chi2."""
        return self.scale * self.field_error(values)

    def chi2_in_the_middle(self) -> float:
        """The same at the mean of the models."""
        return self.scale * self._field_error(self.points.mean(axis=0))

    def write(self, path: Path) -> None:
        arrays = {"offset": self.input_map.offset, "scale": self.input_map.scale, "points": self.points,
                  "relevances": self.relevances, "inverse": self.inverse}
        entries = {"inputs": self.inputs, "noise": self.noise, "per_variance": self.per_variance,
                   "chi2": self.scale if np.isfinite(self.scale) else None}
        write_arrays(path, arrays, entries)

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """ValueError if the file is damaged, OSError if it cannot be read."""
        arrays, entries = read_arrays(path)
        return cls(tuple(entries["inputs"]), Normalization(arrays["offset"], arrays["scale"]), arrays["points"],
                   arrays["relevances"], entries["noise"], arrays["inverse"], entries["per_variance"],
                   np.inf if entries["chi2"] is None else entries["chi2"])


def calibrated(names: tuple[str, ...], inputs: Array, errors: Array, relevances: Sequence[Array]) -> Calibration:
    """The kernel whose leave-one-out variances follow the leave-one-out errors best.

    inputs (N, n); errors: squared relative errors of the fields (N,); relevances: candidates, each (n,).
    """
    input_map = Normalization.to_unit_box(inputs)
    z, log_errors = input_map.apply(inputs), np.log(np.maximum(errors, TINY))
    best, found = np.inf, None
    for candidate in (factor * one for one in relevances for factor in FACTORS):
        values, vectors = np.linalg.eigh(prior_covariance(z, z, candidate, DEGREE))
        for noise in NOISES * len(z):
            inverse = 1.0 / (np.maximum(values, 0.0) + noise)
            left = log_errors + np.log(vectors**2 @ inverse)
            if left.std() < best:
                best = float(left.std())
                found = Calibration(names, input_map, z, candidate, float(noise), (vectors * inverse) @ vectors.T,
                                    float(np.exp(left.mean())))
    assert found is not None
    return found


def scale_of(audits: Sequence[Mapping[str, float]]) -> float:
    """The ratio of the spectra's chi2 to the squared error of the fields, so large that the chi2 of a share BOUND of
    the audits is smaller, and with this probability that of the next one, if ratios have a log-normal distribution.

    audits: the latest last.
    """
    latest = audits[-LATEST:]
    if len(latest) < LEAST_AUDITS:
        return np.inf
    ratios = np.log([max(audit["chi2"], TINY) / audit["field_error"] for audit in latest])
    # of few audits the quantile is the largest, which the next one exceeds too often
    expected = ratios.mean() + t.ppf(BOUND, len(ratios) - 1) * ratios.std(ddof=1) * np.sqrt(1.0 + 1.0 / len(ratios))
    return float(np.exp(max(expected, np.quantile(ratios, BOUND, method="higher"))))
