"""The plan of a recipe of one level of fidelity."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from cosmicnet.fields import fields_for
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid
from cosmicnet.running_class import running_class

from ..checks.feasible import require_feasible
from ..checks.visible import require_visible
from ..fields.tables import resample_model, table_path
from ..models.dataset import model_path, write_model
from ..models.grids import AlignedGrids
from ..models.integrate import complete_models, integrate_model
from ..models.plan import FieldsPlan, Write
from ..models.sampling import Point, SampledRegion, domain_ellipsoid, replaced, sample, unit_cube
from ..recipe.schema import Recipe, load_recipe
from ..recipe.toml import at_its_line
from ..work.run_class import Parameters
from .fit_set import fit_set
from .taken import take_over, taken_models

__all__ = ["OneLevelPlan"]

# Measured with the former lcdm, a recipe of one level.
SECONDS_PER_1000_EPOCHS = 2.6


@dataclass(frozen=True)
class OneLevelPlan(FieldsPlan):
    """ellipsoid: of the domain, None for a box."""

    recipe: Recipe
    ellipsoid: Ellipsoid | None = None

    @classmethod
    def open(
        cls, recipe_file: Path, work: Path | None = None, processes: int = 1, scheduler: str | None = None
    ) -> OneLevelPlan:
        """Read a recipe, and the chain or the covariance that it names. work: default runs/NAME.

        RecipeError names the file, the line, the entry and the allowed values.
        """
        recipe = load_recipe(recipe_file)
        with at_its_line(recipe_file):
            ellipsoid = domain_ellipsoid(recipe, recipe_file.parent)
        return cls(recipe, recipe_file, work or Path("runs") / recipe.name, recipe.sampling.models, processes,
                   scheduler, ellipsoid)

    @property
    def seconds_to_fit(self) -> float:
        return SECONDS_PER_1000_EPOCHS * self.recipe.training.epochs / 1000.0

    @property
    def models(self) -> Path:
        return self.work / "models"

    @cached_property
    def region(self) -> SampledRegion:
        sampling, ellipsoid = self.recipe.sampling, self.ellipsoid
        if ellipsoid is not None and sampling.ellipsoid is not None:
            ellipsoid = replace(ellipsoid, sigmas=sampling.ellipsoid.margin * ellipsoid.sigmas)
        return SampledRegion(sampling.ranges, tuple(self.recipe.linear_constraints()), ellipsoid, sampling.derived,
                             self.recipe.class_settings)

    @property
    def derived(self) -> Path:
        return self.work / "derived.json"

    @cached_property
    def points(self) -> list[Point]:
        """The sampled parameters of every model. RecipeError for constraints that leave nothing."""
        sampling = self.recipe.sampling
        with at_its_line(self.recipe_file):
            return sample(self.region, unit_cube(sampling.design, len(sampling.ranges), sampling.seed), self.number,
                          self.derived)

    @property
    def files(self) -> dict[Path, Parameters]:
        """Of the points that no model that was taken over replaces."""
        others = replaced(self.points, list(taken_models(self.models).values()), self.region)
        return {model_path(self.models.resolve(), i): point for i, point in enumerate(self.points)
                if i not in others}

    @property
    def taken(self) -> list[Path]:
        return list(taken_models(self.models))

    def take_over(self, source: Path) -> str:
        return take_over(source, self.models, self.identity, self.recipe, self.points, self.region, self.derived)

    @cached_property
    def identity(self) -> dict[str, Any]:
        sampling = self.recipe.sampling.model_dump(exclude={"ellipsoid"})
        if self.can_grow:
            # the first models are the same, however many there are
            del sampling["models"]
        ellipsoid = self.ellipsoid.to_json() if self.ellipsoid else None
        identity = {
            "sampling": {**sampling, "constraints": self.recipe.constraints, "ellipsoid": ellipsoid},
            "class_settings": self.recipe.class_settings, "grids": asdict(AlignedGrids()),
            "class": asdict(running_class()),
        }
        return dict(json.loads(json.dumps(identity)))

    @property
    def write(self) -> Write:
        return partial(_integrate_and_write, self.recipe.class_settings)

    @property
    def can_grow(self) -> bool:
        return self.recipe.sampling.design == "sobol"

    def check(self) -> None:
        require_feasible(self.recipe, self.recipe_file, self.ellipsoid)
        require_visible(self.recipe, self.recipe_file, self.points)

    def available(self) -> list[Path]:
        return complete_models(self)

    def table_of(self, model: Path) -> Path:
        return table_path(self.tables, model)

    def resample(self, model: Path) -> None:
        resample_model(model, self.table_of(model), fields_for(self.recipe.sampling.ranges))

    def fit(self, models: Sequence[Path], output: Path) -> Manifest:
        return fit_set(self, self.recipe, self.ellipsoid, models, output)


def _integrate_and_write(settings: Mapping[str, Any], parameters: Parameters, path: Path) -> None:
    write_model(path, integrate_model(settings, parameters))
