"""The recipe of the first paper's networks: one TOML file, every key checked before anything is computed."""
from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from cosmicnet.paper.architecture import Architecture, Convolution, layers
from cosmicnet.paper.inputs import COSMOLOGY

from ..evaluate.boxes import Box
from ..evaluate.domain import PRIMORDIAL
from ..recipe.class_names import clashes
from ..recipe.schema import ClassSettings, Count, Name, Positive, Seed
from ..recipe.toml import Strict, load_toml, unknown

__all__ = ["OWN", "SETS", "Hyperparameters", "NetworkRecipe", "PaperRecipe", "SearchRecipe", "SetRecipe",
           "TrainingRecipe", "draw_architecture", "hyperparameters_table", "load_paper_recipe", "without_wavenumbers"]

SETS = ("training", "validation", "hyperparameters", "test")

# The draw of a search that has the recipe's own hyperparameters.
OWN = 0

# Output settings that sources and their C_l need, with the paper's values.
NEEDED = {"output": '"tCl,pCl,lCl"', "l_max_scalars": "2508"}

# Settings of CLASS's output.
OUTPUT = frozenset({"output", "lensing", "l_max_scalars", "P_k_max_1/Mpc", "P_k_max_h/Mpc", "z_max_pk", "z_pk"})

Whole = tuple[Count, Count]
# A kernel of width 1 skips inputs between strides, and TensorFlow's oneDNN then writes past its memory.
Kernel = Annotated[int, Field(strict=True, ge=2)]


class Gaussian(Strict):
    """Mean and standard deviation of a parameter, in CLASS's units."""

    mean: Annotated[float, Field(strict=True)]
    sigma: Positive


class SetRecipe(Strict):
    """The first `models` points of a Latin hypercube of `hypercube` points (default: all), and its seed.

    With a larger hypercube, models can be added later without computing anything again.
    """

    models: Count
    seed: Seed
    hypercube: Count | None = None

    @property
    def points(self) -> int:
        return self.hypercube or self.models

    @model_validator(mode="after")
    def _prefix(self) -> SetRecipe:
        if self.points < self.models:
            raise ValueError(f"models = {self.models} are more than the {self.points} points of the hypercube")
        return self


class Sets(Strict):
    """The four independent sets of section 3.1."""

    training: SetRecipe
    validation: SetRecipe
    hyperparameters: SetRecipe
    test: SetRecipe

    @model_validator(mode="after")
    def _independent(self) -> Sets:
        seeds: dict[int, str] = {}
        for name in SETS:
            seed = getattr(self, name).seed
            if seed in seeds:
                raise ValueError(f"{name}.seed: the sets must be independent, but that of {seeds[seed]} is {seed}, too")
            seeds[seed] = name
        return self


class Hyperparameters(Strict):
    """Hyperparameters of a draw: widths of dense layers; filters, kernel, stride and pool of convolutions.

    times: layers behind g, g', e^-kappa and times, one after the other, of which the first also skips to the output;
    a single one goes to the central layers. parameters, scales: the single layer behind each. central: the dense
    layers before the output.
    """

    times: list[Count] = Field(min_length=1)
    parameters: Count
    scales: Count
    oscillations: list[tuple[Count, Kernel, Count, Count]] = Field(min_length=1)
    damping: list[tuple[Count, Kernel, Count, Count]] = Field(min_length=1)
    central: list[Count] = Field(min_length=1)

    def architecture(self, source: str) -> Architecture:
        return Architecture(
            source, tuple(self.times), self.parameters, self.scales,
            tuple(Convolution(*c) for c in self.oscillations), tuple(Convolution(*c) for c in self.damping),
            tuple(self.central))


def hyperparameters_table(architecture: Architecture) -> str:
    """The table of a recipe, in TOML, that gives this architecture."""
    a = architecture
    given = Hyperparameters(
        times=list(a.times), parameters=a.parameters, scales=a.scales, oscillations=list(map(astuple, a.oscillations)),
        damping=list(map(astuple, a.damping)), central=list(a.central))
    # whole numbers and lists of them are the same in JSON and TOML
    entries = [f"{name} = {json.dumps(value)}" for name, value in given.model_dump().items()]
    return "\n".join([f"[networks.{a.source}.hyperparameters]", *entries])


class NetworkRecipe(Strict):
    """One of the three networks and how long it trains."""

    epochs: Count
    hyperparameters: Hyperparameters


class Networks(Strict):
    t0: NetworkRecipe
    t1: NetworkRecipe
    t2: NetworkRecipe


class TrainingRecipe(Strict):
    """The optimizer and its rate; learning_rate_end: that of the last epoch, reached geometrically (default: constant,
    as section 3.2 has it).

    Not in the paper: optimizer = "soap" (training/work/soap.py), and weighted_in_time, a loss whose weight is the
    inverse of the source's rms at each time.
    """

    optimizer: Literal["adam", "soap"] = "adam"
    weighted_in_time: bool = False
    learning_rate: Positive
    learning_rate_end: Positive | None = None
    seed: Seed

    @model_validator(mode="after")
    def _falling(self) -> TrainingRecipe:
        if self.learning_rate_end is not None and self.learning_rate_end > self.learning_rate:
            raise ValueError(f"learning_rate_end = {self.learning_rate_end:g} must not be above learning_rate = "
                             f"{self.learning_rate:g}")
        return self


class SearchRecipe(Strict):
    """The search of section 3.2: draws from log-uniform ranges, of which keep are judged by their C_l.

    epochs: of every draw, by network. width: of dense layers; filters, kernel, stride, pool: of convolutions;
    first_stride: of the one that sees the wavenumbers; all [lowest, highest].
    """

    draws: Count
    keep: Count
    seed: Seed
    epochs: dict[str, Count]
    width: Whole
    filters: Whole
    kernel: tuple[Kernel, Kernel]
    stride: Whole
    first_stride: Whole
    pool: Whole

    @model_validator(mode="after")
    def _consistent(self) -> SearchRecipe:
        if self.keep > self.draws:
            raise ValueError(f"keep = {self.keep} cannot be more than draws = {self.draws}")
        if set(self.epochs) != {"t0", "t1", "t2"}:
            raise ValueError(f"epochs: must name t0, t1 and t2, but names {', '.join(self.epochs)}")
        for name in ("width", "filters", "kernel", "stride", "first_stride", "pool"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} = [{low}, {high}]: the first must not be larger")
        return self


class ReportRecipe(Strict):
    """source_models, timing_models: cosmologies of the test set whose sources are compared and that are timed."""

    source_models: Count
    timing_models: Count


class PaperRecipe(Strict):
    """Everything that determines the paper's networks.

    sigmas: half the side of the box; box: mean and standard deviation of each parameter. companion: the shipped set
    that gives the lensing and matter sources.
    """

    name: Name
    description: str
    companion: str
    sigmas: Positive
    box: dict[str, Gaussian]
    class_settings: ClassSettings
    sets: Sets
    networks: Networks
    training: TrainingRecipe
    search: SearchRecipe
    report: ReportRecipe

    @model_validator(mode="after")
    def _parameters(self) -> PaperRecipe:
        for name in self.box:
            if name not in COSMOLOGY:
                raise ValueError(unknown(f"box.{name}", name, COSMOLOGY))
        if tuple(self.box) != COSMOLOGY:
            raise ValueError(f"box: must name {', '.join(COSMOLOGY)} in this order, but names {', '.join(self.box)}")
        twice = sorted(set(self.box) & set(self.class_settings))
        if twice:
            raise ValueError(f"class_settings.{twice[0]}: is in box too, must be in one only")
        for setting, why in clashes(self.class_settings, self.box):
            raise ValueError(f"class_settings.{setting}: {why}")
        for name, value in NEEDED.items():
            if name not in self.class_settings:
                raise ValueError(f"class_settings.{name}: is missing; the paper has {value}")
        for name in ("source_models", "timing_models"):
            if getattr(self.report, name) > self.sets.test.models:
                raise ValueError(f"report.{name} = {getattr(self.report, name)} are more than the "
                                 f"{self.sets.test.models} models of sets.test")
        return self

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        return {name: (g.mean - self.sigmas * g.sigma, g.mean + self.sigmas * g.sigma)
                for name, g in self.box.items()}

    @property
    def centre(self) -> dict[str, float]:
        return {name: g.mean for name, g in self.box.items()}

    @property
    def physics(self) -> dict[str, Any]:
        """The settings of CLASS without those of its output."""
        return {name: value for name, value in self.class_settings.items() if name not in OUTPUT}

    def points(self, name: str) -> list[dict[str, float]]:
        """The sampled parameters of every model of a set; of the test set those whose sources are compared."""
        if name == "test":
            return [{p: float(point[p]) for p in self.box} for point in self.test_points()[:self.report.source_models]]
        from scipy.stats import qmc

        settings = getattr(self.sets, name)
        low, high = np.array(list(self.bounds.values())).T
        unit = qmc.LatinHypercube(len(self.box), seed=settings.seed).random(settings.points)[:settings.models]
        return [dict(zip(self.box, row, strict=True)) for row in (low + (high - low) * unit).tolist()]

    def test_points(self) -> list[dict[str, Any]]:
        """The unseen cosmologies, with `physics`. Where neutrinos are those of Planck's baseline, and nothing else is
        set, they are a box of `cosmicnet evaluate`."""
        box = Box(f"paper_{self.sigmas:g}_sigma", f"±{self.sigmas:g} sigma box", self.bounds, self.sets.test.seed)
        return [{**{name: point[name] for name in self.box}, **self.physics, **PRIMORDIAL}
                for point in box.points(self.sets.test.models)]


def load_paper_recipe(path: Path) -> PaperRecipe:
    """Read and check a recipe; RecipeError names the file, the line, the entry and the allowed values."""
    return load_toml(path, PaperRecipe)


def draw_architecture(recipe: PaperRecipe, source: str, number: int) -> Architecture:
    """The hyperparameters of a draw, from log-uniform ranges; as many layers as the recipe's network has, which is
    the first of them."""
    settings = recipe.search
    given: Hyperparameters = getattr(recipe.networks, source).hyperparameters
    if number == OWN:
        return given.architecture(source)
    generator = np.random.default_rng([settings.seed, zlib.crc32(source.encode()), number])

    def one(limits: tuple[int, int]) -> int:
        low, high = limits
        return int(np.exp(generator.uniform(np.log(low), np.log(high + 1))))

    def convolutions(number_of_layers: int) -> tuple[Convolution, ...]:
        return tuple(Convolution(one(settings.filters), one(settings.kernel),
                                 one(settings.stride if i else settings.first_stride), one(settings.pool))
                     for i in range(number_of_layers))

    return Architecture(
        source, tuple(one(settings.width) for _ in given.times), one(settings.width), one(settings.width),
        convolutions(len(given.oscillations)), convolutions(len(given.damping)),
        tuple(one(settings.width) for _ in given.central))


def without_wavenumbers(recipe: PaperRecipe, source: str, k_size: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """The entry of the recipe and the reason where its own strides and pools, or the largest that may be drawn, leave
    none of so many wavenumbers."""
    settings, given = recipe.search, getattr(recipe.networks, source).hyperparameters

    def largest(number: int) -> tuple[Convolution, ...]:
        return tuple(Convolution(1, 1, settings.stride[1] if i else settings.first_stride[1], settings.pool[1])
                     for i in range(number))

    own = given.architecture(source)
    largest_of_all = replace(own, oscillations=largest(len(given.oscillations)), damping=largest(len(given.damping)))
    for entry, architecture in ((("networks", source, "hyperparameters"), own), (("search",), largest_of_all)):
        try:
            layers(architecture, k_size)
        except ValueError as error:
            yield entry, f"the largest strides and pools are too much for {k_size} wavenumbers: {error}"
