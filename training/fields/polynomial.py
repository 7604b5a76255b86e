"""The networks' skip connections: polynomials with a ridge penalty chosen per output by cross-validation.

A polynomial of high degree follows CLASS's integration noise in weak outputs, and has more terms than there are models
for many inputs. The penalty grows with the degree of a term, because the coefficients of smooth functions fall with it.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from cosmicnet.network import Network, Normalization, monomials

__all__ = [
    "FOLDS", "UNPREDICTABLE", "CrossValidated", "all_exponents", "cross_validate", "polynomial_network",
    "skip_exponents",
]

Array = NDArray[np.float64]

# An output is noise if every polynomial leaves more than this fraction of its rms.
UNPREDICTABLE = 0.95

FOLDS = 8

# Expected ratio of coefficients from one degree to the next, for inputs from -1 to 1.
DECAY = 8.0

# Strengths of the penalty in units of the mean square of the features; zero suits large training sets.
STRENGTHS = (0.0, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


@dataclass(frozen=True)
class CrossValidated:
    """Per output, shape (outputs,): the best of STRENGTHS, and whether any polynomial predicts it."""

    strengths: Array
    predictable: NDArray[np.bool_]


def skip_exponents(inputs: tuple[str, ...], degree: int, linear: Sequence[str]) -> NDArray[np.int64]:
    """Exponents (m, n) of all monomials up to `degree`; inputs in `linear` enter only as themselves."""
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
    """The network without dense layers whose skip connection is the ridge regression of the outputs.

    strengths: of the penalty per output, shape (outputs,); None for least squares.
    """
    wanted = np.zeros(outputs.shape[1]) if strengths is None else strengths
    input_map = Normalization.to_unit_box(inputs)
    # a field that is zero everywhere
    scale = float(np.sqrt((outputs**2).mean(axis=0)).max()) or 1.0
    ridge = _Ridge(input_map.apply(inputs), exponents)
    skip = np.zeros((len(exponents), outputs.shape[1]))
    for strength in np.unique(wanted):
        columns = wanted == strength
        skip[:, columns] = ridge.coefficients(outputs[:, columns] / scale, strength)
    return Network(input_map, exponents, skip, (), (),
                   Normalization(np.zeros(len(wanted)), np.full(len(wanted), scale)))


def cross_validate(inputs: Array, outputs: Array, exponents: NDArray[np.int64], seed: int) -> CrossValidated:
    """Compare STRENGTHS by the errors on each of FOLDS parts of the models, predicted from the others."""
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
    """Ridge regressions of any strength on the same models, from one singular value decomposition."""

    def __init__(self, z: Array, exponents: NDArray[np.int64]) -> None:
        self._expected = DECAY ** -exponents.sum(axis=1).astype(float)
        self._left, self._singular, self._right = np.linalg.svd(
            monomials(z, exponents) * self._expected, full_matrices=False)

    def coefficients(self, outputs: Array, strength: float) -> Array:
        """Coefficients of the monomials, shape (m, outputs), for outputs (models, outputs)."""
        singular = self._singular
        # as in least squares, without the directions that these models do not constrain
        constrained = singular > singular[0] * len(self._left) * np.finfo(float).eps
        inverse = np.zeros_like(singular)
        inverse[constrained] = singular[constrained] / (singular[constrained] ** 2 + strength * len(self._left))
        return np.asarray(self._expected[:, None] * (self._right.T @ (inverse[:, None] * (self._left.T @ outputs))))
