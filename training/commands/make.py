"""From a recipe to an installed and measured network set: generate -> train -> compare with full CLASS, and again with
more models until the target is met or the budget is spent."""
from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cosmicnet.errors import CosmicnetError
from cosmicnet.store import load_network_set, save_network_set

from ..evaluate.unseen import unseen_chi2
from ..models.integrate import integrate
from ..models.plan import FieldsPlan
from ..recipe.schema import Target

__all__ = ["Made", "TargetMissed", "make"]

# Growth of the training set per round, and the smallest gain that justifies another round.
GROWTH = 1.5
LEAST_GAIN = 0.9

# Subfolder of the work folder for the networks of every round, each in a folder named by its number of models.
ROUNDS = "rounds"


class TargetMissed(CosmicnetError):
    """The networks are there, but the budget was spent before they met the target, or more models do not help."""


@dataclass(frozen=True)
class Made:
    """models: in the training set; chi2: Wishart chi2 that 95% of the unseen models do not exceed, None without a
    target."""

    models: int
    chi2: float | None


@dataclass(frozen=True)
class _Round:
    """folder: with the networks; models, chi2: as in Made."""

    folder: Path
    models: int
    chi2: float


def make(plan: FieldsPlan, output: Path) -> Made:
    """Run the whole recipe; steps that were finished before are taken from the work folder.

    Writes the networks of the round with the smallest chi2 to `output`, and then raises TargetMissed if that is too
    large.
    """
    console, start = Console(stderr=True), time.monotonic()
    target, rounds = plan.recipe.target, list[_Round]()
    while True:
        models = integrate(plan)
        folder = plan.work / ROUNDS / f"{plan.number:05d}"
        saved = plan.fit(models, folder)
        console.print(f"{folder}: networks '{saved.name}' of {len(models)} models, "
                      f"{(time.monotonic() - start) / 60:.1f} min", highlight=False)
        if target is None:
            save_network_set(output, load_network_set(folder))
            return Made(len(models), None)
        chi2 = unseen_chi2(saved, folder, target.unseen, plan)
        console.print(f"Wishart chi2 of {target.unseen} unseen models: 95% below {chi2:.3g}, target "
                      f"{target.wishart_chi2:g}", highlight=False)
        rounds.append(_Round(folder, len(models), chi2))
        end = _why_the_last(target, plan.number, rounds, (time.monotonic() - start) / 3600.0)
        if end is not None:
            return _best(target, rounds, output, end)
        plan = plan.with_models(min(math.ceil(GROWTH * plan.number), target.models_max))


def _why_the_last(target: Target, number: int, rounds: Sequence[_Round], hours: float) -> str | None:
    """Why there is no round after these, the last of `number` models; None where another one may help."""
    chi2 = rounds[-1].chi2
    if chi2 <= target.wishart_chi2:
        return "the target is met"
    if number >= target.models_max:
        return f"the budget of target.models_max = {target.models_max} is spent"
    if target.hours is not None and hours >= target.hours:
        return f"the budget of target.hours = {target.hours:g} is spent"
    # two infinities are no gain
    if len(rounds) > 1 and (chi2 > LEAST_GAIN * rounds[-2].chi2 or math.isinf(chi2)):
        return (f"it was {rounds[-2].chi2:.3g} with {rounds[-2].models} and is {chi2:.3g} with {rounds[-1].models}, so "
                "that more do not help: make reduction.tolerance or the layers finer, the domain smaller, or the "
                "target larger")
    return None


def _best(target: Target, rounds: Sequence[_Round], output: Path, end: str) -> Made:
    """Write the networks of the best round and print its number; TargetMissed if it is not good enough."""
    best = min(rounds, key=lambda r: r.chi2)
    save_network_set(output, load_network_set(best.folder))
    Console(stderr=True).print(f"{output}: networks of {best.models} models, the best of {len(rounds)} rounds, 95% "
                               f"below {best.chi2:.3g}", highlight=False)
    if best.chi2 > target.wishart_chi2:
        raise TargetMissed(f"the target is not met: 95% of the unseen models have a Wishart chi2 below {best.chi2:.3g},"
                           f" not {target.wishart_chi2:g}, with {best.models} models; {end}")
    return Made(best.models, best.chi2)
