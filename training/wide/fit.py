"""Fit a wide set: the difference of the levels is added to all cheap models, then fields are fitted."""
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

from cosmicnet.class_parameters import OF_REIONIZATION, acts_on_sources
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.evaluation import FittedField
from cosmicnet.fields import INPUTS, Field, inputs_of
from cosmicnet.manifest import Manifest
from cosmicnet.network import Network
from cosmicnet.pieces import PIECES
from cosmicnet.running_class import running_class
from cosmicnet.splines import SplineBasis
from cosmicnet.store import NetworkSet, save_network_set
from cosmicnet.wide_fields import GUARD_INPUTS, WIDE_BOUNDARIES, WIDE_FIELDS

from ..fields.fit_field import FitResult, fit_path, read_fit, write_fit
from ..fields.fit_set import OF_FIELDS, constant_numbers, error_table
from ..fields.nodes import NODES
from ..fields.reduce import keep_components, reduce_field
from ..fields.relevance import fit_with_relevances
from ..fields.tables import (
    BEYOND,
    K_SOUND_HORIZON_MAX,
    OF_TABLES,
    FieldTables,
    ResampledModel,
    collect,
    read_field,
)
from ..work.digest import code_digest
from ..work.parallel import ended, progress, single_threaded_pool
from .recipe import WideRecipe
from .tables import OF_MATTER, filled, resample_wide_model

__all__ = ["Tables", "collect_levels", "fit_wide_field", "fit_wide_set"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Degrees of the polynomials; early fields have few inputs.
DEGREE_EARLY, DEGREE_LATE = 4, 3
# A component is noise if the fit leaves more than this fraction of its rms.
UNPREDICTABLE = 0.95
MEAN_ACCURACY = 0.1

# Factor on the floors of fields/tables.py. Most of the source of t0 is the velocity, which cancels in the integral
# over time; what is left must be much better than its source. ACOUSTIC: x = k r_s(rec) from which photon sources count
# less.
FLOOR, FLOOR_OF_TEMPERATURE, ACOUSTIC = 50.0, 3.0, 30.0
# Matter beyond this x is a fit to some of the models, and counts so much less.
FITTED_FROM, WEIGHT_OF_FITTED = 3000.0, 10.0
# Below this x multipoles from 2 on see next to nothing, and curved space has no modes.
LARGEST_SCALE = 0.03
# k r_s(rec) of the CMB sources that are promised. From 150 on the nodes do not resolve acoustic oscillations, but
# photons have diffused there: without these sources lensed spectra change by less than 1e-5 up to l = 9500.
CMB_REACH = 400.0

# What massive neutrinos do at the two levels differs in proportion to their share of matter.
SHARE = INPUTS["neutrino_mass_z0"]

# Models beyond the domain by more than this factor are left out.
EARLY_DARK_ENERGY, MARGIN = "dark_energy_to_matter_rec", 2.0

# Inputs that differ by less than this part of their size are the same in all models.
ROUNDING = 1e-10

# The guard: results of recombination that the inputs imply. A request whose values are further (relative) from them
# than three times the largest leave-one-out error has a thermal history that the networks do not know.
GUARDED = ("z_rec", "visibility_max", "diffusion_length_rec")
GUARD_DEGREE, GUARD_MARGIN, GUARD_FLOOR = 4, 3.0, 1e-4

# Helium itself is an input.
TABLE_OF_HELIUM = "sBBN_file"

# Code that determines the tables of a wide set besides OF_TABLES, and the fit of a field, given its table.
OF_WIDE_TABLES = ("cosmicnet.wide_fields", "cosmicnet.training.wide.tables")
OF_WIDE_FIELDS = (*OF_FIELDS, "cosmicnet.training.fields.relevance", "cosmicnet.training.wide.fit",
                  "cosmicnet.training.wide.tables")


@dataclass(frozen=True)
class Tables:
    """Resampled models of the cheap level, and pairs of both levels of the same cosmology."""

    cheap: list[ResampledModel]
    pairs: list[tuple[ResampledModel, ResampledModel]]


def fit_wide_set(
    recipe: WideRecipe, models: Mapping[str, Mapping[int, Path]], work: Path, output: Path, processes: int,
    scheduler: str | None = None,
) -> Manifest:
    """Fit all fields to the models (by level and number of the cosmology) and write the set to `output`.

    A fit that was killed resumes with the next field. Raises DatasetError for an unreadable model.
    """
    tables = collect_levels(models["cheap"], models["converged"], work / "tables", WIDE_FIELDS, processes, scheduler)
    if EARLY_DARK_ENERGY in recipe.domain:
        tables = _within(MARGIN * recipe.domain[EARLY_DARK_ENERGY][1], tables)
    wide_fields = _with_varied_inputs(tables.cheap)
    identity = {
        "models": [m.cosmology for m in tables.cheap], "pairs": [m.cosmology for m, _ in tables.pairs],
        "tables": code_digest((*OF_TABLES, *OF_WIDE_TABLES)), "code": code_digest(OF_WIDE_FIELDS),
        "reduction": recipe.reduction.model_dump(),
        "libraries": {name: version(name) for name in ("numpy", "scipy")},
    }
    fit = partial(_fitted, tables, recipe, work / "fields", identity)
    results: dict[str, FitResult] = {}
    with progress("fitting fields", len(wide_fields)) as advance, single_threaded_pool(processes, scheduler) as pool:
        for name, future in ended({pool.submit(fit, field): field.name for field in wide_fields}):
            results[name] = future.result()
            advance()
    ordered = [results[field.name] for field in wide_fields]
    Console(stderr=True).print(error_table(ordered, len(tables.cheap)))
    guard, tolerances = _guard(tables.cheap)
    emulator = FieldsEmulator([result.fitted for result in ordered], WIDE_BOUNDARIES)
    return save_network_set(output, NetworkSet(_manifest(recipe, tables, tolerances), emulator, guard))


def _with_varied_inputs(models: Sequence[ResampledModel]) -> tuple[Field, ...]:
    """WIDE_FIELDS without the inputs that are the same in all models."""
    return tuple(replace(field, inputs=_varied(field.inputs, models)) for field in WIDE_FIELDS)


def _varied(names: tuple[str, ...], models: Sequence[ResampledModel]) -> tuple[str, ...]:
    values = np.array([inputs_of({**m.setup, **m.cosmology}, names) for m in models])
    widths = np.ptp(values, axis=0)
    return tuple(name for name, width, size in zip(names, widths, np.abs(values).max(axis=0), strict=True)
                 if width > ROUNDING * size)


def _within(most: float, tables: Tables) -> Tables:
    """The models with at most so much early dark energy: a few others would be all that the fits of rare inputs see."""
    def is_inside(model: ResampledModel) -> bool:
        return INPUTS[EARLY_DARK_ENERGY]({**model.setup, **model.cosmology}) <= most

    return Tables([m for m in tables.cheap if is_inside(m)], [pair for pair in tables.pairs if is_inside(pair[0])])


def _fitted(
    tables: Tables, recipe: WideRecipe, folder: Path, identity: Mapping[str, Any], field: Field
) -> FitResult:
    """The fit of a field, read where it was finished before."""
    tolerance = recipe.reduction.tolerance.get(field.name, recipe.reduction.default)
    path = fit_path(folder, field, {**identity, "field": vars(field), "tolerance": tolerance})
    result = read_fit(path, field)
    if result is None:
        result = fit_wide_field(field, tables, tolerance)
        write_fit(path, result)
    return result


def _manifest(recipe: WideRecipe, tables: Tables, tolerances: dict[str, float]) -> Manifest:
    precise = tables.pairs[0][1] if tables.pairs else tables.cheap[0]
    running = running_class()
    return Manifest(
        name=recipe.name, description=recipe.description, class_version=running.version,
        source_digest=running.source_digest, domain=dict(recipe.domain),
        setup={**_common_settings([m.setup for m in tables.cheap], recipe.domain),
               **constant_numbers([m.cosmology for m in tables.cheap], {*recipe.domain, *OF_REIONIZATION})},
        precision={name: value for name, value in (precise.precision | recipe.levels.stands_for).items()
                   if acts_on_sources(name) and name != TABLE_OF_HELIUM},
        derived=tolerances, derived_inputs=list(_varied(GUARD_INPUTS, tables.cheap)), k_max=recipe.k_max,
        fields=[], sha256="", k_max_cmb_times_sound_horizon=CMB_REACH, dense_layers=0,
        recipe={**recipe.model_dump(mode="json"), "models_used": len(tables.cheap), "pairs_used": len(tables.pairs)},
        constraints=recipe.constraints, boundaries=vars(WIDE_BOUNDARIES),
    )


def _common_settings(setups: Sequence[Mapping[str, float]], domain: Mapping[str, Any]) -> dict[str, float]:
    """Settings that have one value in all models that have them, such as those of species; a request must share them
    where it has the species."""
    names = sorted({name for setup in setups for name in setup})
    values = {name: [setup[name] for setup in setups if name in setup] for name in names}
    return {name: found[0] for name, found in values.items()
            if name not in domain and name not in OF_REIONIZATION
            and all(abs(value - found[0]) <= SETTING_TOLERANCE * abs(found[0]) for value in found)}


def _guard(models: Sequence[ResampledModel]) -> tuple[Network, dict[str, float]]:
    """Polynomials that predict GUARDED from GUARD_INPUTS, and the relative tolerances of a request."""
    values = [{**m.setup, **m.cosmology} for m in models]
    inputs = np.array([inputs_of(v, _varied(GUARD_INPUTS, models)) for v in values])
    outputs = np.array([[v[name] for name in GUARDED] for v in values])
    middle = outputs.mean(axis=0)
    fit = fit_with_relevances(inputs, outputs / middle - 1.0, GUARD_DEGREE)
    outer = fit.network.output_map
    network = replace(fit.network, output_map=replace(outer, offset=middle * (1.0 + outer.offset),
                                                      scale=middle * outer.scale))
    worst = np.abs(fit.residuals * middle / outputs).max(axis=0)
    return network, {name: max(GUARD_MARGIN * float(error), GUARD_FLOOR)
                     for name, error in zip(GUARDED, worst, strict=True)}


def collect_levels(
    cheap: Mapping[int, Path], converged: Mapping[int, Path], folder: Path, fields: Sequence[Field], processes: int,
    scheduler: str | None = None,
) -> Tables:
    """Resample all models into folder/cheap and folder/converged, for each version of the code anew."""
    folder = folder / code_digest(OF_WIDE_TABLES)[:12]
    both = sorted(cheap.keys() & converged.keys())
    models = {level: dict(zip(paths, collect(list(paths.values()), folder / level, fields, processes, scheduler,
                                             make=resample_wide_model), strict=True))
              for level, paths in (("cheap", cheap), ("converged", {i: converged[i] for i in both})) if paths}
    return Tables(list(models["cheap"].values()), [(models["cheap"][i], models["converged"][i]) for i in both])


def fit_wide_field(field: Field, tables: Tables, tolerance: float) -> FitResult:
    """Compress the tables of one field to a relative error of `tolerance`, and fit their coefficients.

    The error of the result is the leave-one-out one, of the median model.
    """
    table = filled(read_field(field, tables.cheap), tables.cheap)
    table = replace(table, values=table.values + _difference(field, tables))
    reduced = reduce_field(table.values, table.weight, _floor(table), tolerance)
    fit = fit_with_relevances(table.inputs, reduced.coefficients,
                              DEGREE_EARLY if field.region == "early" else DEGREE_LATE)
    left = np.sqrt((fit.residuals**2).mean(axis=0)) < UNPREDICTABLE * np.sqrt((reduced.coefficients**2).mean(axis=0))
    left[0] = True
    errors = np.sqrt((np.where(left, fit.residuals, reduced.coefficients) ** 2).sum(axis=1))
    reduced = keep_components(reduced, left, MEAN_ACCURACY * tolerance)
    whole = np.sqrt((reduced.mean_core**2).sum() + (reduced.coefficients**2).sum(axis=1).mean())
    network = replace(fit.network, skip=fit.network.skip[:, left], output_map=replace(
        fit.network.output_map, offset=fit.network.output_map.offset[left], scale=fit.network.output_map.scale[left]))
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    emulator = FittedField(
        field=field, network=network, mean_core=reduced.mean_core.reshape(shape),
        components=reduced.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[field.time], reduced.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[field.wavenumber], reduced.wavenumber_basis))
    error = float(np.median(errors / whole))
    return FitResult(emulator, float(np.median(reduced.error)), error, error)


def _floor(table: FieldTables) -> Array:
    """Floor of the size to which errors at each wavenumber are relative; beyond ACOUSTIC, where photons have diffused,
    errors count as the inverse square of k."""
    x = np.exp(NODES[table.field.wavenumber])
    is_of_temperature = PIECES[table.field.piece].source == "t0"
    floor = (FLOOR_OF_TEMPERATURE if is_of_temperature else FLOOR) * table.floor
    if table.field.piece in OF_MATTER:
        return np.where(x > FITTED_FROM, WEIGHT_OF_FITTED * np.sqrt((table.values**2).sum(axis=1).mean(axis=0)), floor)
    # what the nodes do not resolve is bounded all the same
    floor = np.where(x > K_SOUND_HORIZON_MAX * (1.0 + 1e-9), BEYOND, 1.0) * floor
    floor = floor * np.maximum(LARGEST_SCALE / x, 1.0)
    size = np.sqrt(((table.values * table.weight[:, None]) ** 2).sum(axis=1).mean(axis=0))
    return np.where(x > ACOUSTIC, np.maximum(size, floor) * (x / ACOUSTIC) ** 2, floor)


def _difference(field: Field, tables: Tables) -> Single:
    """The difference of the levels for each cheap model: a constant, and a part in proportion to SHARE."""
    if not tables.pairs:
        return np.zeros(1, dtype=np.float32)
    cheap, converged = (read_field(field, models).values for models in zip(*tables.pairs, strict=True))
    differences = converged - cheap
    shares, of_pairs = (np.array([SHARE({**m.setup, **m.cosmology}) for m in models])
                        for models in (tables.cheap, [m for m, _ in tables.pairs]))
    massive = of_pairs > 0.0
    if not massive.any() or massive.all():
        common = differences.mean(axis=0)
        return np.broadcast_to(common, (len(shares), *common.shape))
    common = differences[~massive].mean(axis=0)
    slope = np.tensordot(of_pairs[massive], differences[massive] - common, axes=1) / (of_pairs[massive] ** 2).sum()
    return np.asarray(common + shares[:, None, None] * slope, dtype=np.float32)

