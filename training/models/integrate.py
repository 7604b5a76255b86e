"""Integrate training models with the patched classy, on all cores or on a cluster, resumable.

integrate() does so for a plan, integrate_models() for any models.
"""
from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import parse_json, write_whole
from cosmicnet.pieces import SOURCES
from cosmicnet.running_class import RunningClass, running_class

from ..recipe.toml import RecipeError
from ..work.files import DatasetError, remove_unfinished
from ..work.parallel import progress, results, single_threaded_pool
from ..work.run_class import Parameters, Recorder, new_class, require_patched_classy
from .dataset import TrainingModel, failure_path
from .grids import AlignedGrids
from .plan import Plan, Write

__all__ = [
    "RECIPE_FILE", "Timed", "complete_models", "has_models", "integrate", "integrate_model", "integrate_models",
    "missing_models", "read_identity", "record_identity", "require_complete", "time_models", "time_one",
]

Array = NDArray[np.float64]

RECIPE_FILE = "recipe.json"
FAILED_SHARE = 0.1
# Give up on a timing after this many models fail.
TIMED = 3
# Message for a model that killed its workers.
DIED = ("the processes that computed it died again and again (for lack of memory, or by a fault in CLASS); delete this "
        "file to try it once more")


def integrate(plan: Plan) -> list[Path]:
    """Integrate the models that are not in the plan's folder yet; returns the paths of all that CLASS could compute,
    and of those that were taken over.

    A model that fails is left out, now and later, until its .failed file is deleted. Raises DatasetError if the folder
    belongs to another recipe or more than a tenth of the models fail; RecipeError if CLASS refuses the settings;
    CosmicnetError without the patched classy.
    """
    require_patched_classy()
    points = _opened(plan)
    failed = integrate_models(plan.write, points, plan.processes, plan.scheduler)
    return [*(path for path in points if path not in failed), *plan.taken]


@dataclass(frozen=True)
class Timed:
    """Models of the same cost: the number of missing ones, the seconds of one, and the file of one; None if CLASS
    computes none of the first."""

    missing: int
    seconds: float
    path: Path | None


def time_models(plan: Plan) -> list[Timed]:
    """Integrate the first missing model of each folder, which is kept; where none is missing at all, the last model
    once more. Raises like integrate()."""
    require_patched_classy()
    points = _opened(plan)
    folders = dict.fromkeys(path.parent for path in missing_models(points))
    timed = []
    for some in [{path: points[path] for path in points if path.parent == folder} for folder in folders] or [points]:
        path, seconds = time_one(plan.write, some, plan.scheduler)
        timed.append(Timed(len(missing_models(some)), seconds, path))
    return timed


def time_one(write: Write, points: Mapping[Path, Parameters], scheduler: str | None) -> tuple[Path | None, float]:
    """Integrate the first model that is missing, or the next one where it fails; where none is missing, the last one
    once more, which gives the same file. Returns its path, None if CLASS computes none of the first, and its seconds.
    """
    tried = missing_models(points)[:TIMED] or [path for path in points if path.exists()][-1:]
    seconds = 0.0
    for path in tried:
        seconds, = _run(write, {path: points[path]}, 1, scheduler, "timing one model", 1)
        if path.exists():
            return path, seconds
    return None, seconds


def complete_models(plan: Plan) -> list[Path]:
    """The plan's models in its folder, and more if there are; DatasetError if some are missing, or models of another
    recipe are there."""
    paths = [*(path for path in sorted(plan.models.glob("*.h5")) if path.stem.isdecimal()), *plan.taken]
    if not paths or not (plan.models / RECIPE_FILE).exists():
        raise DatasetError(f"{plan.models}: there are no models; `cosmicnet generate` makes them")
    points = _opened(plan)
    require_complete(plan.models, points, "cosmicnet generate")
    _failures(points)
    return paths


def _opened(plan: Plan) -> dict[Path, Parameters]:
    """The plan's models, whose identity stands in their folder; DatasetError if models of another recipe are there."""
    record_identity(plan.models, plan.identity)
    return plan.files


def record_identity(folder: Path, identity: Mapping[str, Any]) -> None:
    """Write the identity of the models into their folder; where there are models, check that it is the same."""
    if not has_models(folder):
        write_whole({folder / RECIPE_FILE: json.dumps(identity, indent=1)})
        return
    theirs = read_identity(folder)
    try:
        differ = [name for group in identity for name in _differences(group, identity[group], theirs[group])]
    except (KeyError, TypeError) as error:
        raise _unidentified(folder) from error
    if differ:
        raise DatasetError(f"{folder} holds models of another recipe ({', '.join(differ)} differ): use another folder "
                           "or delete it")


def read_identity(folder: Path) -> dict[str, Any]:
    """The identity of the models in a folder; DatasetError if it is damaged or not there."""
    try:
        return dict(parse_json((folder / RECIPE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _unidentified(folder) from error


def _unidentified(folder: Path) -> DatasetError:
    return DatasetError(f"{folder / RECIPE_FILE} is damaged, so that the models beside it are unidentified: delete "
                        f"{folder}")


def _differences(group: str, mine: Any, theirs: Any) -> list[str]:
    if not isinstance(mine, Mapping):
        return [group] if mine != theirs else []
    return [f"{group}.{key}" for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]


def integrate_model(settings: Mapping[str, Any], parameters: Parameters) -> TrainingModel:
    """Integrate one cosmology on the aligned grids.

    Raises CosmoComputationError if CLASS cannot compute it, CosmoSevereError if it does not accept the settings,
    RecipeError if the settings do not request all sources.
    """
    recorder, cosmology = Recorder(_aligned_grids), new_class({**settings, **parameters})
    cosmology.set_source_provider(recorder)
    cosmology.compute(["perturbations"])
    model = TrainingModel(dict(parameters), recorder.cosmology, recorder.setup, recorder.precision, recorder.k,
                          recorder.tau, recorder.integrated())
    cosmology.struct_cleanup()
    missing = [name for name in SOURCES if name != "p" and name not in model.integrated]
    if missing:
        raise RecipeError(f"class_settings: CLASS gives no {', '.join(missing)}; needed are output = tCl,pCl,lCl,mPk, "
                          "lensing and a massive neutrino")
    return model


def _aligned_grids(request: Any) -> tuple[Array, Array]:
    grid = AlignedGrids().integration(request.cosmology)
    return grid.k, grid.tau


def integrate_models(
    write: Write, points: Mapping[Path, Parameters], processes: int, scheduler: str | None
) -> dict[Path, str]:
    """Integrate those of the models that are missing; returns CLASS's messages for all that failed.

    Raises DatasetError if more than a tenth fail, RecipeError if CLASS refuses the settings.
    """
    if missing := missing_models(points):
        _run(write, {path: points[path] for path in missing}, processes, scheduler, "integrating models", len(points))
        for folder in {path.parent for path in missing}:
            remove_unfinished(folder)
    return _failures(points)


def missing_models(paths: Iterable[Path]) -> list[Path]:
    """Models that were neither integrated nor failed yet."""
    return [path for path in paths if not path.exists() and not failure_path(path).exists()]


def require_complete(folder: Path, paths: Collection[Path], command: str) -> None:
    """Raise DatasetError if models are still to be integrated: networks of fewer are not the recipe's."""
    if missing := missing_models(paths):
        raise DatasetError(f"{folder}: {len(missing)} of {len(paths)} models are missing; `{command}` goes on with "
                           "them")


def has_models(folder: Path) -> bool:
    """Whether any model was integrated, or failed, in this folder or one below."""
    return any(next(folder.rglob(pattern), None) for pattern in ("*.h5", "*.failed"))


def _failures(points: Mapping[Path, Parameters]) -> dict[Path, str]:
    """CLASS's messages for the models that failed, shown; DatasetError if they are more than a tenth."""
    failed = {path: failure_path(path).read_text(encoding="utf-8") for path in points if not path.exists()}
    if len(failed) > FAILED_SHARE * len(points):
        first = next(iter(failed))
        raise DatasetError(f"{len(failed)} of {len(points)} models failed; the first, {first.stem}, "
                           f"{points[first]}, with: {failed[first]}")
    for path, message in failed.items():
        Console(stderr=True).print(f"left out model {path.stem}: {message}", style="yellow")
    return failed


def _run(
    write: Write, points: Mapping[Path, Parameters], processes: int, scheduler: str | None, what: str, total: int
) -> list[float]:
    """Seconds of each model, in any order."""
    with progress(what, total, total - len(points)) as advance, single_threaded_pool(processes, scheduler) as pool:
        tasks = {path: (write, point, path, running_class()) for path, point in points.items()}
        seconds = []
        for one in results(pool, _run_one, tasks, _note_death, max(1, int(FAILED_SHARE * total))):
            seconds.append(one)
            advance()
    return seconds


def _run_one(write: Write, parameters: Parameters, path: Path, expected: RunningClass) -> float:
    """Integrate a model, or write CLASS's message if it cannot compute it; returns the seconds."""
    from classy import CosmoComputationError, CosmoSevereError

    if (running := running_class()) != expected:
        raise CosmicnetError(f"a worker has CLASS {running.version} ({running.source_digest[:8]}), but here it is "
                             f"{expected.version} ({expected.source_digest[:8]}): models of two versions do not "
                             "belong together")
    start = perf_counter()
    try:
        write(parameters, path)
    except CosmoComputationError as error:
        write_whole({failure_path(path): str(error).strip()})
    except CosmoSevereError as error:
        # the same for every model
        raise RecipeError(f"class_settings: CLASS does not accept {dict(parameters)} with these settings: "
                          f"{str(error).strip()}") from None
    return perf_counter() - start


def _note_death(path: Path) -> float:
    write_whole({failure_path(path): DIED})
    # unknown
    return 0.0
