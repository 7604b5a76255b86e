"""Integrate the training models: a Latin hypercube through the patched classy, on all cores, resumable."""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from scipy.stats import qmc

from cosmicnet.errors import CosmicnetError
from cosmicnet.pieces import SOURCES
from cosmicnet.running_class import running_class

from .config import Recipe, Sampling
from .dataset import TrainingModel, model_path, write_model
from .grids import AlignedGrids
from .parallel import progress, single_threaded_pool
from .spectra import require_patched_classy

__all__ = ["Generated", "GenerationError", "generate", "integrate", "latin_hypercube"]

RECIPE_FILE = "recipe.json"


class GenerationError(CosmicnetError):
    """The folder holds models of another recipe, CLASS refuses the recipe, or too many models failed."""


@dataclass(frozen=True)
class Generated:
    """Paths of the models that were integrated, and what CLASS said of those that failed, by index."""

    models: tuple[Path, ...]
    failed: dict[int, str]


def latin_hypercube(sampling: Sampling) -> list[dict[str, float]]:
    """The sampled parameters of every model."""
    names = list(sampling.ranges)
    unit = qmc.LatinHypercube(len(names), seed=sampling.seed).random(sampling.models)
    low, high = np.array(list(sampling.ranges.values())).T
    return [dict(zip(names, row.tolist(), strict=True)) for row in low + (high - low) * unit]


def generate(recipe: Recipe, folder: Path, processes: int) -> Generated:
    """Integrate what is not in `folder` yet; a killed generation goes on where it stopped.

    Raises GenerationError if `folder` belongs to another recipe, CLASS refuses the recipe's settings or more
    than a tenth of the models fail; CosmicnetError without the patched classy.
    """
    require_patched_classy()
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, recipe)
    points = latin_hypercube(recipe.sampling)
    missing = [i for i in range(len(points)) if not model_path(folder, i).exists()]
    failed: dict[int, str] = {}
    with progress("integrating models", len(points), len(points) - len(missing)) as advance, \
            single_threaded_pool(processes) as pool:
        futures = {pool.submit(_integrate_and_write, recipe.class_settings, points[i], model_path(folder, i)): i
                   for i in missing}
        for future in as_completed(futures):
            message = future.result()
            if message is not None:
                failed[futures[future]] = message
            advance()
    if len(failed) > 0.1 * len(points):
        index = min(failed)
        raise GenerationError(f"{len(failed)} of {len(points)} models failed; the first, {points[index]}, with: "
                              f"{failed[index]}")
    for index, message in sorted(failed.items()):
        Console(stderr=True).print(f"left out model {index}: {message}", style="yellow")
    paths = tuple(model_path(folder, i) for i in range(len(points)) if i not in failed)
    return Generated(paths, failed)


def integrate(settings: Mapping[str, Any], parameters: Mapping[str, float]) -> TrainingModel:
    """Integrate one cosmology on the aligned grids.

    Raises CosmoComputationError if CLASS cannot compute it, CosmoSevereError if it does not accept the settings,
    GenerationError if the settings do not ask for all sources.
    """
    from classy import Class

    recorder = _Recorder()
    cosmology = Class()
    cosmology.set({**settings, **parameters})
    cosmology.set_source_provider(recorder)
    cosmology.compute(["perturbations"])
    model = recorder.model(parameters)
    cosmology.struct_cleanup()
    missing = [name for name in SOURCES if name != "p" and name not in model.integrated]
    if missing:
        raise GenerationError(f"class_settings: CLASS gives no {', '.join(missing)}; needed are output = tCl,pCl,lCl,"
                              f"mPk, lensing and a massive neutrino")
    return model


class _Recorder:
    """A source provider that fills nothing, but has CLASS integrate on the aligned grids."""

    def provide(self, request: Any) -> bool:
        grid = AlignedGrids().integration(request.cosmology)
        self._state = (dict(request.cosmology), dict(request.setup), dict(request.precision))
        self._grid = grid
        self._integrated = request.integrate_on(grid.k, grid.tau)
        return False

    def model(self, parameters: Mapping[str, float]) -> TrainingModel:
        """A copy of what was integrated, independent of CLASS's memory."""
        cosmology, setup, precision = self._state
        tables = {name: np.array(table) for name, table in self._integrated.items() if name != "p"}
        return TrainingModel(dict(parameters), cosmology, setup, precision, self._grid.k, self._grid.tau, tables)


def _integrate_and_write(
    settings: Mapping[str, Any], parameters: Mapping[str, float], path: Path
) -> str | None:
    """Return None, or the message of a model that CLASS could not compute."""
    from classy import CosmoComputationError, CosmoSevereError

    try:
        write_model(path, integrate(settings, parameters))
    except CosmoComputationError as error:
        return str(error).strip()
    except CosmoSevereError as error:
        # the same for every model: nothing to go on with
        raise GenerationError(f"CLASS does not accept {dict(parameters)} with class_settings "
                              f"{dict(settings)}: {str(error).strip()}") from error
    return None


def _claim(folder: Path, recipe: Recipe) -> None:
    """Write what determines the models into the folder, or check that it is the same."""
    mine = json.loads(json.dumps({"sampling": recipe.sampling.model_dump(), "class_settings": recipe.class_settings,
                                  "grids": asdict(AlignedGrids()), "class": asdict(running_class())}))
    file = folder / RECIPE_FILE
    if not file.exists():
        temporary = file.with_suffix(".part")
        try:
            temporary.write_text(json.dumps(mine, indent=1), encoding="utf-8")
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
        return
    try:
        theirs = json.loads(file.read_text(encoding="utf-8"))
        differ = [f"{group}.{key}" for group in mine for key in {**mine[group], **theirs[group]}
                  if mine[group].get(key) != theirs[group].get(key)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GenerationError(f"{file} is damaged, so that nobody knows what the models beside it are: "
                              f"delete {folder}") from error
    if differ:
        raise GenerationError(f"{folder} holds models of another recipe ({', '.join(differ)} differ): use another "
                              f"folder or delete it")
