"""The plan of a recipe of two levels of fidelity.

Each cosmology has a model of the lower level in work/cheap, and some have one in work/converged. Converged models come
between the cheap ones: an interrupted run leaves a usable set.
"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from cosmicnet.fields import DENSITY_FIELDS
from cosmicnet.manifest import Manifest
from cosmicnet.running_class import running_class

from ..checks.feasible import MIDDLE, Corner, require_computable
from ..fields.tables import table_path
from ..models.dataset import model_path
from ..models.plan import FieldsPlan, Write
from ..work.files import DatasetError
from ..work.run_class import Parameters
from .curved_grids import CurvedSpaceGrids
from .fit_levels import fit_levels
from .level_model import integrate_level_model, write_level_model
from .recipe import LEVELS, TwoLevelRecipe, load_two_level_recipe
from .resample_level import level_tables, resample_level_model

__all__ = ["TwoLevelPlan"]

# Measured with the recipe standard on two cores.
SECONDS_TO_FIT = 1.0


@dataclass(frozen=True)
class TwoLevelPlan(FieldsPlan):
    """number: of cosmologies, each of which has one model or two."""

    recipe: TwoLevelRecipe

    @classmethod
    def open(
        cls, recipe_file: Path, work: Path | None = None, processes: int = 1, scheduler: str | None = None
    ) -> TwoLevelPlan:
        """Read a recipe. work: default runs/NAME. RecipeError names the file, the line, the entry and the allowed
        values."""
        recipe = load_two_level_recipe(recipe_file)
        return cls(recipe, recipe_file, work or Path("runs") / recipe.name, recipe.sampling.models, processes,
                   scheduler)

    @property
    def models(self) -> Path:
        return self.work

    @cached_property
    def points(self) -> list[dict[str, Any]]:
        """Parameters of CLASS for every cosmology."""
        return list(islice(self.recipe.sampling.cosmologies(), self.number))

    @property
    def files(self) -> dict[Path, Parameters]:
        return {model_path((self.work / level).resolve(), i): cosmology for i, cosmology in enumerate(self.points)
                for level in self.recipe.levels_of(i, cosmology)}

    @cached_property
    def identity(self) -> dict[str, Any]:
        identity = {**self.recipe.sampling.model_dump(exclude={"models"}, exclude_none=True),
                    "settings": self.recipe.settings, "levels": self.recipe.levels.model_dump(exclude={"stands_for"}),
                    "grids": asdict(CurvedSpaceGrids()), "class": asdict(running_class())}
        return dict(json.loads(json.dumps(identity)))

    @property
    def write(self) -> Write:
        return partial(_integrate_and_write, self.recipe)

    def take_over(self, source: Path) -> str:
        raise DatasetError(f"{source}: a recipe of two levels of fidelity integrates all its models itself; only "
                           "recipes of one level take over models")

    @property
    def seconds_to_fit(self) -> float:
        return SECONDS_TO_FIT

    def check(self) -> None:
        # one model of each level is timed before the others, with all settings
        first = Corner(self.points[0], MIDDLE, ("class_settings",))
        require_computable([first], self.recipe.settings, self.recipe_file)

    def available(self) -> list[Path]:
        """The models that exist: networks can be trained on those of an interrupted run."""
        found = [path for level in LEVELS for path in sorted((self.work / level).glob("*.h5"))]
        if not any(path.parent.name == LEVELS[0] for path in found):
            raise DatasetError(f"{self.work}: there are no models; `cosmicnet generate` makes them")
        return found

    def table_of(self, model: Path) -> Path:
        return table_path(level_tables(self.tables, model.parent.name), model)

    def resample(self, model: Path) -> None:
        resample_level_model(model, self.table_of(model), DENSITY_FIELDS)

    def fit(self, models: Sequence[Path], output: Path) -> Manifest:
        return fit_levels(self, self.recipe, models, output)


def _integrate_and_write(recipe: TwoLevelRecipe, cosmology: Mapping[str, Any], path: Path) -> None:
    level, index = path.parent.name, int(path.stem)
    settings = {**recipe.settings, **recipe.levels.of(level)}
    write_level_model(path, integrate_level_model(settings, cosmology, recipe.sampling.is_far(index)))
