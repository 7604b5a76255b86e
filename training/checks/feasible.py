"""Check that CLASS can compute the ranges of a recipe: it runs at corners, up to the integration."""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from cosmicnet.region import Ellipsoid
from cosmicnet.request import at_request

from ..recipe.class_names import known_settings
from ..recipe.schema import Recipe
from ..recipe.toml import Entry, wrong_entries
from ..work.run_class import require_patched_classy

__all__ = ["MIDDLE", "Corner", "corners", "require_computable", "require_feasible"]

Settings = Mapping[str, str | int | float]

# Corners of all parameters at once, besides those of one parameter each.
RANDOM_CORNERS = 16
MIDDLE = "the middle of the ranges"

# The beginning of CLASS's list of inputs that it did not read.
UNREAD = "did not read input parameter(s):"


@dataclass(frozen=True)
class Corner:
    """A point to try, its description, and the entry of the recipe that it belongs to."""

    point: dict[str, float]
    words: str
    entry: Entry = ("sampling", "ranges")


def corners(recipe: Recipe) -> Iterator[Corner]:
    """The middle, both ends of each range with the others in the middle, and some corners of all. Those that break a
    constraint are left out."""
    ranges, constraints = recipe.sampling.ranges, recipe.linear_constraints()
    middle = {name: 0.5 * (low + high) for name, (low, high) in ranges.items()}
    candidates = [Corner(middle, MIDDLE)]
    candidates += [Corner({**middle, name: value}, f"sampling.ranges.{name} = {value:g}, the others in the middle",
                          ("sampling", "ranges", name)) for name, ends in ranges.items() for value in ends]
    generator = np.random.default_rng(recipe.sampling.seed)
    for _ in range(RANDOM_CORNERS):
        corner = {name: ends[generator.integers(2)] for name, ends in ranges.items()}
        candidates.append(Corner(corner, f"the corner {corner} of sampling.ranges"))
    for candidate in candidates:
        if all(constraint.holds(candidate.point) for constraint in constraints):
            yield candidate


def require_feasible(recipe: Recipe, recipe_file: Path, ellipsoid: Ellipsoid | None) -> None:
    """Raise RecipeError with the line and CLASS's own words for the first corner of the ranges that it cannot compute,
    and for settings that it does not read.

    Corners of an ellipsoid are not sampled, so that only its middle is tried.
    """
    tried = [c for c in corners(recipe) if ellipsoid is None or c.words == MIDDLE]
    require_computable(tried, recipe.class_settings, recipe_file)


def require_computable(tried: Iterable[Corner], settings: Settings, path: Path) -> None:
    """The same for these corners and CLASS settings of the recipe `path`."""
    require_patched_classy()
    for corner in tried:
        complaint = _complaint({**settings, **corner.point})
        if UNREAD in complaint:
            names = complaint.split(UNREAD)[1].replace(",", " ").split()
            raise wrong_entries(path, [_unread(settings, corner, name) for name in names])
        if complaint:
            raise wrong_entries(path, [(_blamed_entry(settings, corner, complaint),
                                        f"CLASS cannot compute {corner.words}: {complaint}")])


def _blamed_entry(settings: Settings, corner: Corner, complaint: str) -> Entry:
    """The entry of the error: the corner's own; for the middle the only setting in CLASS's message, or all settings."""
    named = [name for name in settings if re.search(rf"\b{re.escape(name)}\b", complaint)]
    if corner.words == MIDDLE:
        return ("class_settings", named[0]) if len(named) == 1 else ("class_settings",)
    return corner.entry


def _complaint(parameters: Settings) -> str:
    """CLASS's error for a cosmology, empty if CLASS reaches the integration."""
    from classy import CosmoComputationError, CosmoSevereError

    try:
        at_request(parameters, lambda request: None)
    except (CosmoComputationError, CosmoSevereError) as error:
        return str(error).strip()
    return ""


def _unread(settings: Settings, corner: Corner, name: str) -> tuple[Entry, str]:
    # an entry of one parameter has its name at the end
    ranges = tuple(part for part in corner.entry if part not in corner.point)
    entry = (*(("class_settings",) if name in settings else ranges), name)
    known = known_settings()
    if name in known:
        reason = "CLASS does not read it beside the other settings"
    else:
        near = get_close_matches(name, known, n=1)
        reason = "CLASS has no such setting" + (f"; did you mean {near[0]}?" if near else "")
    return entry, f"{'.'.join(entry)}: {reason}"
