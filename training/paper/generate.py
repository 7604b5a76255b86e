"""Integrate the four sets of the paper: full CLASS on its own grids, then onto the fixed wavenumbers; resumable."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.interpolate import CubicSpline

from cosmicnet.paper.inputs import TIMES
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class

from ..checks.cost import confirm, require_disk
from ..models.dataset import model_path
from ..models.integrate import has_models, integrate_models, missing_models, require_same
from ..work.files import DatasetError, read_json, write_json
from ..work.run_class import new_class, require_patched_classy
from .dataset import PaperModel, write_model
from .recipe import SETS, PaperRecipe

__all__ = [
    "IDENTITY_FILE", "cosmologies", "cost_in_words", "full_sources", "generate", "k_grid", "models_of",
    "network_sources", "read_identity", "read_k_grid", "require_complete",
]

Array = NDArray[np.float64]

IDENTITY_FILE = "models.json"
# measured on one core, for one model and for one step of Adam
BYTES_OF_MODEL, SECONDS_OF_MODEL, SECONDS_OF_STEP = 2.7e6, (7.0, 14.0), (0.03, 0.06)
MEGABYTE, GIGABYTE = 1e6, 1e9


def cosmologies(recipe: PaperRecipe, name: str) -> list[dict[str, float]]:
    """The sampled parameters of every model of a set; of the test set those whose sources are compared."""
    if name == "test":
        return [{p: float(point[p]) for p in recipe.box}
                for point in recipe.test_points()[:recipe.report.source_models]]
    from scipy.stats import qmc

    settings = getattr(recipe.sets, name)
    low, high = np.array(list(recipe.bounds.values())).T
    unit = qmc.LatinHypercube(len(recipe.box), seed=settings.seed).random(settings.points)[:settings.models]
    return [dict(zip(recipe.box, row, strict=True)) for row in (low + (high - low) * unit).tolist()]


def generate(
    recipe: PaperRecipe, folder: Path, processes: int, scheduler: str | None = None, assume_yes: bool = True
) -> None:
    """Integrate the models missing in `folder`, the small sets first; by so many processes, or by the workers of a Dask
    scheduler. A model that CLASS could not compute is left out, now and later, until its .failed file is deleted.

    Shows the cost first, and confirms at a terminal unless assume_yes. Raises DatasetError if `folder` belongs to
    another recipe or more than a tenth of the models fail; RecipeError if CLASS refuses the settings; CosmicnetError
    without the patched classy, or if the answer is no.
    """
    require_patched_classy()
    k = _record_identity(recipe, folder)
    points: dict[Path, Mapping[str, float]] = {}
    for name in reversed(SETS):
        points |= {model_path(folder.resolve() / name, i): point for i, point in enumerate(cosmologies(recipe, name))}
    missing = len(missing_models(points))
    _show_cost(recipe, missing, folder)
    if missing:
        confirm(assume_yes, "no model was integrated")
    integrate_models(partial(_integrate_and_write, recipe.class_settings, k), points, processes, scheduler)


def _show_cost(recipe: PaperRecipe, models: int, folder: Path) -> None:
    """Core-hours and disk of the models, and of the training after them; CosmicnetError if the disk is too small."""
    needed = models * BYTES_OF_MODEL
    require_disk(folder, needed, models)
    console = Console(stderr=True)
    console.print(f"{models} models to integrate: {_core_hours(models, SECONDS_OF_MODEL)}, "
                  f"{needed / MEGABYTE:.0f} MB", highlight=False)
    steps = _steps(recipe)
    console.print(f"{steps} steps of training after that: {_core_hours(steps, SECONDS_OF_STEP)}", highlight=False)


def cost_in_words(recipe: PaperRecipe) -> str:
    """Cost of all models and of the training of a recipe, in words."""
    models, steps = sum(getattr(recipe.sets, name).models for name in SETS), _steps(recipe)
    return (f"{models} models ({_core_hours(models, SECONDS_OF_MODEL)}, {models * BYTES_OF_MODEL / GIGABYTE:.0f} GB) "
            f"and {steps} steps of training ({_core_hours(steps, SECONDS_OF_STEP)})")


def _steps(recipe: PaperRecipe) -> int:
    return sum(int(recipe.sets.training.models * getattr(recipe.networks, source).epochs) for source in TIMES)


def _core_hours(number: int, seconds: tuple[float, float]) -> str:
    low, high = (number * each / 3600.0 for each in seconds)
    return f"{low:.1f} to {high:.1f} core-hours"


def models_of(folder: Path, name: str) -> list[Path]:
    """The models of a set that were integrated; DatasetError if there are none."""
    paths = sorted((folder / name).glob("*.h5"))
    if not paths:
        raise DatasetError(f"{folder / name}: no models; run `cosmicnet paper generate` first")
    return paths


def require_complete(recipe: PaperRecipe, folder: Path, name: str) -> None:
    """Raise DatasetError if models of a set are still to be integrated: networks of fewer are not the recipe's."""
    paths = [model_path(folder / name, i) for i in range(getattr(recipe.sets, name).models)]
    missing = missing_models(paths)
    if missing:
        raise DatasetError(f"{folder / name}: {len(missing)} of {len(paths)} models are still to be integrated; run "
                              "`cosmicnet paper generate`")


def read_k_grid(folder: Path) -> Array:
    """The fixed wavenumbers (1/Mpc) of the models in `folder`; DatasetError if they are unknown."""
    return np.array(read_identity(folder)["k"])


def read_identity(folder: Path) -> dict[str, Any]:
    """The identity of the models in `folder`; DatasetError if it is damaged or not there."""
    try:
        return read_json(folder / IDENTITY_FILE)
    except FileNotFoundError as error:
        raise DatasetError(f"{folder}: no models; run `cosmicnet paper generate` first") from error
    except ValueError as error:
        raise DatasetError(f"{folder / IDENTITY_FILE} is damaged, so that the models beside it are unidentified: "
                              f"delete {folder}") from error


def k_grid(recipe: PaperRecipe) -> Array:
    """CLASS's own wavenumbers (1/Mpc) of the CMB sources in the middle of the box, which is Planck's best fit."""
    k = at_request({**recipe.class_settings, **recipe.centre}, lambda request: np.array(request.k[:request.k_size_cmb]))
    assert k is not None, "class_settings ask for the CMB"
    return k


def full_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, float], k: Array
) -> PaperModel:
    """Integrate one cosmology and interpolate its sources to k (1/Mpc), by splines as CLASS does."""
    recorder = _Recorder()
    sources = _sources({**settings, **parameters}, k, recorder)
    return PaperModel(recorder.cosmology, recorder.setup, recorder.precision, recorder.tau, recorder.history, sources)


def network_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, Any], k: Array
) -> dict[str, NDArray[np.float32]]:
    """The same tables where `settings` switch networks on, of shape (tau.size, k.size)."""
    return _sources({**settings, **parameters}, k, None)


def _sources(
    parameters: Mapping[str, Any], k: Array, provider: _Recorder | None
) -> dict[str, NDArray[np.float32]]:
    cosmology = new_class(parameters)
    if provider is not None:
        cosmology.set_source_provider(provider)
    cosmology.compute(["perturbations"])
    try:
        tables, own_k, _ = cosmology.get_sources()
        inside = np.clip(k, own_k[0], own_k[-1])
        return {name: CubicSpline(own_k, tables[name])(inside).T.astype(np.float32) for name in TIMES}
    finally:
        cosmology.empty()


class _Recorder:
    """A source provider that gives nothing, but keeps CLASS's numbers before the perturbations."""

    def provide(self, request: Any) -> bool:
        self.tau: Array = np.array(request.tau)
        self.cosmology, self.setup = dict(request.cosmology), dict(request.setup)
        self.precision = dict(request.precision)
        self.history = {name: np.array(column) for name, column in request.history.items()}
        return False


def _integrate_and_write(settings: Mapping[str, Any], k: Array, parameters: Mapping[str, float], path: Path) -> None:
    write_model(path, full_sources(settings, parameters, k))


def _record_identity(recipe: PaperRecipe, folder: Path) -> Array:
    """Write the identity of the models into the folder, or check that it is the same; returns the wavenumbers."""
    mine = json.loads(json.dumps({
        "bounds": recipe.bounds, "class_settings": recipe.class_settings, "class": asdict(running_class()),
        **{name: {"points": settings.points, "seed": settings.seed}
           for name, settings in ((name, getattr(recipe.sets, name)) for name in SETS)}}))
    file = folder / IDENTITY_FILE
    if not has_models(folder) or not file.exists():
        write_json(file, {**mine, "k": k_grid(recipe).tolist()})
    theirs = read_identity(folder)
    require_same(file, mine, theirs)
    return np.array(theirs["k"])
