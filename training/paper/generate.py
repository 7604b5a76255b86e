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
from scipy.interpolate import CubicSpline

from cosmicnet.paper.inputs import TIMES
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class

from ..checks.cost import Cost, confirm_cost, require_disk
from ..models.dataset import model_path
from ..models.integrate import has_models, integrate_models, missing_models, record_identity, require_complete
from ..work.files import DatasetError, read_json, write_json
from ..work.parallel import count_workers
from ..work.run_class import Recorder, new_class, require_patched_classy
from .dataset import PaperModel, write_paper_model
from .recipe import SETS, PaperRecipe

__all__ = [
    "WAVENUMBERS_FILE", "cosmologies", "cost_in_words", "estimate_paper_cost", "full_sources", "generate", "k_grid",
    "models_of", "network_sources", "read_k_grid", "require_complete_set",
]

Array = NDArray[np.float64]

WAVENUMBERS_FILE = "wavenumbers.json"
# measured on one core, for one model and for one step of Adam
BYTES_OF_MODEL, SECONDS_OF_MODEL, SECONDS_OF_STEP = 2.7e6, (7.0, 14.0), (0.03, 0.06)
GIGABYTE = 1e9


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
    workers = count_workers(processes, scheduler)
    k = _open_folder(recipe, folder)
    points: dict[Path, Mapping[str, float]] = {}
    for name in reversed(SETS):
        points |= {model_path(folder.resolve() / name, i): point for i, point in enumerate(cosmologies(recipe, name))}
    cost = estimate_paper_cost(recipe, folder, len(points), len(missing_models(points)), workers)
    confirm_cost(folder, cost, assume_yes or not cost.missing)
    integrate_models(partial(_integrate_and_write, recipe.class_settings, k), points, processes, scheduler)


def estimate_paper_cost(recipe: PaperRecipe, folder: Path, models: int, missing: int, workers: int) -> Cost:
    """The cost of the missing models by so many workers and of the training after them, by measurements elsewhere;
    CosmicnetError if the disk is too small."""
    minutes = (missing * SECONDS_OF_MODEL[1] / workers + _steps(recipe) * SECONDS_OF_STEP[1]) / 60.0
    disk = missing * BYTES_OF_MODEL
    require_disk(folder, disk, missing)
    return Cost(models, models, missing, minutes, minutes, disk, disk, is_timed=False)


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


def require_complete_set(recipe: PaperRecipe, folder: Path, name: str) -> None:
    """Raise DatasetError if models of a set are still to be integrated."""
    paths = [model_path(folder / name, i) for i in range(getattr(recipe.sets, name).models)]
    require_complete(folder / name, paths, "cosmicnet paper generate")


def read_k_grid(folder: Path) -> Array:
    """The fixed wavenumbers (1/Mpc) of the models in `folder`; DatasetError if they are damaged or not there."""
    file = folder / WAVENUMBERS_FILE
    try:
        return np.array(read_json(file)["k"])
    except FileNotFoundError as error:
        raise DatasetError(f"{folder}: no models; run `cosmicnet paper generate` first") from error
    except ValueError as error:
        raise DatasetError(f"{file} is damaged, so that the models beside it are of unknown wavenumbers: delete "
                           f"{folder}") from error


def k_grid(recipe: PaperRecipe) -> Array:
    """CLASS's own wavenumbers (1/Mpc) of the CMB sources in the middle of the box, which is Planck's best fit."""
    k = at_request({**recipe.class_settings, **recipe.centre}, lambda request: np.array(request.k[:request.k_size_cmb]))
    assert k is not None, "class_settings ask for the CMB"
    return k


def full_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, float], k: Array
) -> PaperModel:
    """Integrate one cosmology and interpolate its sources to k (1/Mpc), by splines as CLASS does."""
    recorder = Recorder()
    sources = _sources({**settings, **parameters}, k, recorder)
    return PaperModel(recorder.cosmology, recorder.setup, recorder.precision, recorder.tau, recorder.history, sources)


def network_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, Any], k: Array
) -> dict[str, NDArray[np.float32]]:
    """The same tables where `settings` switch networks on, of shape (tau.size, k.size)."""
    return _sources({**settings, **parameters}, k, None)


def _sources(
    parameters: Mapping[str, Any], k: Array, provider: Recorder | None
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


def _integrate_and_write(settings: Mapping[str, Any], k: Array, parameters: Mapping[str, float], path: Path) -> None:
    write_paper_model(path, full_sources(settings, parameters, k))


def _open_folder(recipe: PaperRecipe, folder: Path) -> Array:
    """Write the identity of the models into the folder, or check that it is the same; returns the wavenumbers."""
    if not has_models(folder):
        write_json(folder / WAVENUMBERS_FILE, {"k": k_grid(recipe).tolist()})
    record_identity(folder, _identity(recipe))
    return read_k_grid(folder)


def _identity(recipe: PaperRecipe) -> dict[str, Any]:
    sets = {name: getattr(recipe.sets, name) for name in SETS}
    identity = {"bounds": recipe.bounds, "class_settings": recipe.class_settings, "class": asdict(running_class()),
                **{name: {"points": settings.points, "seed": settings.seed} for name, settings in sets.items()}}
    return dict(json.loads(json.dumps(identity)))
