"""Integrate the models of a wide set at both levels of fidelity, on all cores or on a cluster, resumable.

Converged models come between the cheap ones: an interrupted run leaves a usable set.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from cosmicnet.running_class import running_class

from ..models.dataset import model_path
from ..models.integrate import integrate_models, missing_models, record_identity, time_one
from ..work.run_class import require_patched_classy
from .grids import WideGrids
from .recipe import WideRecipe
from .record import integrate, write_wide_model

__all__ = ["LEVELS", "LevelCost", "WideGenerated", "count_models", "existing_models", "generate_wide", "time_levels"]

LEVELS = ("cheap", "converged")


@dataclass(frozen=True)
class WideGenerated:
    """Models by level and by the number of their cosmology, and how many failed."""

    models: dict[str, dict[int, Path]]
    failed: int


@dataclass(frozen=True)
class LevelCost:
    """How many models of a level are missing, and the seconds and bytes of each."""

    missing: int
    seconds: float
    size: int


def generate_wide(
    recipe: WideRecipe, number: int, folder: Path, processes: int, scheduler: str | None = None
) -> WideGenerated:
    """Integrate the missing models in folder/cheap and folder/converged of the first `number` cosmologies.

    A model that CLASS could not compute is left out, now and later, until its .failed file is deleted. Raises
    DatasetError if the folder belongs to another recipe or more than a tenth fail, RecipeError if CLASS refuses the
    settings.
    """
    points = _points(recipe, number, folder)
    failed = integrate_models(partial(_integrate_and_write, recipe), points, processes, scheduler)
    return WideGenerated(existing_models(folder), len(failed))


def time_levels(recipe: WideRecipe, number: int, folder: Path, scheduler: str | None = None) -> list[LevelCost]:
    """Integrate the first missing model of each level (it is kept), and report what the level still costs.

    Raises like generate_wide().
    """
    points = _points(recipe, number, folder)
    costs = []
    for level in LEVELS:
        of_level = {path: point for path, point in points.items() if path.parent.name == level}
        if missing_models(of_level):
            path, seconds = time_one(partial(_integrate_and_write, recipe), of_level, scheduler)
            costs.append(LevelCost(len(missing_models(of_level)), seconds, path.stat().st_size if path else 0))
    return costs


def count_models(recipe: WideRecipe, number: int) -> int:
    """Models of both levels together, of the first `number` cosmologies."""
    return sum(len(recipe.levels.of_cosmology(i, cosmology))
               for i, cosmology in enumerate(_cosmologies(recipe, number)))


def _cosmologies(recipe: WideRecipe, number: int) -> list[dict[str, Any]]:
    return list(islice(recipe.sampling.cosmologies(), number))


def _points(recipe: WideRecipe, number: int, folder: Path) -> dict[Path, Mapping[str, Any]]:
    """The cosmology of every model by its file, in a folder that is claimed for the recipe."""
    require_patched_classy()
    record_identity(folder, _identity(recipe))
    cosmologies = _cosmologies(recipe, number)
    return {model_path((folder / level).resolve(), i): cosmologies[i]
            for i in range(number) for level in recipe.levels.of_cosmology(i, cosmologies[i])}


def existing_models(folder: Path) -> dict[str, dict[int, Path]]:
    """All models that are there, by level and by the number of their cosmology."""
    return {level: {int(path.stem): path for path in sorted((folder / level).glob("*.h5"))} for level in LEVELS}


def _integrate_and_write(recipe: WideRecipe, cosmology: Mapping[str, Any], path: Path) -> None:
    level, index = path.parent.name, int(path.stem)
    settings = {**recipe.settings, **recipe.levels.of(level)}
    write_wide_model(path, integrate(settings, cosmology, recipe.sampling.far.has(index)))


def _identity(recipe: WideRecipe) -> dict[str, Any]:
    identity = {**recipe.sampling.model_dump(exclude={"models"}, exclude_none=True), "settings": recipe.settings,
                "levels": recipe.levels.model_dump(exclude={"stands_for"}),
                "grids": asdict(WideGrids()), "class": asdict(running_class())}
    return dict(json.loads(json.dumps(identity)))
