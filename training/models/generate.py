"""Integrate the training models of a recipe through the patched classy, on all cores or on a cluster, resumable."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import write_whole
from cosmicnet.pieces import SOURCES
from cosmicnet.running_class import RunningClass, running_class

from ..recipe.schema import Recipe
from ..work.files import remove_unfinished
from ..work.parallel import DIED, WorkerError, progress, results, single_threaded_pool
from ..work.spectra import require_patched_classy
from .dataset import TrainingModel, failure_path, model_path, write_model
from .grids import AlignedGrids
from .sampling import ellipsoid_of, points

__all__ = [
    "Generated", "GenerationError", "Workplace", "claim", "existing", "generate", "generate_one", "integrate",
    "other_class",
]

RECIPE_FILE = "recipe.json"
FAILED_SHARE = 0.1
# So many models may fail before it is left open how long one takes.
TIMED = 3

# How classy says that CLASS's tables are too short for a grid.
NO_ROOM = "values, must be 1 to"

Parameters = Mapping[str, float]


class GenerationError(CosmicnetError):
    """The folder holds models of another recipe, CLASS refuses the recipe, or too many models failed."""


@dataclass(frozen=True)
class Workplace:
    """Where and by whom models are computed. folder: of the models; recipe_folder: what the recipe's paths are
    relative to; processes: of this machine, unless `scheduler` is the address of a Dask cluster."""

    folder: Path
    recipe_folder: Path
    processes: int
    scheduler: str | None = None

    @property
    def derived(self) -> Path:
        """Where what CLASS derives of the models that may be sampled is kept."""
        return self.folder.parent / "derived.json"


@dataclass(frozen=True)
class Generated:
    """Paths of the models that were integrated, and what CLASS said of those that failed, by index."""

    models: tuple[Path, ...]
    failed: dict[int, str]


def generate(recipe: Recipe, number: int, place: Workplace) -> Generated:
    """Integrate what of the first `number` models is not in the folder yet; a killed generation goes on where it
    stopped. A model that CLASS could not compute is left out, now and later, until its .failed file is deleted.

    Raises GenerationError if the folder belongs to another recipe, CLASS refuses the recipe's settings or more
    than a tenth of the models fail; CosmicnetError without the patched classy.
    """
    require_patched_classy()
    claim(recipe, place)
    wanted = points(recipe, number, place.recipe_folder, place.derived)
    folder = place.folder.resolve()
    missing = [i for i in range(number)
               if not model_path(folder, i).exists() and not failure_path(folder, i).exists()]
    if missing:
        _integrate_all(recipe, wanted, missing, number, place)
        remove_unfinished(folder)
    failed = {i: failure_path(folder, i).read_text(encoding="utf-8") for i in range(number)
              if not model_path(folder, i).exists()}
    _require_few(failed, number, wanted)
    return Generated(tuple(model_path(place.folder, i) for i in range(number) if i not in failed), failed)


def generate_one(recipe: Recipe, number: int, place: Workplace) -> tuple[Path | None, float]:
    """Integrate the first of `number` models that is missing, or the next one where it fails; where none is missing,
    the last one that is there once more, which gives the same file.

    Returns its path, None if CLASS could not compute any of the first, and its seconds. Raises as generate() does.
    """
    require_patched_classy()
    claim(recipe, place)
    wanted, folder = points(recipe, number, place.recipe_folder, place.derived), place.folder.resolve()
    missing = [i for i in range(number) if not model_path(folder, i).exists() and not failure_path(folder, i).exists()]
    seconds, one = 0.0, Workplace(folder, place.recipe_folder, 1, place.scheduler)
    # one that is there already takes as long
    there = [i for i in range(number) if model_path(folder, i).exists()]
    tried = missing[:TIMED] or there[-1:]
    for index in tried:
        seconds, = _integrate_all(recipe, wanted, [index], 1, one)
        if (path := model_path(place.folder, index)).exists():
            return path, seconds
    if tried and not there and all(failure_path(folder, i).read_text(encoding="utf-8") == DIED for i in tried):
        # where no model was ever computed none of them is to be blamed
        for index in tried:
            failure_path(folder, index).unlink()
        raise WorkerError(f"all processes died that computed models {', '.join(map(str, tried))}, each alone; is there "
                          "enough memory, and does this CLASS work?")
    return None, seconds


def existing(recipe: Recipe, place: Workplace) -> Generated:
    """The recipe's models in the folder, and more if there are; GenerationError if some are missing, or models of
    another recipe are there."""
    if not (place.folder / RECIPE_FILE).exists():
        raise GenerationError(f"{place.folder}: there are no models; `cosmicnet generate` makes them")
    claim(recipe, place)
    paths = tuple(sorted(path for path in place.folder.glob("*.h5") if path.stem.isdecimal()))
    if not paths:
        raise GenerationError(f"{place.folder}: there are no models; `cosmicnet generate` makes them")
    number = recipe.sampling.models
    if missing := sum(not model_path(place.folder, i).exists() and not failure_path(place.folder, i).exists()
                      for i in range(number)):
        raise GenerationError(f"{place.folder}: {missing} of {number} models are missing; `cosmicnet generate` goes on "
                              "with them")
    failed = {i: failure_path(place.folder, i).read_text(encoding="utf-8") for i in range(number)
              if not model_path(place.folder, i).exists()}
    _require_few(failed, number)
    return Generated(paths, failed)


def _require_few(failed: Mapping[int, str], number: int, wanted: Sequence[Parameters] | None = None) -> None:
    """Tell which models are left out; GenerationError if they are more than a tenth of `number`."""
    if len(failed) > FAILED_SHARE * number:
        index = min(failed)
        which = index if wanted is None else wanted[index]
        raise GenerationError(f"{len(failed)} of {number} models failed; the first, {which}, with: {failed[index]}")
    for index in sorted(failed):
        Console(stderr=True).print(f"left out model {index}: {failed[index]}", style="yellow")


def _integrate_all(
    recipe: Recipe, wanted: Sequence[Parameters], missing: Sequence[int], number: int, place: Workplace
) -> list[float]:
    folder = place.folder.resolve()
    seconds = []
    what = "integrating models" if number > 1 else "timing one model"
    with progress(what, number, number - len(missing)) as advance, \
            single_threaded_pool(place.processes, place.scheduler) as pool:
        arguments = {i: (recipe.class_settings, wanted[i], folder, i, running_class()) for i in missing}
        # of all models, and not of those that a run before has left
        most = max(1, int(FAILED_SHARE * len(wanted)))
        for outcome in results(pool, _integrate_and_write, arguments, partial(_note_death, folder), most):
            if isinstance(outcome, str):
                raise GenerationError(outcome)
            seconds.append(outcome)
            advance()
    return seconds


def integrate(settings: Mapping[str, Any], parameters: Parameters) -> TrainingModel:
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

    def model(self, parameters: Parameters) -> TrainingModel:
        """A copy of what was integrated, independent of CLASS's memory."""
        cosmology, setup, precision = self._state
        tables = {name: np.array(table) for name, table in self._integrated.items() if name != "p"}
        return TrainingModel(dict(parameters), cosmology, setup, precision, self._grid.k, self._grid.tau, tables)


def _integrate_and_write(
    settings: Mapping[str, Any], parameters: Parameters, folder: Path, index: int, expected: RunningClass
) -> float | str:
    """Write the model, or CLASS's message if it cannot compute it. Returns the seconds, or what is wrong with all
    models: errors that are not raised are not tried again."""
    from classy import CosmoComputationError, CosmoSevereError

    if difference := other_class(expected):
        return difference
    start = perf_counter()
    try:
        write_model(model_path(folder, index), integrate(settings, parameters))
    except CosmoComputationError as error:
        write_whole({failure_path(folder, index): str(error).strip()})
    except CosmoSevereError as error:
        # the same for every model: nothing to go on with
        if NO_ROOM in str(error):
            return ("class_settings: CLASS makes room for fewer wavenumbers k, or times tau, than models are "
                    "integrated on: raise l_max_scalars, or lower k_step_sub and k_step_super (k) or "
                    f"perturbations_sampling_stepsize (tau). {str(error).strip()}")
        return f"CLASS does not accept {dict(parameters)} with class_settings {dict(settings)}: {str(error).strip()}"
    except GenerationError as error:
        return str(error)
    return perf_counter() - start


def _note_death(folder: Path, index: int) -> float:
    write_whole({failure_path(folder, index): DIED})
    # how long it would take is not known
    return 0.0


def other_class(expected: RunningClass) -> str:
    """What is wrong where the CLASS of this worker is not the one that was expected, else nothing."""
    running = running_class()
    if running == expected:
        return ""
    return (f"a worker has CLASS {running.version} ({running.source_digest[:8]}), but here it is "
            f"{expected.version} ({expected.source_digest[:8]}): models of two versions do not belong together")


def claim(recipe: Recipe, place: Workplace) -> None:
    """Write what determines the models into the folder, or check that it is the same where there are some;
    GenerationError if it is not."""
    folder = place.folder
    folder.mkdir(parents=True, exist_ok=True)
    mine = _identity(recipe, place.recipe_folder)
    file = folder / RECIPE_FILE
    # of a recipe that was mended before its first model nothing is left but this file
    if not any(folder.glob("*.h5")) and not any(folder.glob("*.failed")):
        write_whole({file: json.dumps(mine, indent=1)})
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


def _identity(recipe: Recipe, recipe_folder: Path) -> dict[str, Any]:
    sampling = recipe.sampling.model_dump(exclude={"ellipsoid"})
    if recipe.sampling.design == "sobol":
        # however many there are, the first ones are the same
        del sampling["models"]
    ellipsoid = ellipsoid_of(recipe, recipe_folder, 1.0)
    identity = {
        "sampling": {**sampling, "constraints": recipe.constraints,
                     "ellipsoid": ellipsoid.to_json() if ellipsoid else None},
        "class_settings": recipe.class_settings, "grids": asdict(AlignedGrids()),
        "class": asdict(running_class()),
    }
    return dict(json.loads(json.dumps(identity)))
