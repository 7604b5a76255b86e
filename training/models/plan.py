"""A recipe on its way to networks: opened once, then integrate(plan), plan.fit() and measure(plan).

All kinds of recipes have the same steps. The plan of each kind implements them: the list of models, the integration of
one, the checks before, the fit of networks.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cosmicnet.manifest import Manifest

from ..recipe.schema import Target
from ..work.run_class import Parameters

__all__ = ["FieldsPlan", "Plan", "Write"]

# Integrate one cosmology and write its file; must be picklable.
Write = Callable[[Parameters, Path], None]
Own = TypeVar("Own", bound="Plan")


class AnyRecipe(Protocol):
    """The part of a recipe that every step needs."""

    @property
    def name(self) -> str: ...
    def model_dump(self, *, mode: str, exclude: set[str]) -> dict[str, Any]: ...


class FieldsRecipe(AnyRecipe, Protocol):
    @property
    def target(self) -> Target | None: ...


@dataclass(frozen=True)
class Plan(ABC):
    """A recipe and the inputs of all its steps.

    recipe_file: for paths in the recipe and line numbers. work: the folder of all intermediate files. number: of
    cosmologies. processes: of this machine, unless `scheduler` is the address of a Dask cluster.
    """

    recipe: AnyRecipe
    recipe_file: Path
    work: Path
    number: int
    processes: int = 1
    scheduler: str | None = None

    @property
    @abstractmethod
    def models(self) -> Path:
        """Folder of the integrated models and of their identity."""

    @property
    def unseen(self) -> Path:
        """Folder of full CLASS's spectra of cosmologies that training never sees."""
        return self.work / "unseen"

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything that determines the models."""

    @property
    @abstractmethod
    def files(self) -> dict[Path, Parameters]:
        """The parameters of every model by its file. Paths are absolute: workers run in other folders."""

    @property
    @abstractmethod
    def write(self) -> Write:
        """How one model is integrated and written."""

    @property
    def taken(self) -> list[Path]:
        """Models that another recipe integrated; `files` has no models that these replace."""
        return []

    @property
    def can_grow(self) -> bool:
        """Whether the models stay the same when more are added."""
        return True

    def with_models(self: Own, number: int) -> Own:
        """The same plan with another number of cosmologies."""
        return replace(self, number=number)

    @abstractmethod
    def check(self) -> None:
        """Find mistakes in the recipe before anything is integrated: RecipeError with their lines."""

    @abstractmethod
    def available(self) -> list[Path]:
        """The models to which `train` fits. DatasetError if there are none, or too few."""

    @abstractmethod
    def fit(self, models: Sequence[Path], output: Path) -> Manifest:
        """Fit networks to these models and write the set to `output`; DatasetError for an unreadable model.

        A fit that was killed goes on where it stopped.
        """


@dataclass(frozen=True)
class FieldsPlan(Plan):
    """The plan of networks of fields, which are fitted to tables on common nodes."""

    recipe: FieldsRecipe

    @property
    def tables(self) -> Path:
        """Folder of the models resampled to the nodes of the fields."""
        return self.work / "tables"

    @abstractmethod
    def take_over(self, source: Path) -> str:
        """Take over the models in the work folder `source` of another recipe, as far as they fit this one; returns how
        many, and why not the others. DatasetError with the reason if there are none."""

    @property
    @abstractmethod
    def seconds_to_fit(self) -> float:
        """Seconds per model for reducing and fitting all fields, to a factor of two."""

    @abstractmethod
    def table_of(self, model: Path) -> Path:
        """The file of a model on the nodes of the fields."""

    @abstractmethod
    def resample(self, model: Path) -> None:
        """Write that file; DatasetError for an unreadable model."""
