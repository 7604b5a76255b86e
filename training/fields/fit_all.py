"""From integrated models to a network set: resample -> per field: reduce, train -> export."""
from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from cosmicnet.class_parameters import acts_on_sources
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.emulator import Emulator
from cosmicnet.evaluation import FieldEmulator
from cosmicnet.fields import Field, fields_for
from cosmicnet.manifest import Manifest
from cosmicnet.network import Network, monomials
from cosmicnet.running_class import running_class
from cosmicnet.splines import SplineBasis
from cosmicnet.store import NetworkSet, save_network_set

from ..models.generate import RECIPE_FILE, Generated, Workplace
from ..models.grids import AlignedGrids
from ..models.sampling import ellipsoid_of
from ..recipe.schema import COMPUTED, Recipe
from ..work.digest import code_digest
from ..work.parallel import progress
from .finished import Finished, finished_path, key_of, read_finished, write_finished
from .fit_one import Trained, train_network
from .polynomial import all_exponents, cross_validate, polynomial_network, skip_exponents
from .reduce import Reduction, keep, reduce_field
from .resample import NODES
from .tables import K_SOUND_HORIZON_MAX, FieldTables, ResampledModel, collect, read_field, tables_digest

__all__ = ["OF_FIELDS", "constant_numbers", "derived_model", "train"]

# Code that determines a fitted field, given its table.
OF_FIELDS = (
    "cosmicnet.network", "cosmicnet.normalization", "cosmicnet.splines", "cosmicnet.training.fields.edges",
    "cosmicnet.training.fields.finished", "cosmicnet.training.work.keras_setup", "cosmicnet.training.fields.fit_all",
    "cosmicnet.training.fields.polynomial", "cosmicnet.training.fields.reduce", "cosmicnet.training.fields.fit_one",
)

# Quantities that CLASS computes before the perturbations, and how far (relative) they may lie from what they are for
# the same parameters in the trained model: three times the largest error of fits to all other models, and the floor
# where fits are better. Networks take all scales from CLASS, so that a scale shifted by less than the floor is not a
# wrong spectrum.
DERIVED = ("YHe", "N_eff", "z_rec", "tau_rec", "sound_horizon_rec", "conformal_age")
DERIVED_DEGREE = 3
DERIVED_MARGIN = 3.0
DERIVED_FLOOR = 2e-4
ROUNDING = 1e-9

# The bases are cut again for the mean and the components that are kept, this much finer than the tolerance.
MEAN_ACCURACY = 0.1

# Settings of how the universe is reionised, which networks do not have to know.
REIONIZATION = ("reio_parametrization", "reionization_", "helium_fullreio_")
OF_REIONIZATION = ("tau_reio", "z_reio")

# "Is there a species at all" is no setting of its own where the domain goes to the point at which it vanishes.
VANISHING = {"has_ur": {"N_ur": 0.0}, "has_fld": {"w0_fld": -1.0, "wa_fld": 0.0}}


def train(recipe: Recipe, generated: Generated, place: Workplace, output: Path) -> Manifest:
    """Train all fields and write the set to `output`; a killed training goes on with the field that it was at.

    place.folder is that of the models; tables and finished fields lie beside it. Raises DatasetError for a model
    that cannot be read.
    """
    console, work = Console(stderr=True), place.folder.parent
    fields = fields_for(recipe.sampling.ranges)
    models = collect(generated.models, work / "tables", fields, place.processes, place.scheduler)
    report = Table("field", "functions", "components", "compression", "skip alone", "network",
                   title=f"weighted relative errors on held-out models, of {len(models)}")
    emulators = []
    identity = _identity(recipe, place.folder, models)
    with progress("training fields", len(fields)) as advance:
        for field in fields:
            finished = _finished(field, models, recipe, work / "fields", identity)
            emulators.append(finished.emulator)
            report.add_row(*finished.row)
            advance()
    console.print(report)
    derived, tolerances = derived_model(
        tuple(recipe.sampling.ranges), [{**m.setup, **m.cosmology} for m in models])
    ellipsoid = ellipsoid_of(recipe, place.recipe_folder)
    running = running_class()
    manifest = Manifest(
        name=recipe.name, description=recipe.description, class_version=running.version,
        source_digest=running.source_digest, domain=recipe.domain, setup={
            **_setup(recipe, models[0].setup),
            **constant_numbers([m.cosmology for m in models], {*recipe.domain, *OF_REIONIZATION})},
        precision={name: v for name, v in models[0].precision.items() if acts_on_sources(name)},
        derived=tolerances, derived_inputs=list(recipe.sampling.ranges),
        k_max=_k_max(models), fields=[], sha256="",
        k_max_cmb_times_sound_horizon=K_SOUND_HORIZON_MAX, dense_layers=len(recipe.training.hidden) + 1,
        recipe={**recipe.model_dump(mode="json"), "models_used": len(models)},
        constraints=recipe.constraints, ellipsoid=ellipsoid.to_json() if ellipsoid else {},
    )
    return save_network_set(output, NetworkSet(manifest, Emulator(emulators), derived))


def _identity(recipe: Recipe, models_folder: Path, models: Sequence[ResampledModel]) -> dict[str, Any]:
    """What determines every field: the models, how they and their tables were made, the settings, the code, the
    libraries."""
    return {
        "made by": json.loads((models_folder / RECIPE_FILE).read_text(encoding="utf-8")),
        "models": [m.cosmology for m in models], "tables": tables_digest(), "code": code_digest(OF_FIELDS),
        "training": recipe.training.model_dump(mode="json"),
        "libraries": {name: version(name) for name in ("numpy", "scipy", "tensorflow", "keras")},
    }


def _finished(
    field: Field, models: Sequence[ResampledModel], recipe: Recipe, folder: Path, identity: Mapping[str, Any]
) -> Finished:
    tolerance = recipe.reduction.tolerance.get(field.name, recipe.reduction.default)
    path = finished_path(folder, field, key_of({**identity, "field": vars(field), "tolerance": tolerance}))
    finished = read_finished(path, field)
    if finished is None:
        finished = _train_field(read_field(field, models), recipe, tolerance)
        write_finished(path, finished)
    return finished


def _train_field(table: FieldTables, recipe: Recipe, tolerance: float) -> Finished:
    """Reduce and train one field."""
    field = table.field
    degree = recipe.training.degree_early if field.region == "early" else recipe.training.degree_late
    reduction = reduce_field(table.values, table.weight, table.floor, tolerance)
    exponents = skip_exponents(field.inputs, degree, recipe.training.linear)
    # the others are CLASS's integration noise, different in every model
    kept = cross_validate(table.inputs, reduction.coefficients, exponents, recipe.training.seed).predictable
    # the strongest is kept in any case: a field without a component would be an array without a shape
    kept[0] = True
    # what is cut of the mean is the same error in every cosmology, so that hardly anything may be
    reduction = keep(reduction, kept, MEAN_ACCURACY * tolerance)
    trained = train_network(table.inputs, reduction.coefficients, field.inputs, degree, recipe.training)
    shape = reduction.time_basis.shape[1], reduction.wavenumber_basis.shape[1]
    emulator = FieldEmulator(
        field=field,
        network=trained.network,
        mean_core=reduction.mean_core.reshape(shape),
        components=reduction.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[field.time], reduction.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[field.wavenumber], reduction.wavenumber_basis),
    )
    return Finished(emulator, _row(field.name, shape, reduction, trained))


def _row(name: str, shape: tuple[int, int], reduction: Reduction, trained: Trained) -> tuple[str, ...]:
    # errors of the coefficients relative to the whole field, its mean included
    varying = float((reduction.coefficients**2).sum(axis=1).mean())
    whole = float((reduction.mean_core**2).sum()) + varying
    share = float(np.sqrt(varying / whole)) if whole > 0.0 else 0.0
    return (name, f"{shape[0]} x {shape[1]}", str(len(reduction.components)), f"{np.median(reduction.error):.1e}",
            f"{trained.skip_error * share:.1e}", f"{trained.error * share:.1e}")


def derived_model(
    names: tuple[str, ...], cosmologies: Sequence[Mapping[str, float]]
) -> tuple[Network, dict[str, float]]:
    """Polynomials of the derived quantities in the parameters `names`, and their relative tolerances."""
    inputs = np.array([[c[name] for name in names] for c in cosmologies])
    outputs = np.array([[c[name] for name in DERIVED] for c in cosmologies])
    # never more terms than half the models, or the fit would show no error
    degree = max(d for d in range(1, DERIVED_DEGREE + 1) if d == 1 or 2 * comb(len(names) + d, d) <= len(cosmologies))
    network = polynomial_network(inputs, outputs, all_exponents(len(names), degree))
    # what the fit to all others would be wrong by, for each model
    orthonormal, _ = np.linalg.qr(monomials(network.input_map.apply(inputs), network.exponents))
    influence = (orthonormal**2).sum(axis=1)
    error = (network(inputs) / outputs - 1.0) / np.maximum(1.0 - influence, ROUNDING)[:, None]
    worst = np.abs(error).max(axis=0)
    return network, {name: max(DERIVED_MARGIN * float(error), DERIVED_FLOOR)
                     for name, error in zip(DERIVED, worst, strict=True)}


def _setup(recipe: Recipe, setup: Mapping[str, float]) -> dict[str, float]:
    """The settings that a request must share: not reionisation, and nothing that the domain has instead."""
    def vanishes(name: str) -> bool:
        points = VANISHING.get(name, {})
        return bool(points) and all(
            p in recipe.domain and recipe.domain[p][0] <= v <= recipe.domain[p][1] for p, v in points.items())

    return {name: value for name, value in setup.items()
            if not name.startswith(REIONIZATION) and name not in recipe.domain and name != COMPUTED
            and not vanishes(name)}


def constant_numbers(cosmologies: Sequence[Mapping[str, float]], but: Collection[str]) -> dict[str, float]:
    """What CLASS reports as a number of the cosmology and was the same in all models, such as a mass that the recipe
    keeps fixed: networks know no other value of it. but: names that are left out."""
    first = cosmologies[0]
    return {name: value for name, value in first.items()
            if name not in but
            and all(abs(c.get(name, math.nan) - value) <= SETTING_TOLERANCE * abs(value) for c in cosmologies)}


def _k_max(models: Sequence[ResampledModel]) -> float:
    """The k (1/Mpc) that bases and integrations reach in every cosmology of the training set."""
    largest_horizon = max(m.cosmology["sound_horizon_rec"] for m in models)
    return min(round(float(np.exp(NODES["ln_x"][-1])) / largest_horizon, 2), AlignedGrids().k_last)
