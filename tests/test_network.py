"""The networks' evaluation against the formula, one layer and one number at a time."""
from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic import make_network

from cosmicnet.network import Network, Normalization, monomials


def test_monomials_are_products_of_powers() -> None:
    exponents = np.array([[0, 0], [1, 0], [0, 3], [2, 1]])
    assert monomials(np.array([3.0, -2.0]), exponents).tolist() == [1.0, 3.0, -8.0, -18.0]


def test_monomials_of_zero_to_the_zero_is_one() -> None:
    assert monomials(np.zeros(2), np.array([[0, 0], [1, 0]])).tolist() == [1.0, 0.0]


def twin(network: Network, inputs: list[float]) -> list[float]:
    z = [(x - o) / s for x, o, s in zip(inputs, network.input_map.offset, network.input_map.scale, strict=True)]
    hidden = list(z)
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        hidden = [sum(h * weight[i, j] for i, h in enumerate(hidden)) + bias[j] for j in range(len(bias))]
        if layer + 1 < len(network.weights):
            hidden = [math.tanh(h) for h in hidden]
    result = []
    for j, (offset, scale) in enumerate(zip(network.output_map.offset, network.output_map.scale, strict=True)):
        polynomial = sum(
            network.skip[m, j] * math.prod(x ** int(p) for x, p in zip(z, powers, strict=True))
            for m, powers in enumerate(network.exponents))
        result.append(offset + scale * (polynomial + (hidden[j] if network.weights else 0.0)))
    return result


@pytest.mark.parametrize("hidden", [0, 6])
def test_network_equals_its_formula(hidden: int) -> None:
    network = make_network(inputs=3, outputs=4, hidden=hidden)
    inputs = [0.3, -1.2, 0.7]
    np.testing.assert_allclose(network(np.array(inputs)), twin(network, inputs), rtol=1e-12)


def test_the_dense_layers_matter() -> None:
    network = make_network(inputs=3, outputs=4)
    skip_only = Network(network.input_map, network.exponents, network.skip, (), (), network.output_map)
    assert np.abs(network(np.ones(3)) - skip_only(np.ones(3))).max() > 1e-3


def test_a_batch_is_its_members() -> None:
    network = make_network(inputs=2, outputs=3)
    batch = np.random.default_rng(0).normal(size=(5, 2))
    np.testing.assert_allclose(network(batch), [network(row) for row in batch], rtol=1e-12)


def test_skip_connection_alone_is_the_polynomial() -> None:
    identity = Normalization(np.zeros(1), np.ones(1))
    network = Network(identity, np.array([[0], [2]]), np.array([[1.0], [3.0]]), (), (), identity)
    assert network(np.array([2.0])).tolist() == [13.0]
