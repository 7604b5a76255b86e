"""Polynomials of many inputs from few models: a ridge penalty with a strength of its own for every input.

A cubic of twenty inputs has 1771 terms, and most inputs hardly matter to most fields. So a coefficient is expected to
be as large as the product of the relevances of its inputs (automatic relevance determination). The relevances, common
to outputs of similar size, and a noise level minimise the leave-one-out error times the inverse of the likelihood. Both
have closed forms for ridge regression, and so have their gradients; so many relevances would overfit either alone. All
monomials up to the degree act through the kernel 1 + g + g^2 + ..., where g is the scalar product of the inputs times
their relevances. So the search costs what the models cost, however many terms there are.

The constant and the linear terms are a million times larger than the cubic ones, which decide the accuracy. Their part
of the kernel has low rank and is inverted apart (Woodbury's formula): double precision then suffices for the rest.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, eigh, solve_triangular
from scipy.optimize import minimize

from cosmicnet.network import Network, Normalization, monomials

from .polynomial import all_exponents

__all__ = ["RelevanceFit", "fit_with_relevances", "prior_covariance"]

Array = NDArray[np.float64]

# Noise levels relative to the number of models, of which each output takes the best.
NOISES = 10.0 ** np.arange(-16.0, 1.0)

# The loss has several minima. The search makes some steps from each of these relevances of all inputs and from RANDOM
# points, and goes on from the BEST of them.
STARTS, START_OF_NOISE = (0.03, 0.1, 0.3), 1e-10
RANDOM, SPREAD, SEED = 3, 1.5, 1
FIRST_STEPS, STEPS, BEST = 25, 150, 2
# bounds of both
RELEVANCES, SEARCHED_NOISES = (1e-4, 30.0), (1e-16, 1.0)
# The largest number of models from which relevances are found.
SEARCHED = 250
# The number of outputs with relevances of their own.
ALONE = 12
# Keeps the kernel positive definite, in units of its trace; and logarithms finite.
JITTER, TINY = 1e-15, 1e-300
# The loss where rounding makes it negative all the same: the search turns back.
FAILED = 1e3

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
    # the constant and the linear terms, in the order of _kernel()
    degrees = exponents.sum(axis=1)
    low = np.array([np.flatnonzero(degrees == 0)[0],
                    *(np.flatnonzero((degrees == 1) & (exponents[:, i] == 1))[0] for i in range(z.shape[1]))])
    searched = np.unique(np.linspace(0, len(z) - 1, min(SEARCHED, len(z))).astype(int))
    for group in _groups(sizes):
        relevances = _search(z[searched], targets[np.ix_(searched, group)], degree, found[-1:])
        solution = _solve(z, relevances, degree, targets[:, group])
        skip[:, group] = _expected_squares(exponents, relevances)[:, None] * (terms @ solution.weights)
        skip[np.ix_(low, group)] = solution.low
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
    """Weights of the models in the terms of higher degree and leave-one-out residuals, both (models, outputs);
    coefficients of the constant and the linear terms, which would cancel as sums over models, (1 + inputs, outputs)."""

    weights: Array
    low: Array
    residuals: Array


def _search(z: Array, targets: Array, degree: int, similar: Sequence[Array]) -> Array:
    """The relevances that minimise the loss of all targets with a common noise level. similar: a starting
    point beside STARTS and random ones."""
    bounds = [np.log(RELEVANCES)] * z.shape[1] + [np.log(SEARCHED_NOISES)]
    random = np.random.default_rng(SEED).normal(np.log(STARTS[1]), SPREAD, (RANDOM, z.shape[1]))
    starts = [*similar, *(np.full(z.shape[1], start) for start in STARTS), *np.exp(random)]

    def descend(start: Array, steps: int) -> Any:
        return minimize(_loss, start, args=(z, targets, degree), jac=True, bounds=bounds, method="L-BFGS-B",
                        options={"maxiter": steps})

    begun = sorted((descend(np.log([*start, START_OF_NOISE]), FIRST_STEPS) for start in starts),
                   key=lambda result: float(result.fun))
    ended = (descend(result.x, STEPS) for result in begun[:BEST])
    return np.asarray(np.exp(min(ended, key=lambda result: float(result.fun)).x[:-1]))


def _loss(logarithms: Array, z: Array, targets: Array, degree: int) -> tuple[float, Array]:
    """Half the logarithm of the leave-one-out error plus, for each number in the targets, minus the logarithm of the
    likelihood at the best amplitude of each target; and the gradient. Both of ln relevances and ln noise."""
    n, outputs = targets.shape
    relevances, noise = np.exp(logarithms[:-1]), np.exp(logarithms[-1]) * n
    low, high, slope = _kernel(z, relevances, degree)
    high[np.diag_indices_from(high)] += noise + JITTER * np.trace(high)
    try:
        root = cholesky(high, lower=True, check_finite=False)
    except LinAlgError:
        return FAILED, np.zeros_like(logarithms)
    inverse_root = solve_triangular(root, np.eye(n), lower=True, check_finite=False)
    inverse = inverse_root.T @ inverse_root
    solved = inverse @ low
    root_of_low = _root_of_low_terms(low, solved)
    taken = solve_triangular(root_of_low, solved.T, lower=True, check_finite=False)
    inverse -= taken.T @ taken
    weights, diagonal = inverse @ targets, np.diag(inverse)[:, None]
    left = weights / diagonal
    total = float((left**2).sum()) + TINY
    fits = (targets * weights).sum(axis=0) + TINY
    half_ln_determinant = float(np.log(np.diag(root)).sum() + np.log(np.diag(root_of_low)).sum())
    loss = 0.5 * float(np.log(total)) + 0.5 * float(np.log(fits).mean()) + half_ln_determinant / n
    # derivatives with respect to the kernel: of the error through the weights and the diagonal of the inverse
    of_weights = (inverse @ (left / diagonal)) @ weights.T
    of_diagonal = (inverse * (left**2 / diagonal).sum(axis=1)) @ inverse
    of_likelihood = 0.5 * (inverse / n - (weights / fits) @ weights.T / outputs)
    gradient = (of_diagonal - of_weights) / total + of_likelihood
    by_relevance = 2.0 * relevances**2 * ((slope * (gradient + gradient.T) / 2.0 @ z) * z).sum(axis=0)
    return loss, np.append(by_relevance, noise * np.trace(gradient))


def _kernel(z: Array, relevances: Array, degree: int) -> tuple[Array, Array, Array]:
    """The prior covariance of the models in two parts, low @ low.T of the constant and the linear terms and `high` of
    all others, and the derivative of the whole by g."""
    low = np.concatenate([np.ones((len(z), 1)), z * relevances], axis=1)
    products = low[:, 1:] @ low[:, 1:].T
    power, high, slope = products, np.zeros_like(products), np.ones_like(products)
    for exponent in range(2, degree + 1):
        slope += exponent * power
        power = power * products
        high += power
    return low, high, slope


def _root_of_low_terms(low: Array, solved: Array) -> Array:
    """The lower triangular R of Woodbury's formula, with T = R^-1 solved^T:
    (high + low low^T)^-1 = high^-1 - T^T T. solved: high^-1 low."""
    return np.asarray(cholesky(np.eye(low.shape[1]) + low.T @ solved, lower=True, check_finite=False))


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


def _solve(z: Array, relevances: Array, degree: int, targets: Array) -> _Solution:
    """For each output the noise level with the smallest leave-one-out error."""
    low, high, _ = _kernel(z, relevances, degree)
    values, vectors = eigh(high)
    # rounding makes some negative
    values, projected, low_projected = np.maximum(values, 0.0), vectors.T @ targets, vectors.T @ low
    weights, residuals = np.empty_like(targets), np.empty_like(targets)
    coefficients, size = np.empty((low.shape[1], targets.shape[1])), np.append(1.0, relevances)[:, None]
    least = np.full(targets.shape[1], np.inf)
    for noise in NOISES * len(z):
        inverse = 1.0 / (values + noise)
        solved = inverse[:, None] * low_projected
        root = _root_of_low_terms(low_projected, solved)
        taken = solve_triangular(root, solved.T, lower=True, check_finite=False)
        by_low = taken @ projected
        tried = vectors @ (inverse[:, None] * projected - taken.T @ by_low)
        diagonal = vectors**2 @ inverse - ((vectors @ taken.T) ** 2).sum(axis=1)
        left = tried / diagonal[:, None]
        error = (left**2).sum(axis=0)
        better = error < least
        least[better], weights[:, better], residuals[:, better] = error[better], tried[:, better], left[:, better]
        coefficients[:, better] = (size * solve_triangular(root.T, by_low, check_finite=False))[:, better]
    return _Solution(weights, coefficients, residuals)
