"""The plan of a recipe of either kind."""
from __future__ import annotations

from pathlib import Path

from ..models.plan import Plan
from ..one_level.plan import OneLevelPlan
from ..two_levels.plan import TwoLevelPlan
from ..two_levels.recipe import has_levels

__all__ = ["open_plan"]


def open_plan(recipe_file: Path, work: Path | None = None, processes: int = 1, scheduler: str | None = None) -> Plan:
    """Read a recipe. work: default runs/NAME.

    RecipeError names the file, the line, the entry and the allowed values.
    """
    kind = TwoLevelPlan if has_levels(recipe_file) else OneLevelPlan
    return kind.open(recipe_file, work, processes, scheduler)
