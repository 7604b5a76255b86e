"""Compression of a field's tables: to the accuracy asked for, in the weights given, against a slow twin."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cosmicnet.training.fields.reduce import ReducedField, expand, keep_components, reduce_field

Array = NDArray[np.float64]

MODELS, TIMES, WAVENUMBERS = 30, 25, 18
# tables are single precision
ROUNDING = 2e-6


def low_rank_tables() -> NDArray[np.float32]:
    """A mean and two components, each of rank one: known exactly."""
    generator = np.random.default_rng(3)
    t, x = np.linspace(0, 1, TIMES), np.linspace(0, 3, WAVENUMBERS)
    mean = np.outer(1 + t, 2 + np.cos(x))
    shapes = np.stack([np.outer(np.sin(3 * t), np.exp(-x)), np.outer(t**2, np.sin(x))])
    return np.asarray(mean + np.einsum("nc,ctk->ntk", generator.normal(size=(MODELS, 2)), shapes), dtype=np.float32)


def rough_tables() -> NDArray[np.float32]:
    """Noise on top that falls by decades, so that each tolerance cuts somewhere else."""
    generator = np.random.default_rng(4)
    noise = sum(10.0**-i * np.einsum("n,t,k->ntk", *(generator.normal(size=s) for s in (MODELS, TIMES, WAVENUMBERS)))
                for i in range(1, 6))
    return np.asarray(low_rank_tables() + noise, dtype=np.float32)


WEIGHT = np.linspace(0.5, 2.0, TIMES)
NO_FLOOR = np.zeros(WAVENUMBERS)


def twin_expand(reduction: ReducedField, coefficients: Array) -> Array:
    """The table by explicit sums."""
    rows, columns = reduction.time_basis.shape[1], reduction.wavenumber_basis.shape[1]
    table = np.zeros((TIMES, WAVENUMBERS))
    for i in range(rows):
        for j in range(columns):
            entry = reduction.mean_core[i * columns + j]
            for coefficient, component in zip(coefficients, reduction.components, strict=True):
                entry += coefficient * component[i * columns + j]
            table += entry * np.outer(reduction.time_basis[:, i], reduction.wavenumber_basis[:, j])
    return table


def weighted_error(reduction: ReducedField, tables: NDArray[np.float32], weight: Array, floor: Array) -> list[float]:
    """As the module's text says, number by number."""
    size = np.zeros(WAVENUMBERS)
    for k in range(WAVENUMBERS):
        size[k] = np.sqrt(np.mean([sum((weight[t] * table[t, k]) ** 2 for t in range(TIMES)) for table in tables]))
    weights = weight[:, None] / np.maximum(size, floor)
    return [float(np.linalg.norm((twin_expand(reduction, c) - table) * weights) / np.linalg.norm(table * weights))
            for c, table in zip(reduction.coefficients, tables, strict=True)]


def test_tables_of_low_rank_are_met_to_rounding_by_as_many_components() -> None:
    tables = low_rank_tables()
    reduction = reduce_field(tables, WEIGHT, NO_FLOOR, 1e-5)
    assert len(reduction.components) == 2
    assert (reduction.time_basis.shape, reduction.wavenumber_basis.shape) == ((TIMES, 3), (WAVENUMBERS, 3))
    for coefficients, table in zip(reduction.coefficients, tables, strict=True):
        np.testing.assert_allclose(expand(reduction, coefficients), table, atol=10 * ROUNDING)


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3, 1e-4])
def test_tolerance_is_met_and_not_by_far(tolerance: float) -> None:
    tables = rough_tables()
    reduction = reduce_field(tables, WEIGHT, NO_FLOOR, tolerance)
    total = np.sqrt(np.mean(reduction.error**2))
    assert 0.01 * tolerance < total < tolerance
    assert len(reduction.components) < MODELS - 1


@pytest.mark.parametrize("floor", [NO_FLOOR, np.full(WAVENUMBERS, 3.0), np.linspace(0.0, 20.0, WAVENUMBERS)])
def test_error_is_the_weighted_error(floor: Array) -> None:
    tables = rough_tables()
    reduction = reduce_field(tables, WEIGHT, floor, 1e-3)
    np.testing.assert_allclose(reduction.error, weighted_error(reduction, tables, WEIGHT, floor), rtol=1e-2, atol=1e-6)


def test_expand_equals_the_slow_twin() -> None:
    reduction = reduce_field(rough_tables(), WEIGHT, NO_FLOOR, 1e-3)
    for coefficients in reduction.coefficients[:3]:
        np.testing.assert_allclose(expand(reduction, coefficients), twin_expand(reduction, coefficients), rtol=1e-12)


def test_components_are_orthonormal() -> None:
    """So that an error of the coefficients is the error of the field, which training relies on."""
    components = reduce_field(rough_tables(), WEIGHT, NO_FLOOR, 1e-4).components
    np.testing.assert_allclose(components @ components.T, np.eye(len(components)), atol=1e-5)


def test_only_what_is_kept_is_left() -> None:
    everything = reduce_field(rough_tables(), WEIGHT, NO_FLOOR, 1e-4)
    kept = np.arange(len(everything.components)) < 2
    fewer = keep_components(everything, kept, 1e-6)
    assert len(everything.components) > 2
    assert fewer.coefficients.shape == (MODELS, 2)
    for coefficients, all_of_them in zip(fewer.coefficients, everything.coefficients, strict=True):
        expected = expand(everything, np.where(kept, all_of_them, 0.0))
        np.testing.assert_allclose(expand(fewer, coefficients), expected, atol=1e-4 * np.abs(expected).max())
    assert fewer.time_basis.shape[1] <= everything.time_basis.shape[1]


def test_where_the_floor_is_high_little_is_kept() -> None:
    tables = rough_tables()
    high = reduce_field(tables, WEIGHT, np.full(WAVENUMBERS, 1e4), 1e-2)
    selective = np.where(np.arange(WAVENUMBERS) < 9, 0.0, 1e4)
    half = reduce_field(tables, WEIGHT, selective, 1e-2)
    errors = {name: np.mean([np.abs(expand(r, c) - t)[:, 9:].mean() for c, t in
                             zip(r.coefficients, tables, strict=True)]) for name, r in (("all", high), ("half", half))}
    assert errors["half"] > errors["all"]


def test_times_without_weight_do_not_blow_up() -> None:
    weight = WEIGHT.copy()
    weight[:5] = 0.0
    reduction = reduce_field(rough_tables(), weight, NO_FLOOR, 1e-3)
    assert np.all(np.isfinite(reduction.time_basis))
    assert np.sqrt(np.mean(reduction.error**2)) < 1e-3


def test_reduction_is_the_same_each_time() -> None:
    first, second = (reduce_field(rough_tables(), WEIGHT, NO_FLOOR, 1e-3) for _ in range(2))
    for part, value in vars(first).items():
        assert np.array_equal(value, getattr(second, part)), part
