"""The recipe of a network set: one TOML file, every key checked before anything is computed."""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from cosmicnet.choice import AUTO
from cosmicnet.fields import FIELDS, INPUTS, PARAMETERS
from cosmicnet.region import LinearConstraint

from .class_names import LARGE_TABLES, UNREIONIZED, clashes, lacking, outside_possible, why_not_sampled
from .toml import RecipeError, Strict, load_toml, unknown

__all__ = [
    "COMPUTED", "DERIVED_PARAMETERS", "PARAMETERS", "TAU_REIO", "Accuracy", "ClassSettings", "Count", "Name", "Recipe",
    "RecipeError", "Sampling", "Seed", "Target", "load_recipe", "require_ordered", "require_possible", "setting",
]

# The parameter whose effect is computed when the networks are used, so that it has a domain but is not sampled.
COMPUTED = "tau_reio"
# Range of tau_reio for measurements of networks: CLASS's default parametrization has a solution there.
TAU_REIO = (0.01, 0.13)

# Derived quantities that a domain may limit.
DERIVED_PARAMETERS = ("100*theta_s",)


def setting(value: Any) -> Any:
    """A value that CLASS accepts: pydantic alone would take true for 1, and report three types."""
    if isinstance(value, bool):
        raise ValueError('must be a text or a number; CLASS says "yes" and "no"')
    if isinstance(value, list):
        raise ValueError('must be a text or a number; a list is written as a text, "1, 2, 3"')
    if not isinstance(value, (str, int, float)) or not (isinstance(value, str) or math.isfinite(value)):
        raise ValueError("must be a text or a finite number")
    return value


def _with_needs(given: dict[str, str | int | float]) -> dict[str, str | int | float]:
    """The settings with those that the integration of models needs, where the recipe has no other value for them."""
    return {**given, **{name: value for name, value in (LARGE_TABLES | UNREIONIZED).items() if name not in given}}


# Strict numbers: neither "20" nor true.
Number = Annotated[float, Field(strict=True)]
Positive = Annotated[float, Field(strict=True, gt=0)]
Ranges = Annotated[dict[str, tuple[Number, Number]], Field(min_length=1)]
RelativeError = Annotated[float, Field(strict=True, gt=0, lt=1)]
# Above any real training set, so that a typing error does not fill the memory.
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Width = Annotated[int, Field(strict=True, ge=1, le=4096)]
Degree = Annotated[int, Field(strict=True, ge=1, le=6)]
# Keras's range
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
# names of folders and files
def _no_choice(name: str) -> str:
    if name == AUTO:
        raise ValueError(f"{AUTO} leaves the choice of a set to the run; choose another name")
    return name


Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=100), AfterValidator(_no_choice)]
# Seeds of the models by which `make` decides whether to go on, and of those of `evaluate`.
UNSEEN_SEEDS = MAKE_SEED, EVALUATE_SEED = 201907, 190705764

ClassSettings = dict[str, Annotated[str | int | float, BeforeValidator(setting)]]


class Around(Strict):
    """An ellipsoid: all that lies within `sigmas` of the mean of a chain (root of getdist's files) or of the means
    given, by its covariance or that of a file (as Cobaya writes them: a line '# name name ...', then the matrix).
    Paths are relative to the recipe. The sampled ellipsoid is `margin` times as large as the domain."""

    sigmas: Positive
    chain: str | None = None
    covariance: str | None = None
    mean: dict[str, Number] = Field(default_factory=dict)
    margin: float = Field(default=1.05, ge=1, strict=True)

    @model_validator(mode="after")
    def _one_source(self) -> Around:
        if (self.chain is None) == (self.covariance is None):
            raise ValueError("give either chain or covariance")
        if (self.covariance is None) != (not self.mean):
            raise ValueError("mean: is needed with covariance, and comes from the chain otherwise")
        return self


class Sampling(Strict):
    """ranges: CLASS parameter to the interval that is sampled, a little wider than the domain. models: how many, to
    begin with if there is a target. design: 'latin', a hypercube of just so many, or 'sobol', a sequence that can
    go on. derived: ranges of quantities that CLASS derives."""

    models: Annotated[Count, Field(ge=20)]
    seed: Seed
    ranges: Ranges
    design: Literal["latin", "sobol"] = "latin"
    derived: dict[str, tuple[Number, Number]] = Field(default_factory=dict)
    ellipsoid: Around | None = None

    @model_validator(mode="after")
    def _not_the_unseen(self) -> Sampling:
        if self.seed in UNSEEN_SEEDS:
            raise ValueError(f"seed = {self.seed}: is that of the unseen models by which networks are judged; models "
                             "of the training must be others")
        return self


class Target(Strict):
    """Models are added until 95% of `unseen` models of the domain have a Wishart chi2 below this, or until there are
    `models_max` of them or `hours` are over. hours: of one run of `make`; a round that has begun is finished."""

    wishart_chi2: Positive
    models_max: Count
    hours: Positive | None = None
    unseen: Annotated[Count, Field(ge=5)] = 20


# The largest error of 95% of the models, or [that of the median model, that of 95%], by name as in accuracy.json.
Accuracy = dict[str, Positive | tuple[Positive, Positive]]


class Reduction(Strict):
    """tolerance: weighted relative rms error of the compression, by field name; default for the others."""

    default: RelativeError
    tolerance: dict[str, RelativeError] = Field(default_factory=dict)

    def of(self, field: str) -> float:
        """The tolerance of the field of this name."""
        return self.tolerance.get(field, self.default)


class Training(Strict):
    """degree_early, degree_late: of the skip connection's monomials. linear: inputs of so narrow a range that they
    enter it linearly and alone. hidden: widths of the dense layers."""

    degree_early: Degree
    degree_late: Degree
    linear: list[str] = Field(default_factory=lambda: ["N_ur", "m_ncdm"])
    hidden: list[Width]
    epochs: int = Field(strict=True, ge=0, le=1_000_000)
    learning_rate: Positive
    validation_fraction: float = Field(strict=True, gt=0, lt=0.5)
    seed: Seed


class Recipe(Strict):
    """Everything that determines a network set. constraints: linear, on the domain and the sampled region.
    class_settings: settings that the integration needs are added. accuracy: targets of `cosmicnet evaluate` for the
    whole domain; target.wishart_chi2 by default."""

    name: Name
    description: str
    constraints: list[str] = Field(default_factory=list)
    domain: Ranges
    class_settings: Annotated[ClassSettings, AfterValidator(_with_needs)]
    sampling: Sampling
    target: Target | None = None
    accuracy: Accuracy | None = None
    reduction: Reduction
    training: Training

    @model_validator(mode="before")
    @classmethod
    def _of_this_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and "companion" in data:
            raise ValueError("companion: is of the networks of CosmicNet I; make them with `cosmicnet paper make`")
        if isinstance(data, dict) and "levels" in data:
            raise ValueError("levels: is of recipes of two levels of fidelity, but one of one level is needed here")
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        for check in (self._check_ranges, self._check_names, self._check_constraints, self._check_target):
            check()
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Recipes from before `accuracy` have no such entry."""
        entries: dict[str, Any] = serialize(self)
        if self.accuracy is None:
            entries.pop("accuracy", None)
        return entries

    def linear_constraints(self) -> list[LinearConstraint]:
        """ValueError for one that cannot be read."""
        try:
            return [LinearConstraint.parse(text) for text in self.constraints]
        except ValueError as error:
            raise ValueError(f"constraints: {error}") from error

    def _check_ranges(self) -> None:
        ranges = {**self.sampling.ranges, **self.sampling.derived}
        _require_parameters("domain", self.domain, (COMPUTED, *DERIVED_PARAMETERS))
        _require_parameters("sampling.ranges", self.sampling.ranges)
        for name in self.sampling.derived:
            if name not in DERIVED_PARAMETERS:
                raise ValueError(unknown(f"sampling.derived.{name}", name, DERIVED_PARAMETERS))
        for where, table in (("domain", self.domain), ("sampling.ranges", self.sampling.ranges),
                             ("sampling.derived", self.sampling.derived)):
            require_ordered(table, f"{where}.")
        require_possible(self.sampling.ranges, "sampling.ranges.")
        for where, table in (("sampling.ranges", self.sampling.ranges), ("sampling.derived", self.sampling.derived)):
            for name in table:
                if name not in self.domain:
                    raise ValueError(unknown(f"{where}.{name}, which domain does not have", name, self.domain))
        for name in self.domain:
            if name != COMPUTED and name not in ranges:
                where = "sampling.derived" if name in DERIVED_PARAMETERS else "sampling.ranges"
                raise ValueError(f"domain.{name}: {where} must have it as well")
        for name, (low, high) in self.domain.items():
            if name == COMPUTED:
                if not (low < TAU_REIO[1] and TAU_REIO[0] < high):
                    raise ValueError(f"domain.{name} = [{low:g}, {high:g}]: must have a part of [{TAU_REIO[0]:g}, "
                                     f"{TAU_REIO[1]:g}], where CLASS has a history of reionisation")
                continue
            first, last = ranges[name]
            entry = "derived" if name in DERIVED_PARAMETERS else "ranges"
            if not (first <= low and high <= last):
                raise ValueError(f"sampling.{entry}.{name} = [{first:g}, {last:g}] must contain the domain "
                                 f"[{low:g}, {high:g}]")
        twice = sorted(set(ranges) & set(self.class_settings))
        if twice:
            raise ValueError(f"class_settings.{twice[0]}: is in sampling.ranges too, must be in one only")
        for setting, why in (*clashes(self.class_settings, ranges), *lacking(self.class_settings)):
            raise ValueError(f"class_settings.{setting}: {why}")

    def _check_names(self) -> None:
        known = [f.name for f in FIELDS]
        for name in self.reduction.tolerance:
            if name not in known:
                raise ValueError(unknown(f"reduction.tolerance.{name}", name, known))
        inputs = [*INPUTS, *(name for name in self.sampling.ranges if name not in PARAMETERS)]
        for name in self.training.linear:
            if name not in inputs:
                raise ValueError(unknown(f"training.linear: {name}", name, inputs))
        around = self.sampling.ellipsoid
        for name in around.mean if around else ():
            if name not in self.sampling.ranges:
                raise ValueError(unknown(f"sampling.ellipsoid.mean.{name}", name, self.sampling.ranges))

    def _check_constraints(self) -> None:
        for constraint in self.linear_constraints():
            for name in constraint.coefficients:
                if name not in self.sampling.ranges:
                    raise ValueError(unknown(f"constraints: {constraint.text}: {name}", name, self.sampling.ranges))
            # a sum is smallest in a corner of a box
            corner = {name: self.domain[name][0 if coefficient > 0.0 else 1]
                      for name, coefficient in constraint.coefficients.items()}
            if sum(c * corner[name] for name, c in constraint.coefficients.items()) >= constraint.limit:
                nearest = ", ".join(f"{name} = {value:g}" for name, value in corner.items())
                raise ValueError(f"constraints: {constraint.text}: leaves nothing of the domain, where the nearest "
                                 f"corner has {nearest}")

    def _check_target(self) -> None:
        if self.target is None:
            return
        if self.sampling.design != "sobol":
            raise ValueError('sampling.design: must be "sobol" where there is a target: a Latin hypercube cannot grow')
        if self.target.models_max < self.sampling.models:
            raise ValueError(f"target.models_max = {self.target.models_max}: smaller than sampling.models = "
                             f"{self.sampling.models}")


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; RecipeError names the file, the line, the entry and the allowed values."""
    return load_toml(path, Recipe)


def _require_parameters(where: str, names: Iterable[str], besides: tuple[str, ...] = ()) -> None:
    """Names of parameters that may be sampled, or those besides."""
    for name in names:
        if name not in besides and (why := why_not_sampled(name)):
            raise ValueError(f"{where}.{name}: {why}")


def require_ordered(entries: Mapping[str, Any], where: str = "") -> None:
    """ValueError for an interval whose first number is not smaller; entries of other kinds pass."""
    for name, value in entries.items():
        if isinstance(value, tuple) and not value[0] < value[1]:
            raise ValueError(f"{where}{name} = [{value[0]:g}, {value[1]:g}]: the first must be smaller")


def require_possible(entries: Mapping[str, Any], where: str = "") -> None:
    """ValueError for an interval in which CLASS does not integrate reliably; entries of other kinds pass."""
    for name, value in entries.items():
        if isinstance(value, tuple) and (why := outside_possible(name, *value)):
            raise ValueError(f"{where}{name} = [{value[0]:g}, {value[1]:g}]: {why}")
