"""Fit a network set: resample the integrated models, fit every field, and write the set with its manifest."""
from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from cosmicnet.class_parameters import OF_REIONIZATION, acts_on_sources
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.fields import Field, fields_for
from cosmicnet.manifest import Manifest
from cosmicnet.network import Network, monomials
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet, save_network_set

from ..models.grids import AlignedGrids
from ..models.plan import Plan
from ..recipe.schema import COMPUTED, Recipe
from ..work.digest import code_digest
from ..work.parallel import progress
from .fit_field import FitResult, fit_field, fit_path, read_fit, write_fit
from .nodes import NODES
from .polynomial import all_exponents, polynomial_network
from .tables import K_SOUND_HORIZON_MAX, OF_TABLES, ResampledModel, collect, read_field

__all__ = ["OF_FIELDS", "constant_numbers", "error_table", "fit_guard", "fit_set"]

# Code that determines the fit of a field, given its table.
OF_FIELDS = (
    "cosmicnet.network", "cosmicnet.splines", "cosmicnet.training.work.keras_setup",
    "cosmicnet.training.fields.continuation", "cosmicnet.training.fields.fit_field",
    "cosmicnet.training.fields.fit_network", "cosmicnet.training.fields.polynomial",
    "cosmicnet.training.fields.reduce",
)

# The guard: quantities that CLASS computes before the perturbations, predicted from the parameters. A request whose
# values are further (relative) from the prediction has other physics. The tolerance is three times the largest error of
# predictions from all other models, but not below the floor: networks take all scales from CLASS, so that a scale
# shifted by less does not make a spectrum wrong.
GUARDED = ("YHe", "N_eff", "z_rec", "tau_rec", "sound_horizon_rec", "conformal_age")
GUARD_DEGREE = 3
GUARD_MARGIN = 3.0
GUARD_FLOOR = 2e-4
ROUNDING = 1e-9

# Flags that a request need not share where the domain includes the point at which the species vanishes.
VANISHING = {"has_ur": {"N_ur": 0.0}, "has_fld": {"w0_fld": -1.0, "wa_fld": 0.0}}


def fit_set(plan: Plan, paths: Sequence[Path], output: Path) -> Manifest:
    """Fit all fields to the models at these paths and write the set to `output`. A fit that was killed resumes with the
    next field. Raises DatasetError for an unreadable model.
    """
    recipe = plan.recipe
    fields = fields_for(recipe.sampling.ranges)
    models = collect(paths, plan.tables, fields, plan.processes, plan.scheduler)
    identity = _identity(plan, models)
    results = []
    with progress("fitting fields", len(fields)) as advance:
        for field in fields:
            results.append(_fitted(field, models, recipe, plan.work / "fields", identity))
            advance()
    Console(stderr=True).print(error_table(results, len(models)))
    guard, tolerances = fit_guard(tuple(recipe.sampling.ranges), [{**m.setup, **m.cosmology} for m in models])
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
        constraints=recipe.constraints, ellipsoid=plan.ellipsoid.to_json() if plan.ellipsoid else {},
    )
    return save_network_set(output, NetworkSet(manifest, FieldsEmulator([r.fitted for r in results]), guard))


def _identity(plan: Plan, models: Sequence[ResampledModel]) -> dict[str, Any]:
    """Identity of the fit of every field: models, tables, settings, code, libraries."""
    return {
        "made by": plan.identity,
        "models": [m.cosmology for m in models], "tables": code_digest(OF_TABLES), "code": code_digest(OF_FIELDS),
        "training": plan.recipe.training.model_dump(mode="json"),
        "libraries": {name: version(name) for name in ("numpy", "scipy", "tensorflow", "keras")},
    }


def _fitted(
    field: Field, models: Sequence[ResampledModel], recipe: Recipe, folder: Path, identity: Mapping[str, Any]
) -> FitResult:
    """The fit of a field, read where it was finished before."""
    tolerance = recipe.reduction.tolerance.get(field.name, recipe.reduction.default)
    path = fit_path(folder, field, {**identity, "field": vars(field), "tolerance": tolerance})
    result = read_fit(path, field)
    if result is None:
        result = fit_field(read_field(field, models), recipe, tolerance)
        write_fit(path, result)
    return result


def error_table(results: Sequence[FitResult], models: int) -> Table:
    """For the terminal."""
    table = Table("field", "functions", "components", "compression", "polynomial alone", "network",
                  title=f"weighted relative errors on held-out models, of {models}")
    for result in results:
        rows, columns = result.fitted.mean_core.shape
        errors = (result.compression_error, result.skip_error, result.network_error)
        table.add_row(result.fitted.field.name, f"{rows} x {columns}", str(len(result.fitted.components)),
                      *(f"{error:.1e}" for error in errors))
    return table


def fit_guard(
    names: tuple[str, ...], cosmologies: Sequence[Mapping[str, float]]
) -> tuple[Network, dict[str, float]]:
    """Polynomials that predict GUARDED from the parameters `names`, and the relative tolerances of a request."""
    inputs = np.array([[c[name] for name in names] for c in cosmologies])
    outputs = np.array([[c[name] for name in GUARDED] for c in cosmologies])
    # at most half as many terms as models, or the fit would show no error
    degree = max(d for d in range(1, GUARD_DEGREE + 1) if d == 1 or 2 * comb(len(names) + d, d) <= len(cosmologies))
    network = polynomial_network(inputs, outputs, all_exponents(len(names), degree))
    # leave-one-out errors, by the influence of each model on its own prediction
    orthonormal, _ = np.linalg.qr(monomials(network.input_map.apply(inputs), network.exponents))
    influence = (orthonormal**2).sum(axis=1)
    error = (network(inputs) / outputs - 1.0) / np.maximum(1.0 - influence, ROUNDING)[:, None]
    worst = np.abs(error).max(axis=0)
    return network, {name: max(GUARD_MARGIN * float(error), GUARD_FLOOR)
                     for name, error in zip(GUARDED, worst, strict=True)}


def _setup(recipe: Recipe, setup: Mapping[str, float]) -> dict[str, float]:
    """The settings that a request must share: neither reionisation, which is computed at run time, nor anything that
    the domain limits."""
    def vanishes(name: str) -> bool:
        points = VANISHING.get(name, {})
        return bool(points) and all(
            p in recipe.domain and recipe.domain[p][0] <= v <= recipe.domain[p][1] for p, v in points.items())

    return {name: value for name, value in setup.items()
            if name not in OF_REIONIZATION and name not in recipe.domain and name != COMPUTED
            and not vanishes(name)}


def constant_numbers(cosmologies: Sequence[Mapping[str, float]], but: Collection[str]) -> dict[str, float]:
    """Parameters with one value in all models, such as a mass that the recipe fixes: a request must share it.

    but: names to leave out.
    """
    first = cosmologies[0]
    return {name: value for name, value in first.items()
            if name not in but
            and all(abs(c.get(name, math.nan) - value) <= SETTING_TOLERANCE * abs(value) for c in cosmologies)}


def _k_max(models: Sequence[ResampledModel]) -> float:
    """The k (1/Mpc) that nodes and integrations reach in every model."""
    largest_horizon = max(m.cosmology["sound_horizon_rec"] for m in models)
    return min(round(float(np.exp(NODES["ln_x"][-1])) / largest_horizon, 2), AlignedGrids().k_last)
