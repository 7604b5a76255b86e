"""Training of one field's network: polynomials to rounding, dense layers where they help, the same each time."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inputs_and_outputs import NAMES, make_inputs, quadratic
from numpy.typing import NDArray
from recipes import tiny_recipe

from cosmicnet.training.fields.polynomial import STRENGTHS, polynomial_network, skip_exponents
from cosmicnet.training.one_level import fit_network as module
from cosmicnet.training.one_level.fit_network import NetworkFit, fit_network
from cosmicnet.training.recipe.schema import Training

Array = NDArray[np.float64]


@pytest.fixture
def settings(tmp_path: Path) -> Training:
    return tiny_recipe(tmp_path).training.model_copy(update={"hidden": [8], "epochs": 200, "learning_rate": 3e-2})


def bumpy(inputs: Array) -> Array:
    return np.asarray(quadratic(inputs) + np.tanh(8 * (inputs[:, :1] + 2.0)) * [1.0, 2.0, 0.5])


def trained(outputs: Array, settings: Training, degree: int = 2, **changes: Any) -> NetworkFit:
    return fit_network(make_inputs(), outputs, NAMES, degree, settings.model_copy(update=changes))


def test_field_that_is_polynomial_is_met_to_rounding_after_training(settings: Training) -> None:
    inputs = make_inputs()
    result = trained(quadratic(inputs), settings)
    unseen = make_inputs(200)[100:]
    np.testing.assert_allclose(result.network(unseen), quadratic(unseen), rtol=1e-6, atol=1e-6)
    assert result.error <= result.skip_error < 1e-9


def test_dense_layers_learn_what_the_polynomial_leaves(settings: Training) -> None:
    result = trained(bumpy(make_inputs()), settings, epochs=600)
    assert result.skip_error > 0.005
    assert result.error < 0.5 * result.skip_error
    assert any(np.abs(weight).max() > 0 for weight in result.network.weights[-1:])


def test_dense_layers_that_do_not_help_give_nothing(settings: Training) -> None:
    """Noise cannot be learned: the polynomial alone is kept, fitted to all models."""
    inputs = make_inputs()
    noise = np.random.default_rng(6).normal(size=(len(inputs), 3))
    result = trained(noise, settings, epochs=0)
    assert result.error == result.skip_error
    assert np.all(result.network.weights[-1] == 0) and np.all(result.network.biases[-1] == 0)
    # under the strongest penalty: a freer one would follow the noise further
    expected = polynomial_network(inputs, noise, skip_exponents(NAMES, 2, settings.linear), np.full(3, STRENGTHS[-1]))
    np.testing.assert_allclose(result.network(inputs), expected(inputs), rtol=1e-12)


def test_training_that_diverges_leaves_the_polynomial(
    settings: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module._dense_layers

    def diverged(*arguments: Any) -> Any:
        weights, biases = real(*arguments)
        return tuple(np.full_like(w, np.nan) for w in weights), biases

    monkeypatch.setattr(module, "_dense_layers", diverged)
    inputs, outputs = make_inputs(), bumpy(make_inputs())
    result = trained(outputs, settings, epochs=1)
    assert result.error == result.skip_error and np.all(np.isfinite(result.network(inputs)))


def test_error_is_that_of_the_held_out_models(settings: Training) -> None:
    inputs, outputs = make_inputs(), bumpy(make_inputs())
    result = trained(outputs, settings, epochs=600)
    count = round(settings.validation_fraction * len(inputs))
    held_out = np.random.default_rng(settings.seed).permutation(len(inputs)) < count
    assert held_out.sum() == count
    difference = result.network(inputs[held_out]) - outputs[held_out]
    assert result.error == pytest.approx(np.linalg.norm(difference) / np.linalg.norm(outputs[held_out]), rel=1e-6)


def test_same_seed_is_the_same_network_and_another_is_not(settings: Training) -> None:
    outputs = bumpy(make_inputs())
    first, second, other = (trained(outputs, settings, seed=seed) for seed in (2, 2, 3))
    assert (first.error, first.skip_error) == (second.error, second.skip_error)
    for ours, theirs in zip(first.network.weights, second.network.weights, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(first.network.skip, second.network.skip)
    assert not np.array_equal(first.network.weights[0], other.network.weights[0])


def test_shapes_are_those_of_the_recipe(settings: Training) -> None:
    network = trained(bumpy(make_inputs()), settings, hidden=[7, 5], epochs=50).network
    assert [weight.shape for weight in network.weights] == [(3, 7), (7, 5), (5, 3)]
    assert [bias.shape for bias in network.biases] == [(7,), (5,), (3,)]
