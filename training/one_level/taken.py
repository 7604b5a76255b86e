"""Models that another recipe integrated: what they hold decides whether they fit this recipe, not their names.

A model fits where CLASS, its grids and the settings are the same and its parameters lie in the sampled region. A
parameter that only this recipe samples has the value that CLASS reported for the model. Models that were taken over
replace points of the recipe next to them (sampling.replaced()).
"""
from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cosmicnet.class_parameters import OF_REIONIZATION
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.files import UNFINISHED

from ..checks.visible import RequestSummary, different_settings, summaries
from ..models.dataset import read_numbers
from ..models.integrate import RECIPE_FILE, read_identity, record_identity
from ..models.sampling import Point, SampledRegion, why_outside
from ..recipe.schema import Recipe
from ..work.digest import json_digest
from ..work.files import DatasetError, digest_of, read_json, write_json

__all__ = ["TAKEN_FILE", "take_over", "taken_models"]

# In the folder of models: those that were taken over, and a digest of the path of each folder that they came from.
TAKEN_FILE = "taken.json"
# Named by their content.
NAME, DIGITS = "taken-{}.h5", 24

Numbers = Mapping[str, Mapping[str, float]]


def taken_models(folder: Path) -> dict[Path, Point]:
    """The models in this folder that were taken over, with their parameters. DatasetError for a damaged list."""
    return {folder.resolve() / name: point for name, point in _read(folder)["models"].items()}


def _read(folder: Path) -> dict[str, Any]:
    path = folder / TAKEN_FILE
    try:
        return read_json(path)
    except FileNotFoundError:
        return {"from": [], "models": {}}
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}), so that the models that were taken over are not known: "
                           f"delete {folder}") from error


def take_over(
    source: Path, folder: Path, identity: Mapping[str, Any], recipe: Recipe, points: Sequence[Point],
    region: SampledRegion, cache: Path,
) -> str:
    """Plan.take_over() into the models' folder of a plan with this identity; cache: of derived values."""
    there, known = json_digest(str(source.resolve())), _read(folder)
    if there in known["from"]:
        return f"{source}: {len(known['models'])} models were taken over before"
    if any(path.stem.isdecimal() for path in folder.glob("*.*")):
        raise DatasetError(f"{folder} has models of its own already, and models are taken over before the first one: "
                           "choose another --work")
    _require_alike(source, identity)
    own = next(summaries(recipe.class_settings, points), None)
    models, left_out = dict[Path, Point](), Counter[str]()
    for path in sorted((source / "models").glob("*.h5")):
        try:
            numbers = read_numbers(path)
        except DatasetError:
            left_out["damaged files"] += 1
            continue
        if why := _why_not(numbers, recipe, own):
            left_out[why] += 1
        else:
            models[path] = {name: _value(name, numbers) for name in region.ranges}
    outside = why_outside(list(models.values()), region, cache)
    left_out.update(f"outside {entry}" for entry in outside if entry)
    models = {path: point for (path, point), entry in zip(models.items(), outside, strict=True) if not entry}
    reasons = "; ".join(f"{number} {why}" for why, number in left_out.most_common())
    if not models:
        raise DatasetError(f"{source}: no model can be taken over: {reasons or 'there is none'}")
    record_identity(folder, identity)
    names = {NAME.format(digest_of(path)[:DIGITS]): path for path in models}
    for name, path in names.items():
        _link(path, folder / name)
    write_json(folder / TAKEN_FILE, {"from": [*known["from"], there], "models": {
        **known["models"], **{name: models[path] for name, path in names.items()}}})
    return f"{source}: {len(models)} models taken over" + f"; left out: {reasons}" * bool(reasons)


def _require_alike(source: Path, identity: Mapping[str, Any]) -> None:
    """DatasetError if no model of the source can fit, with the reason."""
    if not (source / "models" / RECIPE_FILE).exists():
        raise DatasetError(f"{source}: is not the work folder of a recipe of one level (there is no "
                           f"models/{RECIPE_FILE}){_what_it_is(source)}")
    theirs = read_identity(source / "models")
    try:
        reasons = list(_differences(identity, theirs))
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{source / 'models' / RECIPE_FILE} is damaged, so that the models beside it are "
                           "unidentified") from error
    if reasons:
        raise DatasetError(f"{source}: no model can be taken over: {'; '.join(reasons)}")


def _what_it_is(source: Path) -> str:
    if (source / RECIPE_FILE).exists():
        return ": it has models of two levels of fidelity, which other recipes cannot use"
    if next(source.glob("identity.json"), None) or next(source.glob("*/identity.json"), None):
        return (": it has models of learning runs, which lie on CLASS's own grids and not on those of recipes; "
                f"`cosmicnet learned {source} --install NAME` makes a set of what was learned")
    return ""


def _differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    if mine["class"] != theirs["class"]:
        yield (f"they were integrated by CLASS {theirs['class']['version']}, and this is "
               f"{mine['class']['version']}" if mine["class"]["version"] != theirs["class"]["version"] else
               "they were integrated by a CLASS with other equations")
    if mine["grids"] != theirs["grids"]:
        yield "they lie on other grids, of another version of this package"
    ours, sampled = mine["class_settings"], {*mine["sampling"]["ranges"], *theirs["sampling"]["ranges"]}
    for name in sorted({*ours, *theirs["class_settings"]} - sampled):
        here, there = (settings.get(name, "not set") for settings in (ours, theirs["class_settings"]))
        if here != there:
            yield f"class_settings.{name} is {there} there, and {here} here"
    for name in sorted({*theirs["sampling"]["ranges"]} - {*mine["sampling"]["ranges"], *ours}):
        yield f"{name} varies there, and this recipe has no such parameter"


def _why_not(numbers: Numbers, recipe: Recipe, own: RequestSummary | None) -> str:
    """Why a model does not fit, whatever the ranges; '' if it does. own: a request of this recipe."""
    sampled = recipe.sampling.ranges
    if lacking := [name for name in sampled if name not in {**numbers["parameters"], **_reported(numbers)}]:
        return f"without a value of {lacking[0]}, which CLASS did not report"
    for name, value in numbers["parameters"].items():
        # without a range it is a setting
        wanted = value if name in sampled else recipe.class_settings[name]
        if not (isinstance(wanted, (int, float)) and abs(value - wanted) <= SETTING_TOLERANCE * abs(wanted)):
            return f"with another {name} than class_settings.{name} = {wanted}"
    cosmology, setup, precision = (dict(numbers[group]) for group in ("cosmology", "setup", "precision"))
    theirs = RequestSummary({}, cosmology, setup, precision, {})
    varying = {*sampled, *numbers["parameters"], *OF_REIONIZATION}
    different = [] if own is None else list(different_settings(own, theirs, varying))
    return f"with another {different[0]}" if different else ""


def _reported(numbers: Numbers) -> dict[str, float]:
    return {**numbers["setup"], **numbers["cosmology"]}


def _value(name: str, numbers: Numbers) -> float:
    """A parameter as it was sampled, or as CLASS reported it."""
    return {**_reported(numbers), **numbers["parameters"]}[name]


def _link(path: Path, target: Path) -> None:
    """The same file in another folder, which needs no space on the same disk; a copy on another one."""
    with suppress(FileExistsError):
        try:
            os.link(path.resolve(), target)
        except FileExistsError:
            raise
        except OSError:
            unfinished = target.with_name(f"{target.name}.{os.getpid()}{UNFINISHED}")
            shutil.copyfile(path, unfinished)
            os.replace(unfinished, target)
