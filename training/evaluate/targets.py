"""The accuracy that networks are to reach: of shipped sets and common boxes in recipes/accuracy_targets.toml, of other
sets in their recipe."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..recipe.toml import Strict, load_toml
from .accuracy import Distribution
from .boxes import WHOLE_DOMAIN

__all__ = ["AccuracyTarget", "targets_of"]

FILE = Path(str(files("cosmicnet.training"))) / "recipes/accuracy_targets.toml"


@dataclass(frozen=True)
class AccuracyTarget:
    """The largest error of 95% of the models, and of the median model; None: no target."""

    percentile_95: float
    median: float | None = None

    def is_met(self, measured: Distribution) -> bool:
        return measured.percentile_95 <= self.percentile_95 and (
            self.median is None or measured.median <= self.median)


Largest = Annotated[float, Field(strict=True, gt=0)]
Figures = dict[str, Largest | tuple[Largest, Largest]]


class _File(Strict):
    """domain: by name of the set; box: by name of the box."""

    domain: dict[str, Figures]
    box: dict[str, Figures]


def targets_of(box: str, network: str, recipe: Mapping[str, Any]) -> dict[str, AccuracyTarget]:
    """By figure, for a box and the set `network`, whose manifest has this recipe."""
    given = _read().domain.get(network) if box == WHOLE_DOMAIN else _read().box.get(box, {})
    if given is None:
        given = {"wishart_chi2": recipe["target"]["wishart_chi2"]} if recipe.get("target") else {}
    return {figure: AccuracyTarget(value[1], value[0]) if isinstance(value, tuple) else AccuracyTarget(value)
            for figure, value in given.items()}


@cache
def _read() -> _File:
    return load_toml(FILE, _File)
