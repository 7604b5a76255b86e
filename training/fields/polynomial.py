"""Polynomials in the parameters: the skip connections of the networks, each output as free as it bears.

A polynomial of high degree follows CLASS's integration noise where an output is weak, and has more terms than there are
models where inputs are many. So the squares of its coefficients are penalised, the more the higher their degree (ridge
regression; smooth functions have coefficients that fall with degree), and every output has the strength of the penalty
that cross-validation finds best.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from cosmicnet.network import Network, monomials
from cosmicnet.normalization import Normalization

__all__ = [
    "FOLDS", "UNPREDICTABLE", "CrossValidated", "all_exponents", "cross_validate", "polynomial_network",
    "skip_exponents",
]

Array = NDArray[np.float64]

# An output of which every polynomial leaves more than this fraction of its rms is noise.
UNPREDICTABLE = 0.95

FOLDS = 8

# How much smaller a coefficient of one degree more is expected to be, inputs running from -1 to 1.
DECAY = 8.0

# Strengths of the penalty, in units of the mean square of the features; none at all where there are models enough.
STRENGTHS = (0.0, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


@dataclass(frozen=True)
class CrossValidated:
    """Of each output: the best of STRENGTHS, and whether it tells anything; shape (outputs,)."""

    strengths: Array
    predictable: NDArray[np.bool_]


def skip_exponents(inputs: tuple[str, ...], degree: int, linear: Sequence[str]) -> NDArray[np.int64]:
    """Exponents (m, n) of all monomials up to `degree` in the inputs; those named in `linear` alone."""
    wide = [i for i, name in enumerate(inputs) if name not in linear]
    narrow = [i for i, name in enumerate(inputs) if name in linear]
    monomials_of_wide = all_exponents(len(wide), degree)
    exponents = np.zeros((len(monomials_of_wide) + len(narrow), len(inputs)), dtype=np.int64)
    exponents[:len(monomials_of_wide), wide] = monomials_of_wide
    exponents[len(monomials_of_wide):, narrow] = np.eye(len(narrow), dtype=np.int64)
    return exponents


def all_exponents(inputs: int, degree: int) -> NDArray[np.int64]:
    """Exponents (m, inputs) of all monomials up to `degree`."""
    terms = [c for d in range(degree + 1) for c in combinations_with_replacement(range(inputs), d)]
    return np.array([[term.count(i) for i in range(inputs)] for term in terms], dtype=np.int64).reshape(-1, inputs)


def polynomial_network(
    inputs: Array, outputs: Array, exponents: NDArray[np.int64], strengths: Array | None = None
) -> Network:
    """The network whose skip connection is the penalised least-squares fit, without dense layers.

    strengths: of the penalty, of each output, shape (outputs,); None for none.
    """
    wanted = np.zeros(outputs.shape[1]) if strengths is None else strengths
    input_map = Normalization.to_unit_box(inputs)
    # a field that is zero everywhere has no scale
    scale = float(np.sqrt((outputs**2).mean(axis=0)).max()) or 1.0
    ridge = _Ridge(input_map.apply(inputs), exponents)
    skip = np.zeros((len(exponents), outputs.shape[1]))
    for strength in np.unique(wanted):
        columns = wanted == strength
        skip[:, columns] = ridge.coefficients(outputs[:, columns] / scale, strength)
    return Network(input_map, exponents, skip, (), (),
                   Normalization(np.zeros(len(wanted)), np.full(len(wanted), scale)))


def cross_validate(inputs: Array, outputs: Array, exponents: NDArray[np.int64], seed: int) -> CrossValidated:
    """Fit with each of STRENGTHS to all but one of FOLDS parts of the models, in turn, and ask the part left out."""
    z = Normalization.to_unit_box(inputs).apply(inputs)
    fold = np.random.default_rng(seed).permutation(len(inputs)) % FOLDS
    squares = np.zeros((len(STRENGTHS), outputs.shape[1]))
    for part in range(min(FOLDS, len(inputs))):
        left_out = fold == part
        ridge, features = _Ridge(z[~left_out], exponents), monomials(z[left_out], exponents)
        for row, strength in enumerate(STRENGTHS):
            predicted = features @ ridge.coefficients(outputs[~left_out], strength)
            squares[row] += ((predicted - outputs[left_out]) ** 2).sum(axis=0)
    size = (outputs**2).sum(axis=0)
    return CrossValidated(np.array(STRENGTHS)[squares.argmin(axis=0)],
                          squares.min(axis=0) < UNPREDICTABLE**2 * size)


class _Ridge:
    """Fits to the same models with any strength of the penalty, by one singular value decomposition."""

    def __init__(self, z: Array, exponents: NDArray[np.int64]) -> None:
        self._expected = DECAY ** -exponents.sum(axis=1).astype(float)
        self._left, self._singular, self._right = np.linalg.svd(
            monomials(z, exponents) * self._expected, full_matrices=False)

    def coefficients(self, outputs: Array, strength: float) -> Array:
        """Of the monomials, shape (m, outputs), for outputs (models, outputs)."""
        singular = self._singular
        # directions that these models do not tell apart, as in least squares
        told = singular > singular[0] * len(self._left) * np.finfo(float).eps
        inverse = np.zeros_like(singular)
        inverse[told] = singular[told] / (singular[told] ** 2 + strength * len(self._left))
        return np.asarray(self._expected[:, None] * (self._right.T @ (inverse[:, None] * (self._left.T @ outputs))))
