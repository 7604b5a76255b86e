"""How far derived quantities may lie from the fit of them: as far as it is off for models that it has not seen."""
from __future__ import annotations

import numpy as np
import pytest

from cosmicnet.training.fields import fit_set as networks
from cosmicnet.training.fields.fit_set import GUARD_FLOOR, GUARD_MARGIN, GUARDED, constant_numbers, fit_guard
from cosmicnet.training.fields.polynomial import all_exponents, polynomial_network

NAMES = ("omega_b", "omega_cdm")


def cosmologies(number: int, seed: int = 0) -> list[dict[str, float]]:
    """Quantities of the order of one that are no polynomial."""
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (number, 2))
    return [{"omega_b": float(b), "omega_cdm": float(c),
             **{name: float(1.0 + 0.3 * np.exp(0.7 * b - 0.2 * i * c)) for i, name in enumerate(GUARDED)}}
            for b, c in x]


def test_tolerance_is_that_of_fits_to_all_other_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "GUARD_DEGREE", 1)
    models = cosmologies(12)
    _, tolerances = fit_guard(NAMES, models)
    inputs = np.array([[m[name] for name in NAMES] for m in models])
    outputs = np.array([[m[name] for name in GUARDED] for m in models])
    errors = []
    for left_out in range(len(models)):
        others = np.arange(len(models)) != left_out
        network = polynomial_network(inputs[others], outputs[others], all_exponents(2, 1))
        errors.append(np.abs(network(inputs[left_out:left_out + 1]) - outputs[left_out])[0] / outputs[left_out])
    expected = np.maximum(GUARD_MARGIN * np.max(errors, axis=0), GUARD_FLOOR)
    assert list(tolerances.values()) == pytest.approx(expected.tolist(), rel=1e-6)


def test_unseen_models_are_within_the_tolerance_of_a_fit_to_few() -> None:
    refused = 0
    for seed in range(20):
        network, tolerances = fit_guard(NAMES, cosmologies(20, seed))
        for unseen in cosmologies(20, 1000 + seed):
            predicted = network(np.array([[unseen[name] for name in NAMES]]))[0]
            refused += any(abs(p / unseen[name] - 1.0) > tolerances[name]
                           for p, name in zip(predicted, GUARDED, strict=True))
    # a new model is worse than the worst of twenty, each against all others, in one case of 21; the margin is besides
    assert refused < 400 / 21


def test_numbers_that_never_vary_are_those_that_networks_know_one_value_of() -> None:
    models = [{"omega_b": 0.02, "m_ncdm": 0.06, "z_rec": 1090.0 + i, "tau_reio": 0.0} for i in range(3)]
    assert constant_numbers(models, {"omega_b", "tau_reio"}) == {"m_ncdm": 0.06}
    # one of the models has no interacting dark matter
    models[0]["omega_idm"] = 0.01
    assert "omega_idm" not in constant_numbers(models, ())
