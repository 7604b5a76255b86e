"""A recipe and the inputs of all its steps: opened once, then integrate(plan), fit(plan, ...), measure."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cosmicnet.region import Ellipsoid
from cosmicnet.running_class import running_class

from ..recipe.schema import Recipe, load_recipe
from ..recipe.toml import at_its_line
from .grids import AlignedGrids
from .sampling import Point, SampledRegion, domain_ellipsoid, sample, unit_cube

__all__ = ["Plan", "open_plan"]


@dataclass(frozen=True)
class Plan:
    """A recipe on its way to networks.

    recipe_file: for paths in the recipe and line numbers. work: the folder of all intermediate files. number: of
    training models. ellipsoid: of the domain, None for a box. processes: of this machine, unless `scheduler` is the
    address of a Dask cluster.
    """

    recipe: Recipe
    recipe_file: Path
    work: Path
    number: int
    ellipsoid: Ellipsoid | None = None
    processes: int = 1
    scheduler: str | None = None

    @property
    def models(self) -> Path:
        """Folder of the integrated models."""
        return self.work / "models"

    @property
    def tables(self) -> Path:
        """Folder of the models resampled to the nodes of the fields."""
        return self.work / "tables"

    @property
    def unseen(self) -> Path:
        """Folder of full CLASS's spectra of cosmologies that training never sees."""
        return self.work / "unseen"

    @cached_property
    def points(self) -> list[Point]:
        """The sampled parameters of every model. RecipeError for constraints that leave nothing."""
        sampling, ellipsoid = self.recipe.sampling, self.ellipsoid
        if ellipsoid is not None and sampling.ellipsoid is not None:
            ellipsoid = replace(ellipsoid, sigmas=sampling.ellipsoid.margin * ellipsoid.sigmas)
        region = SampledRegion(sampling.ranges, tuple(self.recipe.linear_constraints()), ellipsoid, sampling.derived,
                               self.recipe.class_settings)
        with at_its_line(self.recipe_file):
            return sample(region, unit_cube(sampling.design, len(sampling.ranges), sampling.seed), self.number,
                          self.work / "derived.json")

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Identity of the models: everything that determines them."""
        sampling = self.recipe.sampling.model_dump(exclude={"ellipsoid"})
        if self.recipe.sampling.design == "sobol":
            # the first models are the same, however many there are
            del sampling["models"]
        ellipsoid = self.ellipsoid.to_json() if self.ellipsoid else None
        identity = {
            "sampling": {**sampling, "constraints": self.recipe.constraints, "ellipsoid": ellipsoid},
            "class_settings": self.recipe.class_settings, "grids": asdict(AlignedGrids()),
            "class": asdict(running_class()),
        }
        return dict(json.loads(json.dumps(identity)))

    def with_models(self, number: int) -> Plan:
        """The same plan with another number of models."""
        return replace(self, number=number)


def open_plan(recipe_file: Path, work: Path | None = None, processes: int = 1, scheduler: str | None = None) -> Plan:
    """Read a recipe, and the chain or the covariance that it names. work: default runs/NAME.

    RecipeError names the file, the line, the entry and the allowed values.
    """
    recipe = load_recipe(recipe_file)
    with at_its_line(recipe_file):
        ellipsoid = domain_ellipsoid(recipe, recipe_file.parent)
    return Plan(recipe, recipe_file, work or Path("runs") / recipe.name, recipe.sampling.models, ellipsoid, processes,
                scheduler)
