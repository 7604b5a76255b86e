"""The recipe of a network set: one TOML file, every key checked before anything is computed."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cosmicnet.errors import CosmicnetError
from cosmicnet.fields import FIELDS

__all__ = ["COMPUTED", "PARAMETERS", "Recipe", "RecipeError", "load_recipe"]

# The parameter whose effect is computed when the networks are used, so that it has a domain but is not sampled.
COMPUTED = "tau_reio"

# What may be sampled: coverage looks for the same name among the numbers that CLASS computed.
PARAMETERS = ("omega_b", "omega_cdm", "H0", "N_ur", "m_ncdm", "omega_ncdm", "w0_fld", "wa_fld", "YHe")


class RecipeError(CosmicnetError):
    """A recipe that cannot be read or has a wrong entry."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Ranges = Annotated[dict[str, tuple[float, float]], Field(min_length=1)]
RelativeError = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Sampling(_Strict):
    """ranges: CLASS parameter to the interval that is sampled, a little wider than the domain."""

    models: int = Field(ge=20)
    seed: int
    ranges: Ranges


class Reduction(_Strict):
    """tolerance: weighted relative rms error of the compression, by field name; default for the others."""

    default: RelativeError
    tolerance: dict[str, RelativeError] = {}

    @model_validator(mode="after")
    def _names(self) -> Reduction:
        known = [f.name for f in FIELDS]
        for name in self.tolerance:
            if name not in known:
                raise ValueError(_unknown(f"field {name}", name, known))
        return self


class Training(_Strict):
    """degree_early, degree_late: of the skip connection's monomials. hidden: widths of the dense layers."""

    degree_early: int = Field(ge=1, le=6)
    degree_late: int = Field(ge=1, le=6)
    hidden: list[Count]
    epochs: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    validation_fraction: float = Field(gt=0, lt=0.5)
    seed: int


class Recipe(_Strict):
    """Everything that determines a network set."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    description: str
    domain: Ranges
    class_settings: dict[str, str | int | float]
    sampling: Sampling
    reduction: Reduction
    training: Training

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        ranges = self.sampling.ranges
        _require_ranges("domain", self.domain, (*PARAMETERS, COMPUTED))
        _require_ranges("sampling.ranges", ranges, PARAMETERS)
        differ = (set(self.domain) ^ set(ranges)) - {COMPUTED}
        if differ:
            raise ValueError("domain and sampling.ranges must name the same parameters, but differ in "
                             + ", ".join(sorted(differ)))
        for name, (low, high) in self.domain.items():
            if name == COMPUTED:
                continue
            first, last = ranges[name]
            if not (first <= low and high <= last):
                raise ValueError(f"sampling.ranges.{name} = [{first:g}, {last:g}] must contain the domain "
                                 f"[{low:g}, {high:g}]")
        twice = sorted(set(ranges) & set(self.class_settings))
        if twice:
            raise ValueError(f"{', '.join(twice)}: in class_settings and in sampling.ranges, must be in one only")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; RecipeError names the file, the entry and what is allowed."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error
    try:
        return Recipe(**data)
    except ValidationError as error:
        lines = [_explain(e["type"], e["loc"], e["msg"]) for e in error.errors()]
        raise RecipeError(f"{path}:\n  " + "\n  ".join(lines)) from error


def _require_ranges(where: str, ranges: Mapping[str, tuple[float, float]], known: tuple[str, ...]) -> None:
    for name, (low, high) in ranges.items():
        if name not in known:
            raise ValueError(_unknown(f"{where}.{name}", name, known))
        if not low < high:
            raise ValueError(f"{where}.{name} = [{low:g}, {high:g}]: the first must be smaller")


def _explain(kind: str, location: tuple[str | int, ...], message: str) -> str:
    """One line for one error of pydantic."""
    where = ".".join(map(str, location)) or "recipe"
    if kind == "extra_forbidden":
        return _unknown(where, str(location[-1]), _entries(location[:-1]))
    return f"{where}: {message.removeprefix('Value error, ')}"


def _entries(location: tuple[str | int, ...]) -> list[str]:
    """The names of the entries that a table of the recipe may have."""
    table: Any = Recipe
    for name in location:
        table = table.model_fields[name].annotation
    return list(table.model_fields)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{what}: unknown; {meant}Known: {', '.join(names)}"
