"""Integrate the four sets of the paper: full CLASS on its own grids, then onto the fixed wavenumbers; resumable."""
from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.interpolate import CubicSpline

from cosmicnet.files import write_whole
from cosmicnet.paper.inputs import TIMES
from cosmicnet.running_class import RunningClass, running_class

from ..checks.cost import ask
from ..models.dataset import model_path
from ..models.generate import GenerationError, other_class
from ..work.files import read_json, remove_unfinished, write_json
from ..work.parallel import DIED, progress, results, single_threaded_pool
from ..work.spectra import new_class, require_patched_classy
from .dataset import PaperModel, write_model
from .recipe import SETS, PaperRecipe

__all__ = ["CLAIM", "cosmologies", "full_sources", "generate", "k_grid", "models_of", "network_sources", "price",
           "read_claim", "read_k_grid", "require_complete"]

Array = NDArray[np.float64]

CLAIM = "models.json"
ALLOWED_FAILURES = 0.1
# of one model and of one step of Adam, measured; of one core
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
    """Integrate what is not in `folder` yet, the small sets first; by so many processes, or by the workers of a Dask
    scheduler. A model that CLASS could not compute is left out, now and later, until its .failed file is deleted.

    Tells the price first, and asks at a terminal unless assume_yes. Raises GenerationError if `folder` belongs to
    another recipe, CLASS refuses the settings or more than a tenth of the models fail; PriceError if the answer is no;
    CosmicnetError without the patched classy.
    """
    require_patched_classy()
    folder.mkdir(parents=True, exist_ok=True)
    k = _claim(recipe, folder)
    points: dict[Path, dict[str, float]] = {}
    for name in reversed(SETS):
        (folder / name).mkdir(exist_ok=True)
        points |= {model_path(folder.resolve() / name, i): point for i, point in enumerate(cosmologies(recipe, name))}
    missing = [path for path in points if not path.exists() and not _failure(path).exists()]
    _tell_price(recipe, len(missing), folder)
    if missing:
        ask(assume_yes, "no model was integrated")
    with progress("integrating models", len(points), len(points) - len(missing)) as advance, \
            single_threaded_pool(processes, scheduler) as pool:
        arguments = {path: (recipe.class_settings, points[path], k, path, running_class()) for path in missing}
        most = max(1, int(ALLOWED_FAILURES * len(points)))
        for refusal in results(pool, _integrate_and_write, arguments, _note_death, most):
            if refusal is not None:
                raise GenerationError(refusal)
            advance()
    for name in SETS:
        remove_unfinished(folder / name)
    failed = {path: _failure(path).read_text(encoding="utf-8") for path in points if not path.exists()}
    if len(failed) > ALLOWED_FAILURES * len(points):
        path = min(failed)
        raise GenerationError(f"{len(failed)} of {len(points)} models failed; the first, {points[path]}, with: "
                              f"{failed[path]}")
    for path, message in sorted(failed.items()):
        Console(stderr=True).print(f"left out model {path}: {message}", style="yellow")


def _tell_price(recipe: PaperRecipe, models: int, folder: Path) -> None:
    """Core-hours and disk of the models, and of the training after them; GenerationError if the disk is too small."""
    needed, free = models * BYTES_OF_MODEL, shutil.disk_usage(folder).free
    if needed > free:
        raise GenerationError(f"{folder}: {needed / MEGABYTE:.0f} MB are needed for {models} models, but "
                              f"{free / MEGABYTE:.0f} MB are free; choose another --work")
    console = Console(stderr=True)
    console.print(f"{models} models to integrate: {_core_hours(models, SECONDS_OF_MODEL)}, "
                  f"{needed / MEGABYTE:.0f} MB", highlight=False)
    steps = _steps(recipe)
    console.print(f"{steps} steps of training after that: {_core_hours(steps, SECONDS_OF_STEP)}", highlight=False)


def price(recipe: PaperRecipe) -> str:
    """What all models and the training of a recipe need, in words."""
    models, steps = sum(getattr(recipe.sets, name).models for name in SETS), _steps(recipe)
    return (f"{models} models ({_core_hours(models, SECONDS_OF_MODEL)}, {models * BYTES_OF_MODEL / GIGABYTE:.0f} GB) "
            f"and {steps} steps of training ({_core_hours(steps, SECONDS_OF_STEP)})")


def _steps(recipe: PaperRecipe) -> int:
    return sum(int(recipe.sets.training.models * getattr(recipe.networks, source).epochs) for source in TIMES)


def _core_hours(number: int, seconds: tuple[float, float]) -> str:
    low, high = (number * each / 3600.0 for each in seconds)
    return f"{low:.1f} to {high:.1f} core-hours"


def models_of(folder: Path, name: str) -> list[Path]:
    """The models of a set that were integrated; GenerationError if there are none."""
    paths = sorted((folder / name).glob("*.h5"))
    if not paths:
        raise GenerationError(f"{folder / name}: no models; run `cosmicnet paper generate` first")
    return paths


def require_complete(recipe: PaperRecipe, folder: Path, name: str) -> None:
    """Raise GenerationError if models of a set are still to be integrated: networks of fewer are not the recipe's."""
    paths = [model_path(folder / name, i) for i in range(getattr(recipe.sets, name).models)]
    missing = [path for path in paths if not path.exists() and not _failure(path).exists()]
    if missing:
        raise GenerationError(f"{folder / name}: {len(missing)} of {len(paths)} models are still to be integrated; run "
                              "`cosmicnet paper generate`")


def read_k_grid(folder: Path) -> Array:
    """The fixed wavenumbers (1/Mpc) of the models in `folder`; GenerationError where nobody knows them."""
    return np.array(read_claim(folder)["k"])


def read_claim(folder: Path) -> dict[str, Any]:
    """What determines the models in `folder`; GenerationError if it is damaged or not there."""
    try:
        return read_json(folder / CLAIM)
    except FileNotFoundError as error:
        raise GenerationError(f"{folder}: no models; run `cosmicnet paper generate` first") from error
    except ValueError as error:
        raise GenerationError(f"{folder / CLAIM} is damaged, so that nobody knows what the models beside it are: "
                              f"delete {folder}") from error


def k_grid(recipe: PaperRecipe) -> Array:
    """CLASS's own wavenumbers (1/Mpc) of the CMB sources in the middle of the box, which is Planck's best fit."""
    recorder = _Recorder(stop=True)
    cosmology = new_class({**recipe.class_settings, **recipe.centre})
    cosmology.set_source_provider(recorder)
    cosmology.compute(["perturbations"])
    cosmology.empty()
    return recorder.k_cmb


def full_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, float], k: Array
) -> PaperModel:
    """Integrate one cosmology and interpolate its sources to k (1/Mpc), by splines as CLASS does."""
    recorder = _Recorder(stop=False)
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
    """A source provider that keeps what is known before the perturbations; with stop, nothing is integrated."""

    def __init__(self, stop: bool) -> None:
        self._stop = stop

    def provide(self, request: Any) -> bool:
        self.k_cmb: Array = np.array(request.k[:request.k_size_cmb])
        self.tau: Array = np.array(request.tau)
        self.cosmology, self.setup = dict(request.cosmology), dict(request.setup)
        self.precision = dict(request.precision)
        self.history = {name: np.array(column) for name, column in request.history.items()}
        return self._stop


def _failure(path: Path) -> Path:
    """The file that tells why there is no model."""
    return path.with_suffix(".failed")


def _integrate_and_write(
    settings: Mapping[str, Any], parameters: Mapping[str, float], k: Array, path: Path, expected: RunningClass
) -> str | None:
    """Write the model, or CLASS's message if it cannot compute it. Returns what is wrong with all models, if anything:
    errors that are not raised are not tried again."""
    from classy import CosmoComputationError, CosmoSevereError

    if difference := other_class(expected):
        return difference
    try:
        write_model(path, full_sources(settings, parameters, k))
    except CosmoComputationError as error:
        write_whole({_failure(path): str(error).strip()})
    except CosmoSevereError as error:
        # the same for every model: nothing to go on with
        return f"CLASS does not accept {dict(parameters)} with class_settings {dict(settings)}: {str(error).strip()}"
    return None


def _note_death(path: Path) -> None:
    write_whole({_failure(path): DIED})


def _claim(recipe: PaperRecipe, folder: Path) -> Array:
    """Write what determines the models into the folder, or check that it is the same; the wavenumbers."""
    mine = json.loads(json.dumps({
        "bounds": recipe.bounds, "class_settings": recipe.class_settings, "class": asdict(running_class()),
        **{name: {"points": settings.points, "seed": settings.seed}
           for name, settings in ((name, getattr(recipe.sets, name)) for name in SETS)}}))
    file = folder / CLAIM
    # of a recipe that was mended before its first model nothing is left but this file
    if not file.exists() or (not any(folder.glob("*/*.h5")) and not any(folder.glob("*/*.failed"))):
        write_json(file, {**mine, "k": k_grid(recipe).tolist()})
    theirs = read_claim(folder)
    differ = [key for key in mine if mine[key] != theirs.get(key)]
    if differ:
        raise GenerationError(f"{folder} holds models of another recipe ({', '.join(differ)} differ): use another "
                              f"folder or delete it")
    return np.array(theirs["k"])
