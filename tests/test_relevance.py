"""Polynomials of many inputs from few models: irrelevant inputs are found, and residuals are honest."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from cosmicnet.training.fields.polynomial import cross_validate, polynomial_network, skip_exponents
from cosmicnet.training.fields.relevance import _loss, fit_with_relevances

INPUTS, MODELS = 8, 45
RNG = np.random.default_rng(5)
X = RNG.uniform(-1.0, 1.0, (2 * MODELS, INPUTS)) * np.arange(1.0, INPUTS + 1.0) + 3.0


def truth(x: np.ndarray) -> np.ndarray:
    """Two outputs that depend on two inputs strongly, on two weakly, and on the others not at all."""
    z = (x - 3.0) / np.arange(1.0, INPUTS + 1.0)
    first = 2.0 * z[:, 0] + 0.7 * z[:, 0] * z[:, 1] - 0.3 * z[:, 1] ** 3 + 0.02 * z[:, 2]
    return np.stack([first, 0.1 * z[:, 1] - 0.05 * z[:, 0] ** 2 + 0.001 * z[:, 3]], axis=1)


Y = truth(X)
FIT = fit_with_relevances(X[:MODELS], Y[:MODELS], 3)


def left(predicted: np.ndarray) -> float:
    return float(np.linalg.norm(predicted - Y[MODELS:]) / np.linalg.norm(Y[MODELS:]))


def test_inputs_that_do_not_matter_are_found() -> None:
    assert FIT.relevances[:, :2].min() > 10.0 * FIT.relevances[:, 4:].max()


def test_the_gradient_of_the_search_is_that_of_its_loss() -> None:
    z = (X[:MODELS] - 3.0) / np.arange(1.0, INPUTS + 1.0)
    at = np.log([*np.linspace(0.1, 0.8, INPUTS), 1e-4])
    assert check_grad(lambda x: _loss(x, z, Y[:MODELS], 3)[0], lambda x: _loss(x, z, Y[:MODELS], 3)[1], at) < 1e-5


def test_few_models_suffice_where_one_penalty_for_all_fails() -> None:
    """A cubic in eight inputs has 165 terms for 45 models."""
    exponents = skip_exponents(tuple(map(str, range(INPUTS))), 3, ())
    strengths = cross_validate(X[:MODELS], Y[:MODELS], exponents, 1).strengths
    alike = polynomial_network(X[:MODELS], Y[:MODELS], exponents, strengths)
    assert left(FIT.network(X[MODELS:])) < 0.01 < left(alike(X[MODELS:]))


def test_residuals_are_those_of_models_that_were_left_out() -> None:
    noise = 1e-2 * Y.std(axis=0)
    fit = fit_with_relevances(X, Y + noise * RNG.normal(size=Y.shape), 3)
    unseen = RNG.uniform(-1.0, 1.0, X.shape) * np.arange(1.0, INPUTS + 1.0) + 3.0
    error = fit.network(unseen) - truth(unseen)
    # the residuals have the noise of their own model as well
    assert fit.residuals.std(axis=0) == pytest.approx(np.hypot(error.std(axis=0), noise), rel=0.3)
    # far below the noise where two inputs of eight decide
    assert (error.std(axis=0) < noise).all()


def test_network_is_the_kernels_prediction() -> None:
    """The kept monomials give the same as all of them: the fit goes through models without noise."""
    assert np.linalg.norm(FIT.network(X[:MODELS]) - Y[:MODELS]) < 1e-3 * np.linalg.norm(Y[:MODELS])


def test_a_field_that_is_zero_everywhere_stays_zero() -> None:
    assert not fit_with_relevances(X[:MODELS], np.zeros((MODELS, 1)), 2).network(X).any()
