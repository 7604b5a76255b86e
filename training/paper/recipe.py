"""The recipe of the first paper's networks: one TOML file, every key checked before anything is computed."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cosmicnet.paper.architecture import Architecture, Convolution
from cosmicnet.paper.inputs import COSMOLOGY
from cosmicnet.training.boxes import Box
from cosmicnet.training.config import RecipeError

__all__ = ["SETS", "Hyperparameters", "NetworkRecipe", "PaperRecipe", "SearchRecipe", "SetRecipe", "load_paper_recipe"]

SETS = ("training", "validation", "hyperparameters", "test")

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Whole = tuple[Count, Count]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Gaussian(_Strict):
    """Mean and standard deviation of a parameter, in CLASS's units."""

    mean: float
    sigma: Positive


class SetRecipe(_Strict):
    """The first `models` points of a Latin hypercube of `hypercube` points (default: all), and its seed.

    With a larger hypercube, models can be added later without computing anything again.
    """

    models: Count
    seed: int
    hypercube: Count | None = None

    @property
    def points(self) -> int:
        return self.hypercube or self.models

    @model_validator(mode="after")
    def _prefix(self) -> SetRecipe:
        if self.points < self.models:
            raise ValueError(f"models = {self.models} are more than the {self.points} points of the hypercube")
        return self


class Sets(_Strict):
    """The four independent sets of section 3.1."""

    training: SetRecipe
    validation: SetRecipe
    hyperparameters: SetRecipe
    test: SetRecipe

    @model_validator(mode="after")
    def _independent(self) -> Sets:
        seeds = [getattr(self, name).seed for name in SETS]
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"the sets must be independent, but two have the same seed: {seeds}")
        return self


class Hyperparameters(_Strict):
    """What the search draws: widths of dense layers; filters, kernel, stride and pool of convolutions.

    times: layers behind g, g', e^-kappa and times, one after the other, of which the first also skips to the output;
    a single one goes to the central layers. parameters, scales: the single layer behind each. central: the dense
    layers before the output.
    """

    times: list[Count] = Field(min_length=1)
    parameters: Count
    scales: Count
    oscillations: list[tuple[Count, Count, Count, Count]] = Field(min_length=1)
    damping: list[tuple[Count, Count, Count, Count]] = Field(min_length=1)
    central: list[Count] = Field(min_length=1)

    def architecture(self, source: str) -> Architecture:
        return Architecture(
            source, tuple(self.times), self.parameters, self.scales,
            tuple(Convolution(*c) for c in self.oscillations), tuple(Convolution(*c) for c in self.damping),
            tuple(self.central))


class NetworkRecipe(_Strict):
    """One of the three networks and how long it trains."""

    epochs: Count
    hyperparameters: Hyperparameters


class Networks(_Strict):
    t0: NetworkRecipe
    t1: NetworkRecipe
    t2: NetworkRecipe


class TrainingRecipe(_Strict):
    learning_rate: Positive
    seed: int


class SearchRecipe(_Strict):
    """The search of section 3.2: draws from log-uniform ranges, of which keep are judged by their C_l.

    epochs: of every draw, by network. width: of dense layers; filters, kernel, stride, pool: of convolutions;
    first_stride: of the one that sees the wavenumbers; all [lowest, highest].
    """

    draws: Count
    keep: Count
    seed: int
    epochs: dict[str, Count]
    width: Whole
    filters: Whole
    kernel: Whole
    stride: Whole
    first_stride: Whole
    pool: Whole

    @model_validator(mode="after")
    def _consistent(self) -> SearchRecipe:
        if self.keep > self.draws:
            raise ValueError(f"keep = {self.keep} cannot be more than draws = {self.draws}")
        if set(self.epochs) != {"t0", "t1", "t2"}:
            raise ValueError(f"epochs must name t0, t1 and t2, but names {', '.join(self.epochs)}")
        for name in ("width", "filters", "kernel", "stride", "first_stride", "pool"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} = [{low}, {high}]: the first must not be larger")
        return self


class ReportRecipe(_Strict):
    """source_models, timing_models: cosmologies of the test set whose sources are compared and that are timed."""

    source_models: Count
    timing_models: Count


class PaperRecipe(_Strict):
    """Everything that determines the paper's networks.

    sigmas: half the side of the box; box: mean and standard deviation of each parameter. companion: the shipped set
    that gives the lensing and matter sources.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    description: str
    companion: str
    sigmas: Positive
    box: dict[str, Gaussian]
    class_settings: dict[str, str | int | float]
    sets: Sets
    networks: Networks
    training: TrainingRecipe
    search: SearchRecipe
    report: ReportRecipe

    @model_validator(mode="after")
    def _parameters(self) -> PaperRecipe:
        if tuple(self.box) != COSMOLOGY:
            raise ValueError(f"box must name {', '.join(COSMOLOGY)} in this order, but names {', '.join(self.box)}")
        twice = sorted(set(self.box) & set(self.class_settings))
        if twice:
            raise ValueError(f"{', '.join(twice)}: in class_settings and in box, must be in one only")
        return self

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return {name: (g.mean - self.sigmas * g.sigma, g.mean + self.sigmas * g.sigma)
                for name, g in self.box.items()}

    @property
    def centre(self) -> dict[str, float]:
        return {name: g.mean for name, g in self.box.items()}

    def test_box(self) -> Box:
        """The unseen cosmologies, in the form that `cosmicnet evaluate` takes."""
        return Box(f"paper_{self.sigmas:g}_sigma", f"±{self.sigmas:g} sigma box", self.bounds, self.sets.test.seed)


def load_paper_recipe(path: Path) -> PaperRecipe:
    """Read and check a recipe; RecipeError names the file, the entry and what is allowed."""
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error
    try:
        return PaperRecipe(**data)
    except ValidationError as error:
        raise RecipeError(f"{path}:\n  " + "\n  ".join(_explanations(error))) from error


def _explanations(error: ValidationError) -> Iterator[str]:
    known = {name for model in _models(PaperRecipe) for name in model.model_fields}
    for entry in error.errors():
        where = ".".join(map(str, entry["loc"])) or "recipe"
        if entry["type"] == "extra_forbidden":
            near = get_close_matches(str(entry["loc"][-1]), known, n=1)
            yield f"{where}: unknown" + (f"; did you mean {near[0]}?" if near else "")
        else:
            yield f"{where}: {entry['msg'].removeprefix('Value error, ')}"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _models(field.annotation)
