"""Normalization maps to the unit box and back without loss."""
from __future__ import annotations

import numpy as np

from cosmicnet.network import Normalization


def test_range_of_the_samples_becomes_the_unit_box() -> None:
    values = np.random.default_rng(0).uniform([1.0, -5.0], [3.0, 70.0], size=(50, 2))
    mapped = Normalization.to_unit_box(values).apply(values)
    np.testing.assert_allclose(mapped.min(axis=0), -1.0, rtol=1e-14)
    np.testing.assert_allclose(mapped.max(axis=0), 1.0, rtol=1e-14)


def test_middle_of_the_range_becomes_zero() -> None:
    assert Normalization.to_unit_box(np.array([[2.0], [6.0]])).apply(np.array([4.0, 5.0])).tolist() == [0.0, 0.5]


def test_invert_undoes_apply() -> None:
    values = np.random.default_rng(1).normal(size=(20, 3)) * [1e-5, 1.0, 1e5]
    normalization = Normalization.to_unit_box(values)
    scale = np.abs(values).max(axis=0)
    np.testing.assert_allclose(normalization.invert(normalization.apply(values)) / scale, values / scale,
                               atol=1e-14)


def test_what_is_constant_but_for_rounding_becomes_zero() -> None:
    """A recipe may fix an input of the networks; rounding must not be blown up to the unit box."""
    rounding = np.array([0.0, 1.0, -1.0]) * 4e-16
    values = np.stack([2.0308 + rounding, np.zeros(3), [1.0, 2.0, 3.0]], axis=1)
    mapped = Normalization.to_unit_box(values).apply(values)
    np.testing.assert_allclose(mapped, [[0, 0, -1], [0, 0, 0], [0, 0, 1]], atol=1e-14)
