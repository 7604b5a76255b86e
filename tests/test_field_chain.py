"""One field from integrated models to an evaluated network: resample, reduce, train, export, evaluate."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from recipes import tiny_recipe

from cosmicnet.coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales
from cosmicnet.emulator import FittedField
from cosmicnet.fields import FIELDS, Field, inputs_of
from cosmicnet.splines import SplineBasis
from cosmicnet.training.fields.nodes import NODES
from cosmicnet.training.fields.reduce import reduce_field
from cosmicnet.training.fields.resample import resample
from cosmicnet.training.models.grids import AlignedGrids
from cosmicnet.training.one_level.fit_network import fit_network

Array = NDArray[np.float64]
Cosmology = dict[str, float]

MODELS = 24
TOLERANCE = 1e-4
# twice the tolerance of the compression, and single precision
AGREEMENT = 3e-4

FIELD: Field = next(f for f in FIELDS if f.region == "early" and f.piece == "weyl")
# few wavenumbers and times: the tests do not depend on their number
GRIDS = AlignedGrids(t_edges=(0.78, 0.93, 1.15, 1.4, 2.15), k_per_decade=8)


def cosmologies(number: int, seed: int) -> list[Cosmology]:
    points = np.random.default_rng(seed).uniform([0.0215, 0.11, 2.02, 0.055], [0.0235, 0.13, 2.05, 0.065], (number, 4))
    return [{"omega_b": b, "omega_cdm": c, "N_ur": n, "m_ncdm": m, "tau_rec": 281.0 - 300.0 * (c - 0.12),
             "conformal_age": 14150.0, "sound_horizon_rec": 144.5 - 200.0 * (b - 0.0224), "tau_free_streaming": 500.0,
             "H0": 67.4}
            for b, c, n, m in points]


def scales_of(cosmology: Cosmology) -> Scales:
    return Scales.of(cosmology, {"radiation_streaming_trigger_tau_over_tau_k": 45.0})


def exact(cosmology: Cosmology, time: Array, ln_x: Array) -> Array:
    """In the field's coordinates: quadratic in the logarithms of the densities, of rank three."""
    ln_m, ln_b = np.log(cosmology["omega_b"] + cosmology["omega_cdm"]), np.log(cosmology["omega_b"])
    return np.asarray(
        (1.0 + ln_m**2 + 0.1 * ln_m * ln_b) * np.outer(1.0 / time, 1.0 / (1.0 + np.exp(ln_x)))
        + ln_b * np.outer(np.sin(3 * time), np.exp(-(ln_x**2) / 8))
        + 0.2 * cosmology["N_ur"] * np.outer(time, np.cos(0.5 * ln_x)))


def measured(cosmology: Cosmology) -> tuple[NDArray[np.float32], Array]:
    """As a model on disk would be: on the grids of its own, then on the nodes."""
    scales, grid = scales_of(cosmology), GRIDS.integration(cosmology)
    time = TIME_COORDINATES[FIELD.time](grid.tau, scales)
    table = exact(cosmology, time, WAVENUMBER_COORDINATES[FIELD.wavenumber](grid.k, scales))
    columns = ("scale_factor", "growth_factor", "visibility", "visibility_prime")
    history = {name: np.ones(grid.tau.size) for name in columns}
    resampled = resample(FIELD, table, grid.k, grid.tau, history, scales)
    return resampled.values, resampled.weight


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> FittedField:
    recipe = tiny_recipe(Path(tmp_path_factory.mktemp("recipe")))
    models = cosmologies(MODELS, seed=1)
    tables, weights = zip(*(measured(c) for c in models), strict=True)
    weight, floor = np.mean(weights, axis=0), np.zeros(tables[0].shape[1])
    reduction = reduce_field(np.array(tables), weight, floor, TOLERANCE)
    inputs = np.array([inputs_of(c, FIELD.inputs) for c in models])
    settings = recipe.training.model_copy(update={"epochs": 0})
    trained = fit_network(inputs, reduction.coefficients, FIELD.inputs, 2, settings)
    shape = reduction.time_basis.shape[1], reduction.wavenumber_basis.shape[1]
    return FittedField(
        FIELD, trained.network, reduction.mean_core.reshape(shape), reduction.components,
        SplineBasis.through(NODES[FIELD.time], reduction.time_basis),
        SplineBasis.through(NODES[FIELD.wavenumber], reduction.wavenumber_basis))


def evaluated(emulator: FittedField, cosmology: Cosmology, time: Array, ln_x: Array) -> Array:
    core = emulator.core(inputs_of(cosmology, emulator.field.inputs))
    return emulator.time_basis(time) @ core @ emulator.wavenumber_basis(ln_x).T


@pytest.mark.parametrize("number", range(5))
def test_unseen_cosmology_is_met_between_the_nodes(emulator: FittedField, number: int) -> None:
    cosmology = cosmologies(5, seed=2)[number]
    generator = np.random.default_rng(number)
    time = np.sort(generator.uniform(emulator.time_basis.first, 1.3, 40))
    ln_x = np.sort(generator.uniform(np.log(0.01), np.log(100.0), 60))
    expected = exact(cosmology, time, ln_x)
    error = evaluated(emulator, cosmology, time, ln_x) - expected
    assert np.linalg.norm(error) < AGREEMENT * np.linalg.norm(expected)


def test_few_functions_and_components_are_enough(emulator: FittedField) -> None:
    """The tables have rank three, and vary with three functions of the parameters."""
    assert emulator.mean_core.shape == (3, 3)
    assert len(emulator.components) <= 3


def test_it_depends_on_the_cosmology(emulator: FittedField) -> None:
    """Else the mean would do."""
    time, ln_x = np.linspace(0.9, 1.3, 20), np.linspace(-2.0, 3.0, 20)
    first, second = (evaluated(emulator, c, time, ln_x) for c in cosmologies(2, seed=2))
    assert np.linalg.norm(first - second) > 30 * AGREEMENT * np.linalg.norm(first)
