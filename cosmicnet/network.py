"""The networks' evaluation: dense layers beside a skip connection of low-order monomials, between affine maps.

The coefficients of a field are close to polynomials of the inputs, so the skip connection carries nearly everything,
and the dense layers the rest.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Network", "Normalization", "monomials"]

Array = NDArray[np.float64]

# Values that differ by less than this (relative) are the same number, computed in different ways.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Normalization:
    """Affine map around a network, invertible and never learned: inputs to [-1, 1], outputs from order one.

    normalized = (value - offset) / scale, component by component; offset, scale: shape (n,)."""

    offset: Array
    scale: Array

    @classmethod
    def to_unit_box(cls, values: Array) -> Normalization:
        """Map the range of values (samples, n) to [-1, 1], and constants to 0."""
        low, high = values.min(axis=0), values.max(axis=0)
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        return cls(middle, np.where(half > ROUNDING * np.abs(middle), half, 1.0))

    def apply(self, values: Array) -> Array:
        return np.asarray((values - self.offset) / self.scale)

    def invert(self, normalized: Array) -> Array:
        return np.asarray(self.offset + self.scale * normalized)


def monomials(inputs: Array, exponents: NDArray[np.int64]) -> Array:
    """Products of powers: inputs (..., n), exponents (m, n) -> (..., m)."""
    return _products(inputs, _factors(exponents))


def _factors(exponents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which powers each monomial is the product of: columns of a table of all powers of all inputs, in the order of the
    inputs, filled up with powers of zero; shape (m, most factors). Most exponents are zero."""
    rows, columns = np.nonzero(exponents)
    number = np.bincount(rows, minlength=len(exponents))
    position = np.arange(rows.size) - np.repeat(np.cumsum(number) - number, number)
    factors = np.zeros((len(exponents), max(int(number.max(initial=0)), 1)), dtype=np.int64)
    factors[rows, position] = columns + exponents.shape[1] * exponents[rows, columns]
    return factors


def _products(inputs: Array, factors: NDArray[np.int64]) -> Array:
    highest = int(factors.max(initial=0)) // inputs.shape[-1]
    powers = np.concatenate([inputs**power for power in range(highest + 1)], axis=-1)
    result = powers[..., factors[:, 0]]
    for column in factors.T[1:]:
        result = result * powers[..., column]
    return np.asarray(result)


@dataclass(frozen=True)
class Network:
    """outputs = output_map(skip(monomials(z)) + last(tanh(... tanh(first(z))))), z the normalized inputs.

    exponents: (m, n); skip: (m, outputs); weights and biases: one entry per dense layer, the last
    of them linear. With no dense layer the network is its skip connection.
    """

    input_map: Normalization
    exponents: NDArray[np.int64]
    skip: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    output_map: Normalization

    @cached_property
    def _monomials(self) -> NDArray[np.int64]:
        return _factors(self.exponents)

    def __call__(self, inputs: Array) -> Array:
        """inputs (..., n) in physical units -> outputs (..., outputs)."""
        z = self.input_map.apply(inputs)
        out = _products(z, self._monomials) @ self.skip
        hidden = z
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = hidden @ weight + bias
            if layer < len(self.weights) - 1:
                hidden = np.tanh(hidden)
        if self.weights:
            out = out + hidden
        return self.output_map.invert(out)

    def polynomial_at(self, inputs: Array) -> Array | tuple[NDArray[Any], ...]:
        """The outputs; of a network without dense layers what gives them: normalized inputs, factors of monomials,
        their weights, and the map of the outputs."""
        if self.weights:
            return self(inputs)
        return (self.input_map.apply(inputs), self._monomials, self.skip, self.output_map.offset, self.output_map.scale)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """All arrays of the network, by names that begin with `name`/."""
        layers = enumerate(zip(self.weights, self.biases, strict=True))
        dense = {f"{name}/{kind}_{i}": a for i, pair in layers
                 for kind, a in zip(("weight", "bias"), pair, strict=True)}
        return {
            f"{name}/input_offset": self.input_map.offset, f"{name}/input_scale": self.input_map.scale,
            f"{name}/output_offset": self.output_map.offset, f"{name}/output_scale": self.output_map.scale,
            f"{name}/exponents": self.exponents, f"{name}/skip": self.skip, **dense,
        }

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, NDArray[Any]], layers: int) -> Network:
        """The inverse of arrays(), for a network of so many dense layers; KeyError for a missing array."""
        return cls(
            input_map=Normalization(arrays[f"{name}/input_offset"], arrays[f"{name}/input_scale"]),
            exponents=arrays[f"{name}/exponents"],
            skip=arrays[f"{name}/skip"],
            weights=tuple(arrays[f"{name}/weight_{i}"] for i in range(layers)),
            biases=tuple(arrays[f"{name}/bias_{i}"] for i in range(layers)),
            output_map=Normalization(arrays[f"{name}/output_offset"], arrays[f"{name}/output_scale"]),
        )
