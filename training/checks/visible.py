"""What a request for sources tells of a cosmology: networks know neither a setting nor a parameter that it does not."""
from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cosmicnet.class_parameters import acts_on_sources
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.running_class import running_class

from ..models.dataset import read_model
from ..models.grids import AlignedGrids
from ..recipe.class_names import ROOM
from ..recipe.schema import Recipe, RecipeError
from ..recipe.toml_lines import key_lines, line_of
from ..recipe.toml_recipe import read_text
from .probe import ask

__all__ = ["Told", "not_told", "require_none", "require_reported", "require_told", "told_of"]

# An entry of a recipe, and what is wrong with it.
Entry = tuple[str, ...]
Wrong = tuple[Entry, str]

# Settings of stock CLASS that decide what is computed and not how, or that are reported under another name.
OTHERWISE_CHECKED = frozenset({
    "output", "lensing", "modes", "ic", "l_max_scalars", "l_max_lss", "P_k_max_1/Mpc", "P_k_max_h/Mpc", "z_max_pk",
    "z_pk", "non_linear", "perturbations_sampling_stepsize", "A_s", "n_s", "ln10^{10}A_s", "alpha_s", "k_pivot",
    "Omega_Lambda", "Omega_fld", "Omega_scf", "Omega_k", "Omega_ncdm", "omega_ncdm", "m_ncdm", "N_ur", "w0_fld",
    "wa_fld", "YHe", "H0", "h", "reio_parametrization", "omega_b", "omega_cdm", "tau_reio", "z_reio",
})
# Settings of which stock CLASS reports at most that they were given: what they mean is in a file, or is up to the
# user's own code. All others are reported by their values or by what CLASS makes of them (class_state.h).
NOT_REPORTED_BY_STOCK = frozenset({"chi_file", "f_eff_file", "ncdm_psd_filenames", "ncdm_psd_parameters"})
# What CLASS makes of massive neutrinos without a mass, eV.
MASSLESS = 1e-5

# What is to be done about a parameter or a setting that is not told.
ADD = "add it under this name to cosmicnet_list_setup() in class_state.h (docs/retrain.md)"
NOT_REPORTED = f"this CLASS does not report it, so that networks would be used for any other value of it; {ADD}"


# By how much the room that CLASS makes for a grid differs within the widest domain shipped (1.13 in time, 1.07 in k).
MARGIN = 1.15
# The setting that makes room, and what is to be done.
ROOM_BY = {"wavenumbers": ("l_max_scalars", "raise it, or lower k_step_sub and k_step_super"),
           "times": ("perturbations_sampling_stepsize", "lower it")}


@dataclass(frozen=True)
class Told:
    """What a request said of the cosmology `point`, by SourceRequest's names; room: by kind of grid how many values
    CLASS has room for, and on how many models are integrated."""

    point: Mapping[str, float]
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    room: dict[str, tuple[int, int]]


def require_told(recipe: Recipe, points: Sequence[Mapping[str, float]], path: Path) -> None:
    """Raise RecipeError with the line in the file `path` for a sampled parameter or a setting of which requests would
    not tell the value, and for settings with which CLASS has no room for the grids of the integration. CLASS is asked
    at the first two of these models, and integrates nothing.

    Where it does not come as far as that, generation says why.
    """
    asked = [ask({**recipe.class_settings, **point}, partial(told_of, point=point)) for point in points[:2]]
    told = [answer for answer in asked if answer]
    require_none([*not_told(told, recipe.class_settings, recipe.sampling.ranges, recipe.domain, ("sampling", "ranges")),
                  *_settings_without_room(recipe, told)], path)


def require_none(wrong: Iterable[Wrong], path: Path) -> None:
    """Raise RecipeError with the lines in the file `path` if anything is wrong."""
    lines = key_lines(read_text(path))
    if told := [f"line {line_of(lines, entry)}: {'.'.join(entry)}: {why}" for entry, why in wrong]:
        raise RecipeError("\n  ".join([f"{path}:", *told]))


def told_of(request: Any, point: Mapping[str, float]) -> Told:
    """Keep what a SourceRequest says."""
    grid = AlignedGrids().integration(request.cosmology)
    room = {"wavenumbers": (len(request.k), grid.k.size), "times": (len(request.tau), grid.tau.size)}
    return Told(point, dict(request.cosmology), dict(request.setup), dict(request.precision), room)


def not_told(
    answers: Sequence[Told], class_settings: Mapping[str, Any], sampled: Iterable[str], domain: Container[str],
    table: Entry,
) -> Iterator[Wrong]:
    """What these answers of CLASS do not tell, or tell otherwise than it was given: `sampled` parameters, which are
    entries of `table`, and settings; and what differs among the answers and is not in the domain."""
    for name in sampled:
        why = next((why for told in answers if (why := _why_not_told(name, told))), None)
        if why:
            yield (*table, name), why
    for told in answers[:1]:
        for name in _unknown_settings(class_settings, told.setup, told.precision):
            yield ("class_settings", name), NOT_REPORTED
        first = {name: other for other in reversed(answers[1:]) for name in _different(told, other, domain)}
        for name, other in first.items():
            value, there = ({**t.precision, **t.setup}.get(name, math.nan) for t in (told, other))
            yield table, (f"CLASS reports {name} = {value:.10g} for one model and {there:.10g} for another, so "
                          "that networks would be used for one of them only")


def _different(told: Told, other: Told, domain: Container[str]) -> Iterator[str]:
    """Settings and precision parameters that matter and are not the same in both."""
    theirs = {**other.precision, **other.setup}
    for name, value in {**told.precision, **told.setup}.items():
        # a species may vanish at the end of a range
        if (name in told.precision and not acts_on_sources(name)) or name in domain or name.startswith("has_"):
            continue
        if not math.isclose(value, theirs.get(name, math.nan), rel_tol=SETTING_TOLERANCE):
            yield name


def _why_not_told(name: str, told: Told) -> str | None:
    from classy import Class

    values, given = {**told.setup, **told.cosmology}, told.point[name]
    if name in values:
        expected = MASSLESS if name == "m_ncdm" and given == 0.0 else given
        # written so that NaN differs
        if abs(values[name] - expected) <= SETTING_TOLERANCE * abs(expected):
            return None
        return (f"CLASS makes {values[name]:.10g} of {given:.10g}, so that networks would learn what they are not "
                "asked; only a number that CLASS reports as it was given can be sampled")
    if name in told.precision:
        return "is a precision parameter, which training and requests must share; set it in class_settings"
    if name in Class.parameters_of_later_modules():
        return "is of the modules after the sources, so that networks take any value of it; leave it out"
    return f"this CLASS reads it but does not report it, so that networks could not know its value; {ADD}"


def _settings_without_room(recipe: Recipe, answers: Sequence[Told]) -> Iterator[Wrong]:
    for kind, (name, what_to_do) in ROOM_BY.items():
        room, needed = min((told.room[kind] for told in answers), default=(1, 0))
        if room < MARGIN * needed:
            yield ("class_settings", name), (
                f"{recipe.class_settings[name]} makes room for {room} {kind} in CLASS's tables, but models are "
                f"integrated on {needed}, and other cosmologies of a domain have up to {MARGIN - 1.0:.0%} less room: "
                f"{what_to_do} (left out, it is {ROOM[name]})")


def require_reported(recipe: Recipe, model: Path) -> None:
    """Raise RecipeError for a setting of which a request for sources would not tell the value: its networks would be
    used for any other value as well. model: one that was integrated."""
    told = read_model(model)
    for name in _unknown_settings(recipe.class_settings, told.setup, told.precision):
        raise RecipeError(f"class_settings.{name}: {NOT_REPORTED}")


def _unknown_settings(
    class_settings: Mapping[str, Any], setup: Mapping[str, float], precision: Mapping[str, float]
) -> list[str]:
    """Settings of which this CLASS does not report the value; setup, precision: what it reports."""
    given = set(class_settings)
    if not running_class().changed_files:
        return sorted(given & NOT_REPORTED_BY_STOCK)
    return sorted(given - OTHERWISE_CHECKED - set(setup) - set(precision))
