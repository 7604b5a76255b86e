"""What a recipe costs, before it is paid: models, minutes and disk, from one model that is integrated and timed."""
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
from ..models.dataset import failure_path, model_path
from ..models.generate import Workplace, generate_one
from ..recipe.schema import Recipe
from .visible import require_reported

__all__ = ["Price", "PriceError", "ask", "confirm", "price"]

# Of full CLASS to l = 2508 with P(k) for one unseen model, in units of a training model; of reducing and training all
# fields, in seconds per model and 1000 epochs. Measured with the recipe lcdm; good to a factor of two elsewhere.
UNSEEN_PER_MODEL = 0.6
TRAINING_SECONDS = 2.6
MEGABYTE = 1e6


class PriceError(CosmicnetError):
    """The disk is too small, or the user said no."""


@dataclass(frozen=True)
class Price:
    """models, how many of them are missing, minutes and bytes for these and the most that a target may lead to."""

    models: int
    models_max: int
    missing: int
    minutes: float
    minutes_max: float
    disk: float
    disk_max: float
    disk_free: float


def price(recipe: Recipe, place: Workplace, workers: int, evaluated: int = 0) -> Price:
    """Integrate and resample the first model (it is kept) and multiply; PriceError if the disk is too small.

    workers: models computed at a time; evaluated: unseen models of a final evaluation.
    """
    number = recipe.sampling.models
    models_max = recipe.target.models_max if recipe.target else number
    path, seconds = generate_one(recipe, number, place)
    if path is None:
        # CLASS cannot compute it; generate() tells, and all others are as dear
        path = next(iter(sorted(place.folder.glob("*.h5"))), None)
    if path is not None:
        require_reported(recipe, path)
    resampling, table = (0.0, 0) if path is None else _resample_one(path, recipe, place)
    missing = sum(not model_path(place.folder, i).exists() and not failure_path(place.folder, i).exists()
                  for i in range(number))
    file = table + (path.stat().st_size if path else 0)
    unseen = (evaluated + (recipe.target.unseen if recipe.target else 0)) * UNSEEN_PER_MODEL * seconds
    training = TRAINING_SECONDS * recipe.training.epochs / 1000.0

    def minutes(to_integrate: int, models: int) -> float:
        parallel = (to_integrate * seconds + models * resampling + unseen) / workers
        return (parallel + models * training) / 60.0

    found = Price(
        models=number, models_max=models_max, missing=missing,
        minutes=minutes(missing, number), minutes_max=minutes(missing + models_max - number, models_max),
        disk=file * missing, disk_max=file * (missing + models_max - number), disk_free=_free(place.folder))
    if found.disk > found.disk_free:
        raise PriceError(f"{place.folder}: {found.disk / MEGABYTE:.0f} MB are needed for {missing} models, but "
                         f"{found.disk_free / MEGABYTE:.0f} MB are free; nothing was lost: choose another --work")
    return found


def confirm(found: Price, assume_yes: bool) -> None:
    """Show the price; ask at a terminal unless told not to. PriceError if the answer is no."""
    console = Console(stderr=True)
    table = Table("", "models", "to integrate", "minutes", "disk / MB", title="price, from one model timed here")
    table.add_row("to begin with", str(found.models), str(found.missing), f"{found.minutes:.0f}",
                  f"{found.disk / MEGABYTE:.0f}")
    if found.models_max > found.models:
        table.add_row("at most", str(found.models_max), str(found.missing + found.models_max - found.models),
                      f"{found.minutes_max:.0f}", f"{found.disk_max / MEGABYTE:.0f}")
    console.print(table)
    if found.disk_max > found.disk_free:
        console.print(f"{found.disk_free / MEGABYTE:.0f} MB are free, which is not enough for the most that the target "
                      "may lead to", style="yellow", highlight=False)
    ask(assume_yes, "the model that was timed is kept")


def ask(assume_yes: bool, kept: str) -> None:
    """Whether to go on, at a terminal and unless told not to. PriceError if the answer is no; kept: what remains."""
    if assume_yes or not sys.stdin.isatty():
        return
    if input("go on? [Y/n] ").strip().lower() not in ("", "y", "yes"):
        raise PriceError(f"stopped; {kept}")


def _resample_one(path: Path, recipe: Recipe, place: Workplace) -> tuple[float, int]:
    """Seconds and bytes of one model on the nodes."""
    start = perf_counter()
    target = table_path(place.folder.parent / "tables", path)
    resample_model(path, target, fields_for(recipe.sampling.ranges))
    return perf_counter() - start, target.stat().st_size


def _free(folder: Path) -> float:
    return float(shutil.disk_usage(folder).free)
