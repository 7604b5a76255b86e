"""Polynomials of many inputs from few models: a ridge penalty with a strength of its own for every input.

A cubic of twenty inputs has 1771 terms, and most inputs hardly matter to most fields. So a coefficient is expected to
be as large as the product of the relevances of its inputs (automatic relevance determination). The relevances, common
to outputs of similar size, and a noise level per output minimise the leave-one-out error, which has a closed form for
ridge regression, and so has its gradient. All monomials up to the degree act through the kernel 1 + g + g^2 + ...,
where g is the scalar product of the inputs times their relevances. So the search costs what the models cost, however
many terms there are.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.optimize import minimize

from cosmicnet.network import Network, Normalization, monomials

from .polynomial import all_exponents

__all__ = ["RelevanceFit", "fit_with_relevances", "prior_covariance"]

Array = NDArray[np.float64]

# Noise levels relative to the number of models, of which each output takes the best.
NOISES = 10.0 ** np.arange(-12.0, 1.0)

# The search begins with each of these for all inputs, and with the common noise level; bounds of both.
STARTS, START_OF_NOISE = (0.1, 0.3, 0.7), 1e-6
RELEVANCES, SEARCHED_NOISES = (1e-4, 30.0), (1e-12, 1.0)
STEPS = 60
# The largest number of models from which relevances are found.
SEARCHED = 250
# The number of outputs with relevances of their own.
ALONE = 4
# Keeps the kernel positive definite, in units of its trace; and logarithms finite.
JITTER, TINY = 1e-15, 1e-300

# Monomials whose contribution is below this fraction of the outputs' rms are dropped.
NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class RelevanceFit:
    """A network without dense layers; relevances of its inputs by group of outputs, the strongest outputs first; leave-
    one-out residuals (models, outputs)."""

    network: Network
    relevances: Array
    residuals: Array


def fit_with_relevances(inputs: Array, outputs: Array, degree: int) -> RelevanceFit:
    """Fit outputs (models, outputs) by polynomials up to `degree` of inputs (models, n)."""
    input_map = Normalization.to_unit_box(inputs)
    z = input_map.apply(inputs)
    sizes = np.sqrt((outputs**2).mean(axis=0))
    scale = float(sizes.max()) or 1.0
    targets = outputs / scale
    exponents = all_exponents(z.shape[1], degree)
    terms = monomials(z, exponents).T
    skip, residuals = np.empty((len(exponents), outputs.shape[1])), np.empty_like(targets)
    found: list[Array] = []
    for group in _groups(sizes):
        relevances = _search(z[:SEARCHED], targets[:SEARCHED, group], degree, found[-1:])
        solution = _solve(prior_covariance(z, z, relevances, degree), targets[:, group])
        skip[:, group] = _expected_squares(exponents, relevances)[:, None] * (terms @ solution.weights)
        residuals[:, group] = solution.residuals
        found.append(relevances)
    kept = np.abs(skip).max(axis=1) > NEGLIGIBLE * float(np.sqrt((targets**2).mean()))
    # a network needs a term
    kept[0] = True
    network = Network(input_map, exponents[kept], skip[kept], (), (),
                      Normalization(np.zeros(outputs.shape[1]), np.full(outputs.shape[1], scale)))
    return RelevanceFit(network, np.array(found), scale * residuals)


def _groups(sizes: Array) -> list[NDArray[np.intp]]:
    """Groups of outputs, the largest outputs first: ALONE groups of one output, then larger and larger groups."""
    order = np.argsort(-sizes, kind="stable")
    groups: list[NDArray[np.intp]] = []
    while order.size:
        number = 2 ** max(len(groups) - ALONE + 1, 0)
        groups.append(order[:number])
        order = order[number:]
    return groups


@dataclass(frozen=True)
class _Solution:
    """Weights of the models in the fit, and leave-one-out residuals, both (models, outputs)."""

    weights: Array
    residuals: Array


def _search(z: Array, targets: Array, degree: int, similar: Sequence[Array]) -> Array:
    """The relevances that minimise the leave-one-out error of all targets with a common noise level. similar: a
    starting point, used with the middle of STARTS; without it all of STARTS are used."""
    bounds = [np.log(RELEVANCES)] * z.shape[1] + [np.log(SEARCHED_NOISES)]
    starts = [np.full(z.shape[1], start) for start in (STARTS[1:2] if similar else STARTS)]
    found = [minimize(_error, np.log([*start, START_OF_NOISE]), args=(z, targets, degree), jac=True,
                      bounds=bounds, method="L-BFGS-B", options={"maxiter": STEPS})
             for start in (*similar, *starts)]
    return np.asarray(np.exp(min(found, key=lambda result: result.fun).x[:-1]))


def _error(logarithms: Array, z: Array, targets: Array, degree: int) -> tuple[float, Array]:
    """Half the logarithm of the leave-one-out error, and its gradient; of ln relevances and ln noise."""
    relevances, noise = np.exp(logarithms[:-1]), np.exp(logarithms[-1]) * len(z)
    products = (z * relevances**2) @ z.T
    kernel, slope = np.ones_like(products), np.zeros_like(products)
    for _ in range(degree):
        slope = slope * products + kernel
        kernel = kernel * products + 1.0
    kernel[np.diag_indices_from(kernel)] += noise + JITTER * np.trace(kernel)
    inverse = cho_solve(cho_factor(kernel, lower=True, check_finite=False), np.eye(len(z)), check_finite=False)
    weights, diagonal = inverse @ targets, np.diag(inverse)[:, None]
    left = weights / diagonal
    total = float((left**2).sum()) + TINY
    # the derivative with respect to the kernel, through the weights and through the diagonal of the inverse
    of_weights = (inverse @ (left / diagonal)) @ weights.T
    of_diagonal = (inverse * (left**2 / diagonal).sum(axis=1)) @ inverse
    gradient = (of_diagonal - of_weights) / total
    by_relevance = 2.0 * relevances**2 * ((slope * (gradient + gradient.T) / 2.0 @ z) * z).sum(axis=0)
    return 0.5 * float(np.log(total)), np.append(by_relevance, noise * np.trace(gradient))


def prior_covariance(a: Array, b: Array, relevances: Array, degree: int) -> Array:
    """The prior covariance of a polynomial's values at two sets of points, (n_a, inputs) and (n_b, inputs)."""
    products = (a * relevances**2) @ b.T
    return np.asarray(sum(products**power for power in range(degree + 1)))


def _expected_squares(exponents: NDArray[np.int64], relevances: Array) -> Array:
    """The prior variance of the coefficients, shape (m,), of which prior_covariance() is made."""
    degrees = exponents.sum(axis=1)
    factorials = np.array([factorial(d) for d in range(int(degrees.max()) + 1)], dtype=float)
    multinomial = factorials[degrees] / factorials[exponents].prod(axis=1)
    return np.asarray(multinomial * np.prod(relevances ** (2 * exponents), axis=1))


def _solve(kernel: Array, targets: Array) -> _Solution:
    """For each output the noise level with the smallest leave-one-out error."""
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
