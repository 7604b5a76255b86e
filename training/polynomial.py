"""Polynomials in the parameters: the skip connections of the networks, each output with the degree that it bears.

A polynomial of the highest degree follows CLASS's integration noise where an output is weak, and is then worse on
unseen models than a lower one; so every output has the degree that cross-validation finds best.
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


@dataclass(frozen=True)
class CrossValidated:
    """degrees: the best one for each output, 1 or more. predictable: whether it tells anything. Shape (outputs,)."""

    degrees: NDArray[np.int64]
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
    inputs: Array, outputs: Array, exponents: NDArray[np.int64], degrees: NDArray[np.int64] | None = None
) -> Network:
    """The network whose skip connection is the least-squares fit, without dense layers.

    degrees: of each output, shape (outputs,); None for all monomials.
    """
    input_map = Normalization.to_unit_box(inputs)
    # a field that is zero everywhere has no scale
    scale = float(np.sqrt((outputs**2).mean(axis=0)).max()) or 1.0
    features, order = monomials(input_map.apply(inputs), exponents), exponents.sum(axis=1)
    number = outputs.shape[1]
    skip = np.zeros((len(exponents), number))
    wanted = np.full(number, order.max()) if degrees is None else degrees
    for degree in np.unique(wanted):
        terms, columns = order <= degree, wanted == degree
        skip[np.ix_(terms, columns)] = np.linalg.lstsq(features[:, terms], outputs[:, columns] / scale, rcond=None)[0]
    return Network(input_map, exponents, skip, (), (), Normalization(np.zeros(number), np.full(number, scale)))


def cross_validate(inputs: Array, outputs: Array, exponents: NDArray[np.int64], seed: int) -> CrossValidated:
    """Fit each degree to all but one of FOLDS parts of the models, in turn, and ask the part that was left out."""
    order = exponents.sum(axis=1)
    degrees = np.arange(1, order.max() + 1)
    fold = np.random.default_rng(seed).permutation(len(inputs)) % FOLDS
    squares = np.zeros((degrees.size, outputs.shape[1]))
    for part in range(min(FOLDS, len(inputs))):
        left_out = fold == part
        for row, degree in enumerate(degrees):
            fit = polynomial_network(inputs[~left_out], outputs[~left_out], exponents[order <= degree])
            squares[row] += ((fit(inputs[left_out]) - outputs[left_out]) ** 2).sum(axis=0)
    size = (outputs**2).sum(axis=0)
    return CrossValidated(degrees[squares.argmin(axis=0)], squares.min(axis=0) < UNPREDICTABLE**2 * size)
