"""From a recipe to an installed and measured network set: generate -> train -> compare with full CLASS, and again with
more models until the target is met or the budget is spent."""
from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cosmicnet.errors import CosmicnetError

from .config import Recipe, Target
from .generate import Workplace, generate
from .networks import train
from .unseen import unseen_chi2

__all__ = ["Made", "TargetMissed", "make"]

# How the training set grows from one round to the next, and the least that a round has to gain.
GROWTH = 1.5
LEAST_GAIN = 0.9


class TargetMissed(CosmicnetError):
    """The networks are there, but the budget was spent before they met the target, or more models do not help."""


@dataclass(frozen=True)
class Made:
    """models: in the training set; chi2: Wishart chi2 that 95% of the unseen models do not exceed, None without a
    target."""

    models: int
    chi2: float | None


def make(recipe: Recipe, place: Workplace, output: Path) -> Made:
    """Run the whole recipe; every step that was done before is taken from the work folder.

    Writes manifest.json and arrays.safetensors to `output` after every round. Raises TargetMissed.
    """
    console, start = Console(stderr=True), time.monotonic()
    number, before = recipe.sampling.models, math.inf
    while True:
        generated = generate(recipe, number, place)
        saved = train(recipe, generated, place, output)
        console.print(f"{output}: networks '{saved.name}' of {len(generated.models)} models, "
                      f"{(time.monotonic() - start) / 60:.1f} min", highlight=False)
        target = recipe.target
        if target is None:
            return Made(len(generated.models), None)
        chi2 = unseen_chi2(saved, output, target.unseen, place)
        console.print(f"Wishart chi2 of {target.unseen} unseen models: 95% below {chi2:.3g}, target "
                      f"{target.wishart_chi2:g}", highlight=False)
        if chi2 <= target.wishart_chi2:
            console.print("the target is met", style="green")
            return Made(len(generated.models), chi2)
        _require_hope(target, number, chi2, before, (time.monotonic() - start) / 3600.0)
        number, before = min(math.ceil(GROWTH * number), target.models_max), chi2


def _require_hope(target: Target, number: int, chi2: float, before: float, hours: float) -> None:
    """Raise TargetMissed where another round is not allowed or would not help."""
    missed = f"the target is not met: 95% of the unseen models have a Wishart chi2 below {chi2:.3g}, not " \
             f"{target.wishart_chi2:g}, with {number} models; "
    if number >= target.models_max:
        raise TargetMissed(f"{missed}the budget of target.models_max = {target.models_max} is spent")
    if target.hours is not None and hours >= target.hours:
        raise TargetMissed(f"{missed}the budget of target.hours = {target.hours:g} is spent")
    if chi2 > LEAST_GAIN * before:
        raise TargetMissed(f"{missed}it was {before:.3g} with fewer, so that more do not help: make "
                           "reduction.tolerance or the layers finer, the domain smaller, or the target larger")
