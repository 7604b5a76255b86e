"""The cost of a recipe in models, minutes and disk, estimated from one model that is integrated and timed."""
from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from cosmicnet.errors import CosmicnetError

from ..models.integrate import Timed, time_models
from ..models.plan import FieldsPlan, Plan

__all__ = ["Cost", "confirm_cost", "estimate_cost", "estimate_integration", "require_disk"]

# Full CLASS to l = 2508 with P(k) for one unseen model, in units of a training model; good to a factor of two.
UNSEEN_PER_MODEL = 0.6
MEGABYTE = 1e6


@dataclass(frozen=True)
class Cost:
    """models, how many of them are missing, minutes and bytes for these and the most that a target may lead to."""

    models: int
    models_max: int
    missing: int
    minutes: float
    minutes_max: float
    disk: float
    disk_max: float


def estimate_integration(plan: Plan, workers: int) -> Cost:
    """The cost of all models alone: one of each kind is integrated (it is kept) and multiplied. CosmicnetError if the
    disk is too small. workers: models computed at a time."""
    timed = time_models(plan)
    missing = sum(one.missing for one in timed)
    minutes = _seconds(timed) / workers / 60.0
    disk = _bytes(timed)
    require_disk(plan.models, disk, missing)
    models = len(plan.files) + len(plan.taken)
    return Cost(models, models, missing, minutes, minutes, disk, disk)


def estimate_cost(plan: FieldsPlan, workers: int, evaluated: int = 0) -> Cost:
    """The same with all steps to the networks: one model is put on the nodes as well. evaluated: unseen models of a
    final evaluation."""
    target, timed = plan.recipe.target, time_models(plan)
    files = [*plan.files, *plan.taken]
    models, most = len(files), max(len(files), target.models_max if target else 0)
    # CLASS may not be able to compute the first, as integrate() reports
    path = next((one.path for one in timed if one.path), None) or next(filter(Path.exists, files), None)
    resampling, table = (0.0, 0) if path is None else _resample_one(path, plan)
    missing = sum(one.missing for one in timed)
    # a change of the code makes tables anew
    tables = sum(not plan.table_of(file).exists() for file in files)
    # the most precise take longest
    seconds, model = max(one.seconds for one in timed), path.stat().st_size if path else 0
    unseen = (evaluated + (target.unseen if target else 0)) * UNSEEN_PER_MODEL * seconds

    def minutes(more: int) -> float:
        """The cost with this many models beyond those of the recipe."""
        parallel = _seconds(timed) + more * seconds + (models + more) * resampling + unseen
        return (parallel / workers + (models + more) * plan.seconds_to_fit) / 60.0

    disk = _bytes(timed) + float(table * tables)
    require_disk(plan.models, disk, missing)
    return Cost(models=models, models_max=most, missing=missing, minutes=minutes(0), minutes_max=minutes(most - models),
                disk=disk, disk_max=disk + (model + table) * (most - models))


def _seconds(timed: Sequence[Timed]) -> float:
    """Of all missing models."""
    return sum(one.missing * one.seconds for one in timed)


def _bytes(timed: Sequence[Timed]) -> float:
    return float(sum(one.missing * one.path.stat().st_size for one in timed if one.path))


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


def confirm_cost(folder: Path, cost: Cost, assume_yes: bool) -> None:
    """Show the cost of models in `folder`; confirm at a terminal unless assume_yes.

    Raises CosmicnetError for a no, and if the disk is too small for the most that the target may lead to.
    """
    console = Console(stderr=True)
    table = Table("", "models", "to integrate", "minutes", "disk / MB", title="cost, from one model timed here")
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
        raise CosmicnetError("stopped; the model that was timed is kept")


def _resample_one(path: Path, plan: FieldsPlan) -> tuple[float, int]:
    """Seconds and bytes of one model on the nodes."""
    start = perf_counter()
    plan.resample(path)
    return perf_counter() - start, plan.table_of(path).stat().st_size
