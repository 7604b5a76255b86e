"""Steps of several commands: open the plan of a recipe, check it, integrate its models."""
from __future__ import annotations

from pathlib import Path

from ..checks.cost import confirm_cost, estimate_integration
from ..models.integrate import integrate
from ..models.plan import FieldsPlan, Plan
from ..one_level.plan import OneLevelPlan
from ..two_levels.plan import TwoLevelPlan
from ..two_levels.recipe import has_levels
from ..work.parallel import count_workers
from ..work.run_class import require_patched_classy

__all__ = ["count_checked_workers", "generate", "open_plan"]


def open_plan(
    recipe_file: Path, work: Path | None = None, processes: int = 1, scheduler: str | None = None
) -> FieldsPlan:
    """Read a recipe of either kind. work: default runs/NAME.

    RecipeError names the file, the line, the entry and the allowed values.
    """
    kind = TwoLevelPlan if has_levels(recipe_file) else OneLevelPlan
    return kind.open(recipe_file, work, processes, scheduler)


def count_checked_workers(plan: Plan) -> int:
    """Find mistakes in the scheduler and the recipe before anything is integrated; returns the number of workers."""
    require_patched_classy()
    workers = count_workers(plan.processes, plan.scheduler)
    plan.check()
    return workers


def generate(plan: Plan, assume_yes: bool) -> None:
    """Show the cost of the missing models, confirm it at a terminal unless assume_yes, and integrate them."""
    workers = count_checked_workers(plan)
    confirm_cost(plan.models, estimate_integration(plan, workers), assume_yes)
    models = integrate(plan)
    print(f"{plan.models}: {len(models)} models, {len(plan.files) - len(models)} failed")
