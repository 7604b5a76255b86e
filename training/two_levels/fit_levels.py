"""Fit a set to models of two levels: their difference is added to all cheap models, then fields are fitted."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from cosmicnet.class_parameters import OF_REIONIZATION
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.fields import DEFAULT_BOUNDARIES, DENSITY_FIELDS, GUARD_INPUTS, INPUTS, Field, inputs_of
from cosmicnet.manifest import Manifest
from cosmicnet.pieces import PIECES
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet, save_network_set

from ..fields.describe import common_settings, constant_numbers, describe
from ..fields.fit_results import FitResult, error_table, fit_once
from ..fields.gaps import K_LAST, OF_MATTER, filled
from ..fields.guard import fit_guard_with_relevances
from ..fields.nodes import NODES
from ..fields.polynomial_field import fit_polynomial_field, predicted_by_others
from ..fields.tables import (
    BEYOND,
    K_SOUND_HORIZON_MAX,
    FieldTables,
    ResampledModel,
    collect,
    read_field,
)
from ..models.plan import FieldsPlan
from ..work.digest import code_digest
from ..work.parallel import ended, progress, single_threaded_pool
from .recipe import LEVELS, TwoLevelRecipe
from .resample_level import level_tables, resample_level_model

__all__ = ["LevelTables", "collect_levels", "fit_level_field", "fit_levels"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Degrees of the polynomials; early fields have few inputs.
DEGREE_EARLY, DEGREE_LATE = 4, 3

# Factor on the floors of fields/tables.py. Most of the source t0 is the velocity, which cancels in the integral over
# time; the rest must be much more accurate than the source as a whole. ACOUSTIC: x = k r_s(rec) from which photon
# sources count less.
FLOOR, FLOOR_OF_TEMPERATURE, ACOUSTIC = 50.0, 3.0, 30.0
# From the first x on CLASS's integration noise reaches 1e-3 of matter, which would hide the differences between
# cosmologies at smaller x; from the second x on matter is a fit to some of the models. Errors count less by these
# factors.
NOISY_FROM, WEIGHT_OF_NOISE = 600.0, 20.0
FITTED_FROM, WEIGHT_OF_FITTED = 3000.0, 5.0
# Below this x nothing contributes to multipoles from 2 on, and curved space has no modes.
LARGEST_SCALE = 0.03
# The k r_s(rec) to which CMB sources are covered. From 150 on the nodes do not resolve acoustic oscillations, but
# photons have diffused there: without these sources lensed spectra change by less than 1e-5 up to l = 9500.
CMB_REACH = 400.0

# The levels differ by a constant, and by a part in proportion to massive neutrinos' share of matter.
SHARE = INPUTS["neutrino_mass_z0"]

# Models beyond the domain by more than this factor are left out.
EARLY_DARK_ENERGY, MARGIN = "dark_energy_to_matter_rec", 2.0

# Keeps a ratio finite.
TINY = 1e-300

# The diffusion length nearly follows from the other inputs. Fits would use its small deviation from their prediction,
# which depends on the code that computes recombination. So training adds noise of this size (rms) to it.
BLURRED, BLUR, SEED = "ln_diffusion_length", 6e-4, 1

# Inputs that differ by less than this part of their size are the same in all models.
ROUNDING = 1e-10

# Results of recombination that the guard predicts from the inputs: they show a thermal history that the networks do not
# know.
GUARDED = ("z_rec", "visibility_max", "diffusion_length_rec")
GUARD_DEGREE, GUARD_FLOOR = 4, 1e-4

# Helium itself is an input.
TABLE_OF_HELIUM = "sBBN_file"


@dataclass(frozen=True)
class LevelTables:
    """Resampled models of the cheap level, and pairs of both levels of the same cosmology."""

    cheap: list[ResampledModel]
    pairs: list[tuple[ResampledModel, ResampledModel]]


def fit_levels(plan: FieldsPlan, recipe: TwoLevelRecipe, models: Sequence[Path], output: Path) -> Manifest:
    """Plan.fit() for a recipe of two levels; models lie in folders named after their level."""
    processes, scheduler = plan.processes, plan.scheduler
    tables = collect_levels(models, plan.tables, DENSITY_FIELDS, processes, scheduler)
    if EARLY_DARK_ENERGY in recipe.domain:
        tables = _within(MARGIN * recipe.domain[EARLY_DARK_ENERGY][1], tables)
    fields = _with_own_inputs(tables.cheap, recipe.inputs)
    identity = {
        "models": [m.cosmology for m in tables.cheap], "pairs": [m.cosmology for m, _ in tables.pairs],
        "code": code_digest(__name__), "reduction": recipe.reduction.model_dump(),
        "libraries": {name: version(name) for name in ("numpy", "scipy")},
    }
    fit = partial(_fitted, tables, recipe, plan.work / "fields", identity)
    results: dict[str, FitResult] = {}
    with progress("fitting fields", len(fields)) as advance, single_threaded_pool(processes, scheduler) as pool:
        for name, future in ended({pool.submit(fit, field): field.name for field in fields}):
            results[name] = future.result()
            advance()
    ordered = [results[field.name] for field in fields]
    Console(stderr=True).print(error_table(ordered, len(tables.cheap)))
    values = [{**m.setup, **m.cosmology} for m in tables.cheap]
    guard_inputs = _varied(GUARD_INPUTS, tables.cheap)
    guard, tolerances = fit_guard_with_relevances(
        np.array([inputs_of(v, guard_inputs) for v in values]),
        np.array([[v[name] for name in GUARDED] for v in values]), GUARDED, GUARD_DEGREE, GUARD_FLOOR)
    emulator = FieldsEmulator([result.fitted for result in ordered], DEFAULT_BOUNDARIES)
    return save_network_set(output, NetworkSet(_manifest(recipe, tables, guard_inputs, tolerances), emulator, guard))


def _with_own_inputs(models: Sequence[ResampledModel], chosen: Sequence[str] | None) -> tuple[Field, ...]:
    """DENSITY_FIELDS with those of the chosen inputs, or of all, that differ between models."""
    def own(field: Field) -> Field:
        inputs = tuple(name for name in field.inputs if not chosen or name in chosen)
        return replace(field, inputs=_varied(inputs, models))

    return tuple(map(own, DENSITY_FIELDS))


def _varied(names: tuple[str, ...], models: Sequence[ResampledModel]) -> tuple[str, ...]:
    values = np.array([inputs_of({**m.setup, **m.cosmology}, names) for m in models])
    widths = np.ptp(values, axis=0)
    return tuple(name for name, width, size in zip(names, widths, np.abs(values).max(axis=0), strict=True)
                 if width > ROUNDING * size)


def _within(most: float, tables: LevelTables) -> LevelTables:
    """The models with at most so much early dark energy: a few with more would dominate the fits of these inputs."""
    def is_inside(model: ResampledModel) -> bool:
        return INPUTS[EARLY_DARK_ENERGY]({**model.setup, **model.cosmology}) <= most

    return LevelTables([m for m in tables.cheap if is_inside(m)], [pair for pair in tables.pairs if is_inside(pair[0])])


def _fitted(
    tables: LevelTables, recipe: TwoLevelRecipe, folder: Path, identity: Mapping[str, Any], field: Field
) -> FitResult:
    """The fit of a field, read where it was finished before."""
    tolerance = recipe.reduction.of(field.name)
    return fit_once(folder, field, {**identity, "field": vars(field), "tolerance": tolerance},
                    lambda: fit_level_field(field, tables, tolerance))


def _manifest(
    recipe: TwoLevelRecipe, tables: LevelTables, guard_inputs: tuple[str, ...], tolerances: dict[str, float]
) -> Manifest:
    precise = tables.pairs[0][1] if tables.pairs else tables.cheap[0]
    precision = {name: value for name, value in (precise.precision | recipe.levels.stands_for).items()
                 if name != TABLE_OF_HELIUM}
    return describe(
        recipe.name, recipe.description, running_class(), precision, domain=dict(recipe.domain),
        setup={**common_settings([m.setup for m in tables.cheap], recipe.domain),
               **constant_numbers([m.cosmology for m in tables.cheap], {*recipe.domain, *OF_REIONIZATION})},
        derived=tolerances, derived_inputs=list(guard_inputs), k_max=recipe.k_max,
        k_max_cmb_times_sound_horizon=CMB_REACH,
        recipe={**recipe.model_dump(mode="json"), "models_used": len(tables.cheap), "pairs_used": len(tables.pairs)},
        constraints=recipe.constraints, boundaries=vars(DEFAULT_BOUNDARIES),
    )


def collect_levels(
    paths: Sequence[Path], folder: Path, fields: Sequence[Field], processes: int, scheduler: str | None = None
) -> LevelTables:
    """Resample models, which lie in folders named after their level."""
    cheap, converged = ({int(path.stem): path for path in paths if path.parent.name == level} for level in LEVELS)
    both = sorted(cheap.keys() & converged.keys())
    models = {level: dict(zip(numbered, collect(list(numbered.values()), level_tables(folder, level), fields, processes,
                                                scheduler, make=resample_level_model), strict=True))
              for level, numbered in zip(LEVELS, (cheap, {i: converged[i] for i in both}), strict=True) if numbered}
    return LevelTables(list(models["cheap"].values()), [(models["cheap"][i], models["converged"][i]) for i in both])


def fit_level_field(field: Field, tables: LevelTables, tolerance: float) -> FitResult:
    """Compress the tables of one field to a relative error of `tolerance`, and fit their coefficients.

    The error of the result is the leave-one-out one, of the median model.
    """
    table = _blurred(filled(read_field(field, tables.cheap), tables.cheap))
    degree = DEGREE_EARLY if field.region == "early" else DEGREE_LATE
    if tables.pairs:
        table = replace(table, values=table.values + _difference(table, tables, tolerance, degree))
    fit = fit_polynomial_field(table, _floor(table), tolerance, degree)
    error = float(np.median(fit.fit_errors))
    return FitResult(fit.fitted, float(np.median(fit.compression_errors)), error, error)


def _blurred(table: FieldTables) -> FieldTables:
    """The same tables with noise of BLUR in the input BLURRED."""
    names, inputs = table.field.inputs, table.inputs.copy()
    if BLURRED in names:
        inputs[:, names.index(BLURRED)] += BLUR * np.random.default_rng(SEED).normal(size=len(inputs))
    return replace(table, inputs=inputs)


def _floor(table: FieldTables) -> Array:
    """Floor of the size to which errors at each wavenumber are relative; beyond ACOUSTIC, where photons have diffused,
    errors count as the inverse square of k."""
    x = np.exp(NODES[table.field.wavenumber])
    is_of_temperature = PIECES[table.field.piece].source == "t0"
    floor = (FLOOR_OF_TEMPERATURE if is_of_temperature else FLOOR) * table.floor
    size = np.sqrt(((table.values * table.weight[:, None]) ** 2).sum(axis=1).mean(axis=0))
    if table.field.piece in OF_MATTER:
        weight = np.where(x > FITTED_FROM, WEIGHT_OF_FITTED, WEIGHT_OF_NOISE)
        return np.where(x > NOISY_FROM, weight * size, floor)
    # bounded also where the nodes do not resolve oscillations
    floor = np.where(x > K_SOUND_HORIZON_MAX * (1.0 + 1e-9), BEYOND, 1.0) * floor
    floor = floor * np.maximum(LARGEST_SCALE / x, 1.0)
    return np.where(x > ACOUSTIC, np.maximum(size, floor) * (x / ACOUSTIC) ** 2, floor)


def _difference(table: FieldTables, tables: LevelTables, tolerance: float, degree: int) -> Single:
    """The difference of the levels for each cheap model: a constant, and a part in proportion to SHARE.

    Each converged model is compared with its own cheap model, which has integration noise, and with the prediction of
    all other cheap ones, in which noise averages out but errors of the fit remain. At each wavenumber the two count by
    the inverse of their variance.
    """
    number = {model.path: i for i, model in enumerate(tables.cheap)}
    pairs = [number[model.path] for model, _ in tables.pairs]
    predicted = predicted_by_others(table, _floor(table), tolerance, degree, pairs)
    cheap, converged = (read_field(table.field, models).values for models in zip(*tables.pairs, strict=True))
    shares, of_pairs = (np.array([SHARE({**m.setup, **m.cosmology}) for m in models])
                        for models in (tables.cheap, [m for m, _ in tables.pairs]))
    own = converged - cheap
    if table.field.piece in OF_MATTER:
        own = _kept_in_proportion(own, table.values[pairs], table.field, [model for model, _ in tables.pairs])
    (by_own, of_own), (by_others, of_others) = (
        _constant_and_slope(differences, of_pairs, table.weight)
        for differences in (own, own + (table.values[pairs] - predicted)))
    part = np.where(of_own + of_others > 0.0, of_others / np.maximum(of_own + of_others, TINY), 1.0)
    common, slope = part * by_own + (1.0 - part) * by_others
    return np.asarray(common + shares[:, None, None] * slope, dtype=np.float32)


def _kept_in_proportion(
    differences: Single, values: Single, field: Field, models: Sequence[ResampledModel]
) -> Single:
    """Differences of the levels beyond the last wavenumber of a model, in proportion to the values: these fall by an
    order of magnitude there, and the difference with them."""
    x, result = np.exp(NODES[field.wavenumber]), differences.copy()
    for index, model in enumerate(models):
        end = int(np.searchsorted(x, model.cosmology[K_LAST] * model.cosmology["sound_horizon_rec"], side="right"))
        result[index, :, end:] *= values[index, :, end:] / values[index, :, end - 1, None]
    return result


def _constant_and_slope(differences: Array | Single, shares: Array, weight: Array) -> tuple[Array, Array]:
    """The constant and the slope by SHARE of these differences (pairs, times, wavenumbers), in one array, and the
    variance that they leave at each wavenumber."""
    massive = shares > 0.0
    if not massive.any() or massive.all():
        common = differences.mean(axis=0)
        slope = np.zeros_like(common)
    else:
        common = differences[~massive].mean(axis=0)
        slope = np.tensordot(shares[massive], differences[massive] - common, axes=1) / (shares[massive] ** 2).sum()
    left = (differences - common - shares[:, None, None] * slope) * weight[:, None]
    return np.array([common, slope]), (left**2).mean(axis=(0, 1))
