"""Quintic spline bases: exact where they must be, constant beyond the ends, the same when stacked."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from cosmicnet.splines import DEGREE, SplineBasis, cubic_at, cubic_slopes, stack

NODES = np.linspace(-1.0, 2.0, 14)
BETWEEN = np.linspace(-1.0, 2.0, 101)


@pytest.mark.parametrize("degree", range(DEGREE + 1))
def test_polynomials_up_to_the_degree_are_exact(degree: int) -> None:
    basis = SplineBasis.through(NODES, (NODES**degree)[:, None])
    np.testing.assert_allclose(basis(BETWEEN)[:, 0], BETWEEN**degree, atol=1e-12 * 2.0**degree)


def test_one_degree_more_is_not_exact() -> None:
    basis = SplineBasis.through(NODES, (NODES ** (DEGREE + 1))[:, None])
    assert np.abs(basis(BETWEEN)[:, 0] - BETWEEN ** (DEGREE + 1)).max() > 1e-6


def test_passes_through_its_values() -> None:
    values = np.random.default_rng(0).normal(size=(NODES.size, 3))
    np.testing.assert_allclose(SplineBasis.through(NODES, values)(NODES), values, atol=1e-12)


def test_constant_beyond_the_ends() -> None:
    values = np.random.default_rng(1).normal(size=(NODES.size, 2))
    basis = SplineBasis.through(NODES, values)
    assert (basis.first, basis.last) == (-1.0, 2.0)
    beyond = basis(np.array([-7.0, -1.0 - 1e-9, 2.0 + 1e-9, 50.0]))
    np.testing.assert_allclose(beyond, values[[0, 0, -1, -1]], atol=1e-12)


def test_order_of_the_points_does_not_matter() -> None:
    basis = SplineBasis.through(NODES, np.random.default_rng(2).normal(size=(NODES.size, 2)))
    np.testing.assert_array_equal(basis(BETWEEN[::-1]), basis(BETWEEN)[::-1])


def test_stacked_bases_are_the_bases_side_by_side() -> None:
    generator = np.random.default_rng(3)
    bases = [SplineBasis.through(NODES, generator.normal(size=(NODES.size, n))) for n in (1, 3, 2)]
    expected = np.concatenate([basis(BETWEEN) for basis in bases], axis=1)
    np.testing.assert_allclose(stack(bases)(BETWEEN), expected, rtol=1e-13, atol=1e-13)


def test_cubics_are_those_of_scipy() -> None:
    rng = np.random.default_rng(2)
    x, values = np.sort(rng.uniform(0.0, 10.0, 30)), rng.normal(size=(30, 3))
    points = np.append(rng.uniform(x[0], x[-1], 100), x)
    twin = CubicSpline(x, values)
    largest = np.abs(twin(points)).max()
    np.testing.assert_allclose(cubic_at(x, values, points), twin(points), atol=1e-12 * largest)
    slopes = twin(x, 1)
    np.testing.assert_allclose(cubic_slopes(x, values), slopes, atol=1e-12 * np.abs(slopes).max())
