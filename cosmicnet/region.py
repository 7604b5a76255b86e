"""Domains other than boxes: linear constraints, and ellipsoids around a measurement."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ellipsoid", "LinearConstraint"]

Array = NDArray[np.float64]

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TERM = re.compile(rf"\s*([-+]?)\s*(?:({NUMBER[5:]})\s*\*\s*)?([A-Za-z_]\w*)\s*")
_WHOLE = re.compile(rf"(?P<sum>.*?)(?P<sign><=?|>=?)\s*(?P<limit>{NUMBER})\s*")

# Tolerance for values on the edge that were rounded in a text.
ROUNDING = 1e-12


@dataclass(frozen=True)
class LinearConstraint:
    """sum of coefficients times parameters < limit; `text` is how it was written, e.g. 'w0_fld + wa_fld < -0.1'."""

    text: str
    coefficients: Mapping[str, float]
    limit: float

    @classmethod
    @lru_cache(maxsize=64)
    def parse(cls, text: str) -> LinearConstraint:
        """Read '[number *] name +- ... < number' (or >); ValueError names the part that cannot be read."""
        whole = _WHOLE.fullmatch(text)
        if whole is None:
            raise ValueError(f"constraint {text!r}: must read like 'w0_fld + wa_fld < -0.1' or '2*a - b > 3'")
        coefficients: dict[str, float] = {}
        position, rest = 0, whole["sum"]
        while position < len(rest):
            term = _TERM.match(rest, position)
            if term is None or (position > 0 and not term[1]):
                raise ValueError(f"constraint {text!r}: cannot read {rest[position:].strip()!r}; a term is NAME or "
                                 f"NUMBER*NAME, joined by + or -")
            value = float(term[2] or 1.0) * (-1.0 if term[1] == "-" else 1.0)
            coefficients[term[3]] = coefficients.get(term[3], 0.0) + value
            position = term.end()
        if not coefficients:
            raise ValueError(f"constraint {text!r}: names no parameter")
        flip = -1.0 if whole["sign"].startswith(">") else 1.0
        return cls(text, {name: flip * value for name, value in coefficients.items()}, flip * float(whole["limit"]))

    def holds(self, values: Mapping[str, float]) -> bool:
        """False where a parameter is not a number; KeyError where one is missing."""
        total = sum(coefficient * values[name] for name, coefficient in self.coefficients.items())
        return total <= self.limit + ROUNDING * abs(self.limit)


@dataclass(frozen=True)
class Ellipsoid:
    """All points within `sigmas` standard deviations of `mean` (n,), by the covariance matrix (n, n) of `names`."""

    names: tuple[str, ...]
    mean: Array
    covariance: Array
    sigmas: float

    def distance(self, values: Mapping[str, float]) -> float:
        """How many standard deviations from the mean, NaN where a parameter is not a number."""
        offset = np.array([values[name] for name in self.names]) - self.mean
        return float(np.sqrt(offset @ np.linalg.solve(self.covariance, offset)))

    def holds(self, values: Mapping[str, float]) -> bool:
        return self.distance(values) <= self.sigmas * (1.0 + 1e-9)

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "mean": self.mean.tolist(), "covariance": self.covariance.tolist(),
                "sigmas": self.sigmas}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ellipsoid:
        """The inverse of to_json(). Raises KeyError, TypeError or ValueError for anything else."""
        ellipsoid = cls(tuple(data["names"]), np.array(data["mean"], dtype=float),
                        np.array(data["covariance"], dtype=float), float(data["sigmas"]))
        number = len(ellipsoid.names)
        if ellipsoid.mean.shape != (number,) or ellipsoid.covariance.shape != (number, number):
            raise ValueError(f"ellipsoid: {number} names, but a mean of shape {ellipsoid.mean.shape} and a covariance "
                             f"of shape {ellipsoid.covariance.shape}")
        return ellipsoid
