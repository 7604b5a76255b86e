"""Polynomials in the parameters: exact where they can be, and as free as the models bear."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from inputs_and_outputs import NAMES, make_inputs, quadratic
from numpy.typing import NDArray

from cosmicnet.training.fields.polynomial import DECAY, cross_validate, polynomial_network, skip_exponents

Array = NDArray[np.float64]

LINEAR = ("N_ur", "m_ncdm")
SEED = 2


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_exponents_are_all_monomials_of_the_wide_and_the_narrow_alone(degree: int) -> None:
    expected = [(a, b, 0) for a, b in itertools.product(range(degree + 1), repeat=2) if a + b <= degree]
    assert sorted(map(tuple, skip_exponents(NAMES, degree, LINEAR).tolist())) == sorted([*expected, (0, 0, 1)])


def test_polynomial_is_met_to_rounding() -> None:
    inputs = make_inputs()
    network = polynomial_network(inputs, quadratic(inputs), skip_exponents(NAMES, 2, LINEAR))
    unseen = make_inputs(200)[100:]
    np.testing.assert_allclose(network(unseen), quadratic(unseen), rtol=1e-9, atol=1e-9)


def test_input_that_a_recipe_fixes_does_no_harm() -> None:
    inputs = make_inputs()
    inputs[:, 2] = 2.0308
    inputs[::2, 2] *= 1 + 2e-16
    network = polynomial_network(inputs, quadratic(inputs), skip_exponents(NAMES, 2, LINEAR))
    np.testing.assert_allclose(network(inputs), quadratic(inputs), rtol=1e-9, atol=1e-9)


def test_penalty_is_that_of_the_definition() -> None:
    """Ridge regression by the normal equations, with a weight of every coefficient."""
    inputs, exponents = make_inputs(), skip_exponents(NAMES, 3, LINEAR)
    outputs = quadratic(inputs) / 3.0
    strengths = np.array([1e-3, 1e-5, 1e-3])
    network = polynomial_network(inputs, outputs, exponents, strengths)
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    features = np.stack([np.prod((2 * (inputs - low) / (high - low) - 1) ** e, axis=1) for e in exponents], axis=1)
    for column, strength in enumerate(strengths):
        penalty = strength * len(inputs) * np.diag(DECAY ** (2.0 * exponents.sum(axis=1)))
        expected = features @ np.linalg.solve(features.T @ features + penalty, features.T @ outputs[:, column])
        np.testing.assert_allclose(network(inputs)[:, column], expected, rtol=1e-8, atol=1e-10)


def test_penalty_is_what_the_models_ask_for() -> None:
    """A cubic, a line in noise (of which a free cubic would follow more), and noise alone."""
    inputs, random = make_inputs(90), np.random.default_rng(7)
    z = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    outputs = np.stack([z[:, 0] * z[:, 1] ** 2 + z[:, 2], z[:, 0] + 0.5 * random.normal(size=90),
                        random.normal(size=90)], axis=1)
    found = cross_validate(inputs, outputs, skip_exponents(NAMES, 4, LINEAR), SEED)
    assert found.strengths[0] < 1e-8 < 1e-5 <= found.strengths[1]
    assert found.predictable.tolist() == [True, True, False]


def test_penalty_is_better_on_unseen_models() -> None:
    random, exponents = np.random.default_rng(8), skip_exponents(NAMES, 4, LINEAR)
    inputs, unseen = make_inputs(30), make_inputs(200)[100:]
    signal = quadratic(inputs)[:, :1]
    noisy = signal + 0.3 * signal.std() * random.normal(size=(30, 1))
    strengths = cross_validate(inputs, noisy, exponents, SEED).strengths
    chosen, free = (polynomial_network(inputs, noisy, exponents, s) for s in (strengths, None))
    errors = [np.linalg.norm(network(unseen) - quadratic(unseen)[:, :1]) for network in (chosen, free)]
    assert errors[0] < 0.5 * errors[1]


def test_more_terms_than_models_are_no_harm() -> None:
    """A smooth function of three inputs, from 25 models and 34 terms: better than the quadratic that 25 can fix."""
    def smooth(inputs: Array) -> Array:
        m, h, n = inputs.T
        return np.stack([np.exp(m + h) * n, 1.0 / (h - m + n)], axis=1)

    inputs, unseen = make_inputs(25), make_inputs(200)[100:]
    outputs = smooth(inputs) - smooth(inputs).mean(axis=0)
    truth = smooth(unseen) - smooth(inputs).mean(axis=0)

    def error(degree: int) -> float:
        exponents = skip_exponents(NAMES, degree, ())
        strengths = cross_validate(inputs, outputs, exponents, SEED).strengths
        return float(np.linalg.norm(polynomial_network(inputs, outputs, exponents, strengths)(unseen) - truth))

    assert len(skip_exponents(NAMES, 4, ())) > len(inputs)
    assert error(4) < 0.5 * error(2)


def test_the_same_models_in_another_run_give_the_same_penalties() -> None:
    inputs, exponents = make_inputs(), skip_exponents(NAMES, 3, LINEAR)
    outputs = quadratic(inputs) + np.random.default_rng(9).normal(size=(60, 3))
    first, second = (cross_validate(inputs, outputs, exponents, SEED) for _ in range(2))
    assert np.array_equal(first.strengths, second.strengths)
