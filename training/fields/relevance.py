"""Polynomials of many inputs from few models: a ridge penalty with a strength of its own for every input.

A cubic of twenty inputs has 1771 terms, and most inputs hardly matter to most fields. So a coefficient is expected to
be as large as the product of the relevances of its inputs (automatic relevance determination). The relevances, common
to the outputs of a field, and a noise level per output minimise the leave-one-out error, which has a closed form for
ridge regression. All monomials up to the degree act through the kernel 1 + g + g^2 + ..., where g is the scalar product
of the inputs times their relevances. So the search costs what the models cost, however many terms there are.
"""
from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from cosmicnet.network import Network, Normalization, monomials

from .polynomial import all_exponents

__all__ = ["RelevanceFit", "fit_with_relevances"]

Array = NDArray[np.float64]

# Noise levels relative to the number of models, of which each output takes the best.
NOISES = 10.0 ** np.arange(-12.0, 1.0)

# The search begins with one of these for all inputs, and then multiplies or divides one relevance after the other.
STARTS = (0.1, 0.2, 0.3, 0.5, 1.0)
FACTORS = (4.0, 2.0, 1.4)
SWEEPS = 3
LEAST, MOST = 1e-4, 30.0
GAIN = 1e-3

# Monomials whose contribution is below this fraction of the outputs' rms are dropped.
NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class RelevanceFit:
    """A network without dense layers; relevances of its inputs; leave-one-out residuals (models, outputs)."""

    network: Network
    relevances: Array
    residuals: Array


def fit_with_relevances(inputs: Array, outputs: Array, degree: int) -> RelevanceFit:
    """Fit outputs (models, outputs) by polynomials up to `degree` of inputs (models, n)."""
    input_map = Normalization.to_unit_box(inputs)
    z = input_map.apply(inputs)
    scale = float(np.sqrt((outputs**2).mean(axis=0)).max()) or 1.0
    targets = outputs / scale
    relevances = _search(z, targets, degree)
    solution = _solve(_kernel(z, relevances, degree), targets)
    exponents = all_exponents(z.shape[1], degree)
    skip = _expected_squares(exponents, relevances)[:, None] * (monomials(z, exponents).T @ solution.weights)
    kept = np.abs(skip).max(axis=1) > NEGLIGIBLE * float(np.sqrt((targets**2).mean()))
    # a network needs a term
    kept[0] = True
    network = Network(input_map, exponents[kept], skip[kept], (), (),
                      Normalization(np.zeros(outputs.shape[1]), np.full(outputs.shape[1], scale)))
    return RelevanceFit(network, relevances, scale * solution.residuals)


@dataclass(frozen=True)
class _Solution:
    """Weights of the models in the fit, and leave-one-out residuals, both (models, outputs)."""

    weights: Array
    residuals: Array


def _search(z: Array, targets: Array, degree: int) -> Array:
    def error(relevances: Array) -> float:
        return float((_solve(_kernel(z, relevances, degree), targets).residuals ** 2).sum())

    best = min((np.full(z.shape[1], start) for start in STARTS), key=error)
    least = error(best)
    for factor in FACTORS:
        for _ in range(SWEEPS):
            before = least
            for column in range(z.shape[1]):
                for step in (factor, 1.0 / factor):
                    tried = best.copy()
                    tried[column] = np.clip(tried[column] * step, LEAST, MOST)
                    while (found := error(tried)) < (1.0 - GAIN) * least:
                        best, least = tried.copy(), found
                        tried[column] = np.clip(tried[column] * step, LEAST, MOST)
            if least == before:
                break
    return best


def _kernel(z: Array, relevances: Array, degree: int) -> Array:
    products = (z * relevances**2) @ z.T
    return np.asarray(sum(products**power for power in range(degree + 1)))


def _expected_squares(exponents: NDArray[np.int64], relevances: Array) -> Array:
    """The prior variance of the coefficients, shape (m,), of which _kernel() is made."""
    degrees = exponents.sum(axis=1)
    factorials = np.array([factorial(d) for d in range(int(degrees.max()) + 1)], dtype=float)
    multinomial = factorials[degrees] / factorials[exponents].prod(axis=1)
    return np.asarray(multinomial * np.prod(relevances ** (2 * exponents), axis=1))


def _solve(kernel: Array, targets: Array) -> _Solution:
    """Each output with the noise that leaves the least."""
    values, vectors = eigh(kernel)
    # rounding makes some negative
    values, projected = np.maximum(values, 0.0), vectors.T @ targets
    weights, residuals = np.empty_like(targets), np.empty_like(targets)
    least = np.full(targets.shape[1], np.inf)
    for noise in NOISES * len(kernel):
        inverse = 1.0 / (values + noise)
        tried = vectors @ (inverse[:, None] * projected)
        left = tried / (vectors**2 @ inverse)[:, None]
        error = (left**2).sum(axis=0)
        better = error < least
        least[better], weights[:, better], residuals[:, better] = error[better], tried[:, better], left[:, better]
    return _Solution(weights, residuals)
