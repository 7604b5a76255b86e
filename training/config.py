"""The recipe of a network set: one TOML file, every key checked before anything is computed."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cosmicnet.errors import CosmicnetError
from cosmicnet.fields import FIELDS, INPUTS
from cosmicnet.region import LinearConstraint

from .spelling import clashes
from .toml_lines import key_lines, line_of

__all__ = ["COMPUTED", "DERIVED", "PARAMETERS", "Recipe", "RecipeError", "Sampling", "Target", "load_recipe"]

# The parameter whose effect is computed when the networks are used, so that it has a domain but is not sampled.
COMPUTED = "tau_reio"

# What may be sampled: coverage looks for the same name among the numbers that CLASS computed.
PARAMETERS = ("omega_b", "omega_cdm", "H0", "N_ur", "T_ncdm", "m_ncdm", "omega_ncdm", "w0_fld", "wa_fld", "YHe")


# What a domain may limit besides, as CLASS derives it.
DERIVED = ("100*theta_s",)


class RecipeError(CosmicnetError):
    """A recipe that cannot be read or has a wrong entry."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Ranges = Annotated[dict[str, tuple[float, float]], Field(min_length=1)]
RelativeError = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Around(_Strict):
    """An ellipsoid: all that lies within `sigmas` of the mean of a chain (root of getdist's files) or of the means
    given, by its covariance or that of a file (as Cobaya writes them: a line '# name name ...', then the matrix).
    Paths are relative to the recipe. The sampled ellipsoid is `margin` times as large as the domain."""

    sigmas: float = Field(gt=0)
    chain: str | None = None
    covariance: str | None = None
    mean: dict[str, float] = {}
    margin: float = Field(default=1.05, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> Around:
        if (self.chain is None) == (self.covariance is None):
            raise ValueError("give either chain or covariance")
        if (self.covariance is None) != (not self.mean):
            raise ValueError("mean: is needed with covariance, and comes from the chain otherwise")
        return self


class Sampling(_Strict):
    """ranges: CLASS parameter to the interval that is sampled, a little wider than the domain. models: how many, to
    begin with if there is a target. design: 'latin', a hypercube of just so many, or 'sobol', a sequence that can
    go on. derived: what CLASS derives must lie within these, too."""

    models: int = Field(ge=20)
    seed: int = Field(ge=0)
    ranges: Ranges
    design: Literal["latin", "sobol"] = "latin"
    derived: dict[str, tuple[float, float]] = {}
    ellipsoid: Around | None = None


class Target(_Strict):
    """Models are added until 95% of `unseen` models of the domain have a Wishart chi2 below this, or until there are
    `models_max` of them or `hours` are over."""

    wishart_chi2: float = Field(gt=0)
    models_max: Count
    hours: float | None = Field(default=None, gt=0)
    unseen: int = Field(default=20, ge=5)


class Reduction(_Strict):
    """tolerance: weighted relative rms error of the compression, by field name; default for the others."""

    default: RelativeError
    tolerance: dict[str, RelativeError] = {}


class Training(_Strict):
    """degree_early, degree_late: of the skip connection's monomials. linear: inputs of so narrow a range that they
    enter it linearly and alone. hidden: widths of the dense layers."""

    degree_early: int = Field(ge=1, le=6)
    degree_late: int = Field(ge=1, le=6)
    linear: list[str] = ["N_ur", "m_ncdm"]
    hidden: list[Count]
    epochs: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    validation_fraction: float = Field(gt=0, lt=0.5)
    seed: int


class Recipe(_Strict):
    """Everything that determines a network set. constraints: linear, of the domain and of what is sampled."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    description: str
    constraints: list[str] = []
    domain: Ranges
    class_settings: dict[str, str | int | float]
    sampling: Sampling
    target: Target | None = None
    reduction: Reduction
    training: Training

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        for check in (self._check_ranges, self._check_names, self._check_target):
            check()
        return self

    def linear_constraints(self) -> list[LinearConstraint]:
        return [LinearConstraint.parse(text) for text in self.constraints]

    def _check_ranges(self) -> None:
        ranges = {**self.sampling.ranges, **self.sampling.derived}
        _require_ranges("domain", self.domain, (*PARAMETERS, COMPUTED, *DERIVED))
        _require_ranges("sampling.ranges", self.sampling.ranges, PARAMETERS)
        _require_ranges("sampling.derived", self.sampling.derived, DERIVED)
        differ = (set(self.domain) ^ set(ranges)) - {COMPUTED}
        if differ:
            raise ValueError("domain and sampling.ranges must name the same parameters, but differ in "
                             + ", ".join(sorted(differ)))
        for name, (low, high) in self.domain.items():
            if name == COMPUTED:
                continue
            first, last = ranges[name]
            table = "derived" if name in DERIVED else "ranges"
            if not (first <= low and high <= last):
                raise ValueError(f"sampling.{table}.{name} = [{first:g}, {last:g}] must contain the domain "
                                 f"[{low:g}, {high:g}]")
        twice = sorted(set(ranges) & set(self.class_settings))
        if twice:
            raise ValueError(f"class_settings.{twice[0]}: is in sampling.ranges too, must be in one only")
        for setting, why in clashes(self.class_settings, ranges):
            raise ValueError(f"class_settings.{setting}: {why}")

    def _check_names(self) -> None:
        known = [f.name for f in FIELDS]
        for name in self.reduction.tolerance:
            if name not in known:
                raise ValueError(_unknown(f"reduction.tolerance.{name}", name, known))
        for name in self.training.linear:
            if name not in INPUTS:
                raise ValueError(_unknown(f"training.linear: {name}", name, INPUTS))
        for constraint in self.linear_constraints():
            for name in constraint.coefficients:
                if name not in self.sampling.ranges:
                    raise ValueError(_unknown(f"constraints: {constraint.text}: {name}", name, self.sampling.ranges))
        around = self.sampling.ellipsoid
        for name in around.mean if around else ():
            if name not in self.sampling.ranges:
                raise ValueError(_unknown(f"sampling.ellipsoid.mean.{name}", name, self.sampling.ranges))

    def _check_target(self) -> None:
        if self.target is None:
            return
        if self.sampling.design != "sobol":
            raise ValueError('sampling.design: must be "sobol" where there is a target: a Latin hypercube cannot grow')
        if self.target.models_max < self.sampling.models:
            raise ValueError(f"target.models_max = {self.target.models_max}: smaller than sampling.models = "
                             f"{self.sampling.models}")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; RecipeError names the file, the line, the entry and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
        data: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error
    try:
        return Recipe(**data)
    except ValidationError as error:
        lines = key_lines(text)
        explained = [_with_line(lines, *_explain(e["type"], e["loc"], e["msg"])) for e in error.errors()]
        raise RecipeError(f"{path}:\n  " + "\n  ".join(dict.fromkeys(explained))) from error


def _require_ranges(where: str, ranges: Mapping[str, tuple[float, float]], known: tuple[str, ...]) -> None:
    for name, (low, high) in ranges.items():
        if name not in known:
            raise ValueError(_unknown(f"{where}.{name}", name, known))
        if not low < high:
            raise ValueError(f"{where}.{name} = [{low:g}, {high:g}]: the first must be smaller")


def _with_line(lines: Mapping[tuple[str, ...], int], path: tuple[str, ...], message: str) -> str:
    line = line_of(lines, path)
    return message if line is None else f"line {line}: {message}"


def _explain(kind: str, location: tuple[str | int, ...], message: str) -> tuple[tuple[str, ...], str]:
    """Path and text of one error of pydantic."""
    path = tuple(map(str, location))
    where = ".".join(path)
    text = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return path, _unknown(where, path[-1], _entries(location[:-1]))
    if kind == "value_error":
        # from a check of ours, which begins with the entry that it speaks of, below the table that was checked
        own = tuple(text.split(":")[0].split(" ")[0].rstrip(",").split(".", 2))
        return (*path, *own), f"{where}: {text}" if where else text
    return path, f"{where or 'recipe'}: {text}"


def _entries(location: tuple[str | int, ...]) -> list[str]:
    """The names of the entries that a table of the recipe may have."""
    table: Any = Recipe
    for name in location:
        annotation = table.model_fields[name].annotation
        # of `Table | None`, the table
        table = next((kind for kind in get_args(annotation) if kind is not type(None)), annotation)
    return list(table.model_fields)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{what}: unknown; {meant}Known: {', '.join(names)}"
