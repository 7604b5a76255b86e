"""A recipe of two levels of fidelity: the distribution of cosmologies, and CLASS's precision at both levels."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cosmicnet.fields import DENSITY_FIELDS

from ..models.cosmologies import Cosmology, PhysicalRanges, SampledBox, draw
from ..recipe.class_names import UNREIONIZED
from ..recipe.schema import Accuracy, ClassSettings, Count, Name, Positive, Ranges, Reduction, Seed, setting
from ..recipe.toml import Strict, load_toml, read_tables, unknown

__all__ = ["LEVELS", "Levels", "TwoLevelRecipe", "TwoLevelSampling", "has_levels", "load_two_level_recipe"]

# By fidelity, the lower first.
LEVELS = ("cheap", "converged")

# CLASS's own grids are larger than ours with these settings, so that its tables have room; models do not change.
LARGE_TABLES: dict[str, str | int | float] = {
    "l_max_scalars": 9500, "perturbations_sampling_stepsize": 0.03, "P_k_max_1/Mpc": 130}

Precision = dict[str, Annotated[float, BeforeValidator(setting)]]


class Every(Strict):
    """The cosmologies first, first + every, first + 2 every, ... of the sequence."""

    every: Annotated[int, Field(ge=1, strict=True)]
    first: Annotated[int, Field(ge=0, strict=True)]

    @model_validator(mode="after")
    def _first_of_every(self) -> Every:
        if self.first >= self.every:
            raise ValueError(f"first = {self.first}: must be smaller than every = {self.every}")
        return self

    def has(self, index: int) -> bool:
        return index % self.every == self.first


class _AsGiven(Strict):
    """A table that is written without the entries that it was read without."""

    @model_serializer(mode="wrap")
    def _without_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class TwoLevelSampling(_AsGiven):
    """models: of the lower fidelity, in the order of a Sobol sequence that can go on. far: those with the largest
    wavenumbers. edges_from: the number of the first cosmology that is drawn near the edges of the ranges, where
    polynomials need more models than inside. Either ranges or a box."""

    models: Count
    seed: Seed
    far: list[Every]
    edges_from: Annotated[int, Field(ge=0, strict=True)] | None = None
    ranges: PhysicalRanges | None = None
    box: SampledBox | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> TwoLevelSampling:
        if (self.ranges is None) == (self.box is None):
            raise ValueError("give either ranges or box")
        return self

    def is_far(self, index: int) -> bool:
        """Whether the cosmology of this number has the largest wavenumbers."""
        return any(numbers.has(index) for numbers in self.far)

    def cosmologies(self) -> Iterator[Cosmology]:
        """Parameters of CLASS for one cosmology after the other, without end."""
        region = self.ranges or self.box
        assert region is not None
        return draw(region, self.seed, edges_from=self.edges_from)


class Levels(Strict):
    """CLASS's precision parameters of many cheap models and a few converged ones, and those that both share.

    Some cosmologies are integrated at both levels: those without massive neutrinos of the numbers both_massless, and
    those with one species of the numbers both_massive; others cost several times as much. Such pairs teach the
    difference of the levels, which is smooth and nearly common to all cosmologies. stands_for: finer values that change
    the sources by less than the networks' errors.
    """

    shared: Precision
    cheap: Precision
    converged: Precision
    both_massless: Every
    both_massive: Every
    stands_for: Precision = Field(default_factory=dict)

    def of(self, level: str) -> dict[str, float]:
        """All precision parameters of 'cheap' or 'converged'."""
        return {**self.shared, **(self.cheap if level == "cheap" else self.converged)}

    def of_cosmology(self, index: int, cosmology: Mapping[str, Any]) -> tuple[str, ...]:
        """The levels at which a cosmology of this number, inside the ranges, is integrated."""
        pairs = {0: self.both_massless, 1: self.both_massive}.get(int(cosmology.get("N_ncdm", 0)))
        return LEVELS if pairs and pairs.has(index) else LEVELS[:1]


class TwoLevelRecipe(_AsGiven):
    """domain, constraints: of numbers of a request, or of quantities that follow from them (DERIVED_FOR_DOMAIN).
    k_max: the largest wavenumber, 1/Mpc. inputs: those of fields (cosmicnet/fields.py) from which all others follow in
    this domain; all by default. accuracy: targets of `cosmicnet evaluate` for the whole domain."""

    name: Name
    description: str
    class_settings: ClassSettings
    domain: Ranges
    constraints: list[str] = Field(default_factory=list)
    k_max: Positive
    inputs: list[str] | None = None
    sampling: TwoLevelSampling
    levels: Levels
    reduction: Reduction
    accuracy: Accuracy | None = None

    @model_validator(mode="after")
    def _known_inputs(self) -> TwoLevelRecipe:
        known = sorted({name for field in DENSITY_FIELDS for name in field.inputs})
        for name in self.inputs or ():
            if name not in known:
                raise ValueError(unknown(f"inputs: {name}", name, known))
        return self

    @property
    def target(self) -> None:
        """Such recipes say how many models they have."""
        return None

    def levels_of(self, index: int, cosmology: Mapping[str, Any]) -> tuple[str, ...]:
        """The levels at which the cosmology of this number is integrated; one near the edges, where the fit that
        converged models are compared with has its largest errors."""
        at_edge = self.sampling.edges_from is not None and index >= self.sampling.edges_from
        return LEVELS[:1] if at_edge else self.levels.of_cosmology(index, cosmology)

    @property
    def settings(self) -> dict[str, str | int | float]:
        """CLASS's settings in every model, besides the cosmology and the level's precision."""
        return {**LARGE_TABLES, **UNREIONIZED, **self.class_settings}


def load_two_level_recipe(path: Path) -> TwoLevelRecipe:
    """Read and check a recipe; RecipeError names the file, the line, the entry and the allowed values."""
    return load_toml(path, TwoLevelRecipe)


def has_levels(path: Path) -> bool:
    """Whether a recipe has two levels of fidelity. RecipeError if it cannot be read."""
    return "levels" in read_tables(path)
