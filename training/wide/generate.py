"""Integrate the models of a wide set at both levels of fidelity, on all cores or on a cluster, resumable.

Converged models come between the cheap ones, so that whatever is there when a run stops is a useful set.
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from cosmicnet.files import write_whole
from cosmicnet.running_class import RunningClass, running_class

from ..models.dataset import failure_path, model_path
from ..models.generate import RECIPE_FILE, GenerationError, other_class
from ..work.files import remove_unfinished
from ..work.parallel import DIED, progress, results, single_threaded_pool
from ..work.spectra import require_patched_classy
from .cosmologies import draw
from .grids import WideGrids
from .recipe import WideRecipe
from .record import integrate, write_wide_model

__all__ = ["LEVELS", "WideGenerated", "existing_models", "generate_wide"]

LEVELS = ("cheap", "converged")
# More failures than this share of all models are no accident.
FAILED_SHARE = 0.1


@dataclass(frozen=True)
class WideGenerated:
    """Models by level and by the number of their cosmology, and how many failed."""

    models: dict[str, dict[int, Path]]
    failed: int


def generate_wide(
    recipe: WideRecipe, number: int, folder: Path, processes: int, scheduler: str | None = None
) -> WideGenerated:
    """Integrate what is not yet in folder/cheap and folder/converged of the first `number` cosmologies.

    A model that CLASS could not compute is left out, now and later, until its .failed file is deleted. Raises
    GenerationError if the folder belongs to another recipe, CLASS refuses the settings or more than a tenth fail.
    """
    require_patched_classy()
    _claim(recipe, folder)
    cosmologies = list(islice(draw(recipe.sampling.ranges, recipe.sampling.seed), number))
    tasks = [(level, i) for i in range(number) for level in recipe.levels.of_cosmology(i)]
    missing = [task for task in tasks if not _is_done(folder, *task)]
    with progress("integrating models", len(tasks), len(tasks) - len(missing)) as advance, \
            single_threaded_pool(processes, scheduler) as pool:
        arguments = {
            (level, i): ({**recipe.settings, **recipe.levels.of(level)}, cosmologies[i], recipe.sampling.far.has(i),
                         model_path((folder / level).resolve(), i), running_class()) for level, i in missing}
        for refusal in results(pool, _integrate_and_write, arguments, partial(_note_death, folder),
                               max(1, int(FAILED_SHARE * len(tasks)))):
            if refusal:
                raise GenerationError(refusal)
            advance()
    for level in LEVELS:
        remove_unfinished(folder / level)
    found = existing_models(folder)
    failed = sum(failure_path(folder / level, i).exists() for level, i in tasks)
    if failed > FAILED_SHARE * len(tasks):
        raise GenerationError(f"{failed} of {len(tasks)} models failed; {folder}/*/*.failed tell why")
    return WideGenerated(found, failed)


def existing_models(folder: Path) -> dict[str, dict[int, Path]]:
    """All models that are there, by level and by the number of their cosmology."""
    return {level: {int(path.stem): path for path in sorted((folder / level).glob("*.h5"))} for level in LEVELS}


def _is_done(folder: Path, level: str, index: int) -> bool:
    return model_path(folder / level, index).exists() or failure_path(folder / level, index).exists()


def _integrate_and_write(
    settings: Mapping[str, Any], cosmology: Mapping[str, Any], is_far: bool, path: Path, expected: RunningClass
) -> str:
    """Write the model, or CLASS's message if it fails. Returns an error common to all models, or nothing."""
    from classy import CosmoComputationError, CosmoSevereError

    if difference := other_class(expected):
        return difference
    try:
        write_wide_model(path, integrate(settings, cosmology, is_far))
    except CosmoComputationError as error:
        write_whole({path.with_suffix(".failed"): str(error).strip()})
    except CosmoSevereError as error:
        # the same for every model: nothing to go on with
        return f"CLASS does not accept {dict(cosmology)} with {dict(settings)}: {str(error).strip()}"
    return ""


def _note_death(folder: Path, task: tuple[str, int]) -> str:
    level, index = task
    write_whole({failure_path(folder / level, index): DIED})
    return ""


def _claim(recipe: WideRecipe, folder: Path) -> None:
    """Write what determines the models into the folder, or check that it is the same where there are some."""
    mine, file = _identity(recipe), folder / RECIPE_FILE
    if not any(_models_or_failures(folder)):
        write_whole({file: json.dumps(mine, indent=1)})
        return
    try:
        theirs = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GenerationError(f"{file} cannot be read, so that nobody knows what the models beside it are: {error}"
                              ) from error
    if differ := [name for name in mine if mine[name] != theirs.get(name)]:
        raise GenerationError(f"{folder} holds models of another recipe ({', '.join(differ)} differ): use another "
                              f"folder or delete it")


def _models_or_failures(folder: Path) -> Iterator[Path]:
    for level in LEVELS:
        yield from (folder / level).glob("*.h5")
        yield from (folder / level).glob("*.failed")


def _identity(recipe: WideRecipe) -> dict[str, Any]:
    identity = {"ranges": recipe.sampling.ranges.model_dump(), "seed": recipe.sampling.seed,
                "far": recipe.sampling.far.model_dump(), "settings": recipe.settings,
                "levels": recipe.levels.model_dump(), "grids": asdict(WideGrids()), "class": asdict(running_class())}
    return dict(json.loads(json.dumps(identity)))
