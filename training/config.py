"""The recipe of a network set: one TOML file, every key checked before anything is computed."""
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cosmicnet.errors import CosmicnetError
from cosmicnet.fields import FIELDS

__all__ = ["COMPUTED", "Recipe", "RecipeError", "load_recipe"]

# The parameter whose effect is computed when the networks are used, so that it has a domain but is not sampled.
COMPUTED = "tau_reio"


class RecipeError(CosmicnetError):
    """A recipe that cannot be read or has a wrong entry."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sampling(_Strict):
    """ranges: CLASS parameter to the interval that is sampled, a little wider than the domain."""

    models: int = Field(ge=20)
    seed: int
    ranges: dict[str, tuple[float, float]]


class Reduction(_Strict):
    """tolerance: weighted relative rms error of the compression, by field name; default for the others."""

    default: float = Field(gt=0, lt=1)
    tolerance: dict[str, float] = {}

    @model_validator(mode="after")
    def _names(self) -> Reduction:
        unknown = set(self.tolerance) - {f.name for f in FIELDS}
        if unknown:
            raise ValueError(f"unknown field {', '.join(sorted(unknown))}; known: "
                             f"{', '.join(f.name for f in FIELDS)}")
        return self


class Training(_Strict):
    """degree_early, degree_late: of the skip connection's monomials. hidden: widths of the dense layers."""

    degree_early: int = Field(ge=1, le=6)
    degree_late: int = Field(ge=1, le=6)
    hidden: list[int]
    epochs: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    validation_fraction: float = Field(gt=0, lt=0.5)
    seed: int


class Recipe(_Strict):
    """Everything that determines a network set."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    description: str
    domain: dict[str, tuple[float, float]]
    class_settings: dict[str, str | int | float]
    sampling: Sampling
    reduction: Reduction
    training: Training

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        for where, ranges in (("domain", self.domain), ("sampling.ranges", self.sampling.ranges)):
            for name, (low, high) in ranges.items():
                if not low < high:
                    raise ValueError(f"{where}.{name} = [{low:g}, {high:g}]: the first must be smaller")
        differ = (set(self.domain) ^ set(self.sampling.ranges)) - {COMPUTED}
        if differ:
            raise ValueError("domain and sampling.ranges must name the same parameters, but differ in "
                             + ", ".join(sorted(differ)))
        for name, (low, high) in self.domain.items():
            if name == COMPUTED:
                continue
            first, last = self.sampling.ranges[name]
            if not (first <= low and high <= last):
                raise ValueError(f"sampling.ranges.{name} = [{first:g}, {last:g}] must contain the domain "
                                 f"[{low:g}, {high:g}]")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; RecipeError names the file, the entry and what is allowed."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: {error}") from error
    try:
        return Recipe(**data)
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc']) or 'recipe'}: {e['msg']}" for e in error.errors()]
        raise RecipeError(f"{path}:\n  " + "\n  ".join(lines)) from error
