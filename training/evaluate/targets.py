"""Accuracy targets: the recipe's for the whole domain, those of recipes/accuracy_targets.toml for the common boxes."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..recipe.schema import Accuracy
from ..recipe.toml import Strict, load_toml
from .accuracy import Distribution
from .boxes import WHOLE_DOMAIN

__all__ = ["AccuracyTarget", "targets_of"]

RECIPES = Path(str(files("cosmicnet.training"))) / "recipes"


@dataclass(frozen=True)
class AccuracyTarget:
    """The largest error of 95% of the models, and of the median model; None: no target."""

    percentile_95: float
    median: float | None = None

    def is_met(self, measured: Distribution) -> bool:
        return measured.percentile_95 <= self.percentile_95 and (
            self.median is None or measured.median <= self.median)


class _OfBoxes(Strict):
    """By name of the box."""

    planck_5_sigma: Accuracy
    planck_posterior: Accuracy


def targets_of(box: str, recipe: Mapping[str, Any]) -> dict[str, AccuracyTarget]:
    """By figure, for a box and a set whose manifest has this recipe."""
    given = _of_domain(recipe) if box == WHOLE_DOMAIN else _of_boxes().get(box, {})
    return {figure: AccuracyTarget(value[1], value[0]) if isinstance(value, (list, tuple)) else AccuracyTarget(value)
            for figure, value in given.items()}


def _of_domain(recipe: Mapping[str, Any]) -> Accuracy:
    if given := recipe.get("accuracy"):
        return dict(given)
    return {"wishart_chi2": recipe["target"]["wishart_chi2"]} if recipe.get("target") else {}


@cache
def _of_boxes() -> dict[str, Accuracy]:
    return dict(load_toml(RECIPES / "accuracy_targets.toml", _OfBoxes))
