"""Every sampled parameter and setting must be visible in the SourceRequest: else networks apply to any value of it."""
from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from cosmicnet.class_parameters import acts_on_sources, parameter_of
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class

from ..models.grids import AlignedGrids
from ..recipe.class_names import LARGE_TABLES
from ..recipe.schema import Recipe
from ..recipe.toml import Entry, wrong_entries
from ..work.run_class import Parameters

__all__ = ["RequestSummary", "different_settings", "invisible", "require_visible", "summaries", "summary_of"]

# An entry of a recipe, and its error.
Wrong = tuple[Entry, str]

# The mass that CLASS gives to neutrinos with m_ncdm = 0, eV.
MASSLESS = 1e-5

# Remedy for a parameter or a setting that CLASS does not report.
ADD = "add it under this name to cosmicnet_list_setup() in class_state.h (docs/retrain.md)"
NOT_REPORTED = f"this CLASS does not report it, so that networks would be used for any other value of it; {ADD}"

# Variation of the room that CLASS makes for a grid within the widest shipped domain (1.13 in time, 1.07 in k).
MARGIN = 1.15
# The setting that makes room, and the remedy.
ENLARGED_BY = {"wavenumbers": ("l_max_scalars", "raise it, or lower k_step_sub and k_step_super"),
               "times": ("perturbations_sampling_stepsize", "lower it")}


@dataclass(frozen=True)
class RequestSummary:
    """The numbers of the request for the cosmology `point`, by SourceRequest's names. room: by kind of grid, the number
    of values that CLASS has room for, and that of the integration."""

    point: Mapping[str, float]
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    room: dict[str, tuple[int, int]]


def require_visible(recipe: Recipe, recipe_file: Path, points: Iterable[Mapping[str, float]]) -> None:
    """Raise RecipeError with the lines for sampled parameters and settings that requests do not show, and for settings
    with which CLASS has no room for the grids of the integration.

    CLASS is probed at the first two models that it can compute; for others the integration reports the error.
    """
    found = list(islice(summaries(recipe.class_settings, points), 2))
    wrong = [*invisible(found, recipe.class_settings, recipe.sampling.ranges, recipe.domain, ("sampling", "ranges")),
             *_settings_without_room(recipe.class_settings, found)]
    if wrong:
        raise wrong_entries(recipe_file, wrong)


def summaries(settings: Parameters, points: Iterable[Mapping[str, float]]) -> Iterator[RequestSummary]:
    """The requests at these points, except at those that CLASS cannot compute."""
    from classy import CosmoComputationError, CosmoSevereError

    for point in points:
        try:
            if found := at_request({**settings, **point}, partial(summary_of, point=point)):
                yield found
        except (CosmoComputationError, CosmoSevereError):
            continue


def summary_of(request: Any, point: Mapping[str, float]) -> RequestSummary:
    """Keep the numbers of a SourceRequest."""
    grid = AlignedGrids().integration(request.cosmology)
    room = {"wavenumbers": (len(request.k), grid.k.size), "times": (len(request.tau), grid.tau.size)}
    return RequestSummary(point, dict(request.cosmology), dict(request.setup), dict(request.precision), room)


def invisible(
    found: Sequence[RequestSummary], class_settings: Mapping[str, Any], sampled: Iterable[str],
    domain: Container[str], table: Entry,
) -> Iterator[Wrong]:
    """Sampled parameters (entries of `table`) and settings that these requests do not show with the given value, and
    numbers outside of the domain that differ between the requests."""
    for name in sampled:
        why = next((why for summary in found if (why := _why_invisible(name, summary))), None)
        if why:
            yield (*table, name), f"{'.'.join(table)}.{name}: {why}"
    for summary in found[:1]:
        for name in _unknown_settings(class_settings, summary):
            yield ("class_settings", name), f"class_settings.{name}: {NOT_REPORTED}"
        first = {name: other for other in reversed(found[1:]) for name in different_settings(summary, other, domain)}
        for name, other in first.items():
            value, there = ({**s.precision, **s.setup}.get(name, math.nan) for s in (summary, other))
            yield table, (f"{'.'.join(table)}: CLASS reports {name} = {value:.10g} for one model and {there:.10g} for "
                          "another, so that networks would be used for one of them only")


def different_settings(summary: RequestSummary, other: RequestSummary, domain: Container[str]) -> Iterator[str]:
    """Settings and precision parameters that act on sources and differ, except those of the domain."""
    theirs = {**other.precision, **other.setup}
    for name, value in {**summary.precision, **summary.setup}.items():
        # a species may vanish at the end of a range
        if (name in summary.precision and not acts_on_sources(name)) or name in domain or name.startswith("has_"):
            continue
        if not math.isclose(value, theirs.get(name, math.nan), rel_tol=SETTING_TOLERANCE):
            yield name


def _why_invisible(name: str, summary: RequestSummary) -> str | None:
    from classy import Class

    values, given = {**summary.setup, **summary.cosmology}, summary.point[name]
    if name in values:
        expected = MASSLESS if name == "m_ncdm" and given == 0.0 else given
        # written so that NaN differs
        if abs(values[name] - expected) <= SETTING_TOLERANCE * abs(expected):
            return None
        return (f"CLASS makes {values[name]:.10g} of {given:.10g}, so that training and requests would "
                "differ; only a number that CLASS reports as it was given can be sampled")
    if name in summary.precision:
        return "is a precision parameter, which training and requests must share; set it in class_settings"
    if name in Class.parameters_of_later_modules():
        return "is of the modules after the sources, so that networks take any value of it; leave it out"
    return f"this CLASS reads it but does not report it, so that networks could not know its value; {ADD}"


def _settings_without_room(settings: Mapping[str, Any], found: Sequence[RequestSummary]) -> Iterator[Wrong]:
    for kind, (name, remedy) in ENLARGED_BY.items():
        room, needed = min((summary.room[kind] for summary in found), default=(1, 0))
        if room < MARGIN * needed:
            yield ("class_settings", name), (
                f"class_settings.{name}: {settings[name]} makes room for {room} {kind} in CLASS's tables, but "
                f"models are integrated on {needed}, and other cosmologies of a domain have up to "
                f"{MARGIN - 1.0:.0%} less room: {remedy} (left out, it is {LARGE_TABLES[name]})")


def _unknown_settings(class_settings: Mapping[str, Any], summary: RequestSummary) -> list[str]:
    """Settings of which this CLASS does not report the value."""
    def is_known(name: str) -> bool:
        parameter = parameter_of(name)
        if not running_class().changed_files:
            return parameter is None or parameter.is_reported
        return parameter is not None and parameter.is_reported

    reported = {*summary.setup, *summary.precision}
    return sorted(name for name in class_settings if name not in reported and not is_known(name))
