"""Fit a network set: resample the integrated models, fit every field, and write the set with its manifest."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from cosmicnet.class_parameters import OF_REIONIZATION
from cosmicnet.coverage import other_expansion
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.fields import Field, fields_for
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet, save_network_set

from ..fields.describe import constant_numbers, describe
from ..fields.fit_results import FitResult, error_table, fit_once
from ..fields.guard import GUARDED, fit_guard
from ..fields.nodes import NODES
from ..fields.tables import K_SOUND_HORIZON_MAX, ResampledModel, collect, read_field
from ..models.grids import AlignedGrids
from ..models.plan import FieldsPlan
from ..recipe.schema import COMPUTED, Recipe
from ..work.digest import code_digest
from ..work.parallel import progress
from .fit_field import fit_field

__all__ = ["fit_set"]

# Models by which it is decided whether unknown species act on the expansion, and the numbers to guard in place of
# fields.guard.GUARDED if they do: coverage compares none of these with integrals over the expansion that the parameters
# imply.
GUARD_MODELS = 3
GUARDED_OTHERWISE = ("YHe", "N_eff", "angular_distance_rec", "visibility_max", "diffusion_length_rec")

# Flags that a request need not share where the domain includes the point at which the species vanishes.
VANISHING = {"has_ur": {"N_ur": 0.0}, "has_fld": {"w0_fld": -1.0, "wa_fld": 0.0}}


def fit_set(
    plan: FieldsPlan, recipe: Recipe, ellipsoid: Ellipsoid | None, paths: Sequence[Path], output: Path
) -> Manifest:
    """Plan.fit() for a recipe of one level; ellipsoid: of the domain."""
    taken = len(set(plan.taken) & set(paths))
    fields = fields_for(recipe.sampling.ranges)
    models = collect(paths, plan.tables, fields, plan.processes, plan.scheduler)
    identity = _identity(plan, recipe, models)

    def fitted(field: Field) -> FitResult:
        tolerance = recipe.reduction.of(field.name)
        return fit_once(plan.work / "fields", field, {**identity, "field": vars(field), "tolerance": tolerance},
                        lambda: fit_field(read_field(field, models), recipe, tolerance))

    results = []
    with progress("fitting fields", len(fields)) as advance:
        for field in fields:
            results.append(fitted(field))
            advance()
    Console(stderr=True).print(error_table(results, len(models)))
    names, numbers = tuple(recipe.sampling.ranges), [{**m.setup, **m.cosmology} for m in models]
    some = [{**recipe.class_settings, **{name: n[name] for name in names}} for n in numbers[:GUARD_MODELS]]
    guard, tolerances = fit_guard(names, numbers, guarded_numbers(some))
    manifest = describe(
        recipe.name, recipe.description, running_class(), models[0].precision, domain=recipe.domain, setup={
            **_setup(recipe, models[0].setup),
            **constant_numbers([m.cosmology for m in models], {*recipe.domain, *OF_REIONIZATION})},
        derived=tolerances, derived_inputs=list(names), k_max=_k_max(models),
        k_max_cmb_times_sound_horizon=K_SOUND_HORIZON_MAX, dense_layers=len(recipe.training.hidden) + 1,
        recipe={**recipe.model_dump(mode="json"), "models_used": len(models),
                **({"models_taken_over": taken} if taken else {})},
        constraints=recipe.constraints, ellipsoid=ellipsoid.to_json() if ellipsoid else {},
    )
    return save_network_set(output, NetworkSet(manifest, FieldsEmulator([r.fitted for r in results]), guard))


def guarded_numbers(models: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The numbers to guard in networks of these models, the parameters of CLASS each: those of known species, or other
    ones where something else acts on the expansion, which is then learned."""
    others = (at_request(parameters, lambda request: any(other_expansion(request))) for parameters in models)
    return GUARDED_OTHERWISE if any(others) else GUARDED


def _identity(plan: FieldsPlan, recipe: Recipe, models: Sequence[ResampledModel]) -> dict[str, Any]:
    """Identity of the fit of every field: models, tables, settings, code, libraries."""
    return {
        "made by": plan.identity,
        "models": [m.cosmology for m in models], "code": code_digest(fit_field.__module__),
        "training": recipe.training.model_dump(mode="json"),
        "libraries": {name: version(name) for name in ("numpy", "scipy", "tensorflow", "keras")},
    }


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


def _k_max(models: Sequence[ResampledModel]) -> float:
    """The k (1/Mpc) that nodes and integrations reach in every model."""
    largest_horizon = max(m.cosmology["sound_horizon_rec"] for m in models)
    return min(round(float(np.exp(NODES["ln_x"][-1])) / largest_horizon, 2), AlignedGrids().k_last)
