"""The cost of a recipe before it is paid: models, minutes and disk, from one model that is integrated and timed."""
from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from cosmicnet.errors import CosmicnetError
from cosmicnet.fields import fields_for

from ..fields.tables import resample_model, table_path
from ..models.dataset import model_path
from ..models.integrate import missing_models, time_one_model
from ..models.plan import Plan
from ..wide.generate import count_models, time_levels
from ..wide.recipe import WideRecipe

__all__ = ["Cost", "confirm_cost", "estimate_cost", "estimate_wide_cost", "require_disk"]

# Full CLASS to l = 2508 with P(k) for one unseen model, in units of a training model; reducing and training all fields,
# in seconds per model and 1000 epochs. Measured with the recipe lcdm; good to a factor of two elsewhere.
UNSEEN_PER_MODEL = 0.6
TRAINING_SECONDS = 2.6
MEGABYTE = 1e6


@dataclass(frozen=True)
class Cost:
    """models, how many of them are missing, minutes and bytes for these and the most that a target may lead to.

    is_timed: from a model that was integrated here, and not from seconds measured elsewhere.
    """

    models: int
    models_max: int
    missing: int
    minutes: float
    minutes_max: float
    disk: float
    disk_max: float
    is_timed: bool = True


def estimate_cost(plan: Plan, workers: int, evaluated: int = 0) -> Cost:
    """Integrate and resample the first model (it is kept) and multiply; CosmicnetError if the disk is too small.

    workers: models computed at a time; evaluated: unseen models of a final evaluation.
    """
    recipe, number = plan.recipe, plan.number
    models_max = max(number, recipe.target.models_max if recipe.target else 0)
    path, seconds = time_one_model(plan)
    if path is None:
        # CLASS cannot compute it, as integrate() reports; all others take as long
        path = next(iter(sorted(plan.models.glob("*.h5"))), None)
    resampling, table = (0.0, 0) if path is None else _resample_one(path, plan)
    missing = len(missing_models(model_path(plan.models, i) for i in range(number)))
    # a change of the code makes tables anew
    tables = sum(not table_path(plan.tables, model_path(plan.models, i)).exists() for i in range(number))
    model = path.stat().st_size if path else 0
    unseen = (evaluated + (recipe.target.unseen if recipe.target else 0)) * UNSEEN_PER_MODEL * seconds
    training = TRAINING_SECONDS * recipe.training.epochs / 1000.0

    def minutes(to_integrate: int, models: int) -> float:
        parallel = (to_integrate * seconds + models * resampling + unseen) / workers
        return (parallel + models * training) / 60.0

    most = missing + models_max - number
    disk = float(model * missing + table * tables)
    require_disk(plan.models, disk, missing)
    return Cost(models=number, models_max=models_max, missing=missing,
                minutes=minutes(missing, number), minutes_max=minutes(most, models_max),
                disk=disk, disk_max=disk + (model + table) * (models_max - number))


def require_disk(folder: Path, needed: float, models: int) -> None:
    """Raise CosmicnetError if the disk of `folder` has fewer bytes free than these models need."""
    free = free_bytes(folder)
    if needed > free:
        raise CosmicnetError(f"{folder}: {needed / MEGABYTE:.0f} MB are needed for {models} models, but "
                             f"{free / MEGABYTE:.0f} MB are free; choose another --work")


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder that may not exist yet."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free


def estimate_wide_cost(recipe: WideRecipe, number: int, folder: Path, workers: int, scheduler: str | None) -> Cost:
    """The cost of `generate` alone: one missing model of each level is timed (and kept), and multiplied."""
    of_levels = time_levels(recipe, number, folder, scheduler)
    models = count_models(recipe, number)
    missing = sum(level.missing for level in of_levels)
    minutes = sum(level.missing * level.seconds for level in of_levels) / workers / 60.0
    disk = sum(level.missing * level.size for level in of_levels)
    require_disk(folder, disk, missing)
    return Cost(models=models, models_max=models, missing=missing, minutes=minutes, minutes_max=minutes,
                disk=disk, disk_max=disk)


def confirm_cost(folder: Path, cost: Cost, assume_yes: bool) -> None:
    """Show the cost of models in `folder`; confirm at a terminal unless assume_yes.

    Raises CosmicnetError for a no, and if the disk is too small for the most that the target may lead to.
    """
    console = Console(stderr=True)
    table = Table("", "models", "to integrate", "minutes", "disk / MB",
                  title="cost, from one model timed here" if cost.is_timed else "cost, within a factor of two")
    table.add_row("to begin with", str(cost.models), str(cost.missing), f"{cost.minutes:.0f}",
                  f"{cost.disk / MEGABYTE:.0f}")
    if cost.models_max > cost.models:
        table.add_row("at most", str(cost.models_max), str(cost.missing + cost.models_max - cost.models),
                      f"{cost.minutes_max:.0f}", f"{cost.disk_max / MEGABYTE:.0f}")
    console.print(table)
    free = free_bytes(folder)
    if cost.disk_max > free:
        raise CosmicnetError(f"{folder}: {free / MEGABYTE:.0f} MB are free, but the target may lead to "
                             f"{cost.disk_max / MEGABYTE:.0f} MB; choose another --work or fewer models_max")
    if assume_yes or not sys.stdin.isatty():
        return
    if input("go on? [Y/n] ").strip().lower() not in ("", "y", "yes"):
        raise CosmicnetError(f"stopped; {'the model that was timed is kept' if cost.is_timed else 'nothing was done'}")


def _resample_one(path: Path, plan: Plan) -> tuple[float, int]:
    """Seconds and bytes of one model on the nodes."""
    start = perf_counter()
    target = table_path(plan.tables, path)
    resample_model(path, target, fields_for(plan.recipe.sampling.ranges))
    return perf_counter() - start, target.stat().st_size
