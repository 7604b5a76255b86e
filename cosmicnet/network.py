"""The networks' evaluation: dense layers beside a skip connection of low-order monomials.

The coefficients of a field are close to polynomials of the inputs, so the skip connection carries
nearly everything, and the dense layers what is left.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .normalization import Normalization

__all__ = ["Network", "monomials"]

Array = NDArray[np.float64]


def monomials(inputs: Array, exponents: NDArray[np.int64]) -> Array:
    """Products of powers: inputs (..., n), exponents (m, n) -> (..., m)."""
    return np.asarray(np.prod(inputs[..., None, :] ** exponents, axis=-1))


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

    def __call__(self, inputs: Array) -> Array:
        """inputs (..., n) in physical units -> outputs (..., outputs)."""
        z = self.input_map.apply(inputs)
        out = monomials(z, self.exponents) @ self.skip
        hidden = z
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = hidden @ weight + bias
            if layer < len(self.weights) - 1:
                hidden = np.tanh(hidden)
        if self.weights:
            out = out + hidden
        return self.output_map.invert(out)
