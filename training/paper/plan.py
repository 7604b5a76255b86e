"""The plan of a recipe of the paper's networks: four sets of models, on the wavenumbers of the middle of the box."""
from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.paper.architecture import Architecture
from cosmicnet.paper.inputs import TIMES
from cosmicnet.running_class import running_class
from cosmicnet.store import save_network_set

from ..models.dataset import model_path
from ..models.integrate import has_models, read_identity, require_complete
from ..models.plan import Plan, Write
from ..work.files import DatasetError, read_json, write_json
from ..work.run_class import Parameters
from .assemble import assemble
from .dataset import write_paper_model
from .recipe import SETS, PaperRecipe, load_paper_recipe
from .recipe_errors import require_possible_paper
from .source_tables import full_sources, k_grid
from .train import Epoch, Trained, TrainingTask, epochs_of, train_network

__all__ = ["WAVENUMBERS_FILE", "PaperPlan"]

Array = NDArray[np.float64]

WAVENUMBERS_FILE = "wavenumbers.json"
# Subfolder of the work folder.
TRAINING = "training"


@dataclass(frozen=True)
class PaperPlan(Plan):
    """number: of models for training."""

    recipe: PaperRecipe

    @classmethod
    def open(
        cls, recipe_file: Path, work: Path | None = None, processes: int = 1, scheduler: str | None = None
    ) -> PaperPlan:
        """Read a recipe. work: default runs/NAME. RecipeError names the file, the line, the entry and the allowed
        values."""
        recipe = load_paper_recipe(recipe_file)
        return cls(recipe, recipe_file, work or Path("runs") / recipe.name, recipe.sets.training.models, processes,
                   scheduler)

    @property
    def models(self) -> Path:
        return self.work / "models"

    @property
    def identity(self) -> dict[str, Any]:
        recipe = self.recipe
        sets = {name: getattr(recipe.sets, name) for name in SETS}
        identity = {"bounds": recipe.bounds, "class_settings": recipe.class_settings, "class": asdict(running_class()),
                    **{name: {"points": settings.points, "seed": settings.seed} for name, settings in sets.items()}}
        return dict(json.loads(json.dumps(identity)))

    @property
    def files(self) -> dict[Path, Parameters]:
        """The small sets first."""
        return {model_path(self.models.resolve() / name, i): point
                for name in reversed(SETS) for i, point in enumerate(self.recipe.points(name))}

    @property
    def write(self) -> Write:
        if not has_models(self.models):
            write_json(self.models / WAVENUMBERS_FILE, {"k": k_grid(self.recipe).tolist()})
        return partial(_integrate_and_write, self.recipe.class_settings, self.k)

    @property
    def k(self) -> Array:
        """The fixed wavenumbers (1/Mpc) of the models; DatasetError if they are damaged or not there."""
        file = self.models / WAVENUMBERS_FILE
        try:
            return np.array(read_json(file)["k"])
        except FileNotFoundError as error:
            raise DatasetError(f"{self.models}: no models; run `cosmicnet paper generate` first") from error
        except ValueError as error:
            raise DatasetError(f"{file} is damaged, so that the models beside it are of unknown wavenumbers: delete "
                               f"{self.models}") from error

    def check(self) -> None:
        require_possible_paper(self.recipe, self.recipe_file)

    def models_of(self, name: str) -> list[Path]:
        """The models of a set that were integrated, as many as the recipe has; DatasetError if there are none."""
        paths = sorted((self.models / name).glob("*.h5"))
        if not paths:
            raise DatasetError(f"{self.models / name}: no models; run `cosmicnet paper generate` first")
        return paths[:getattr(self.recipe.sets, name).models]

    def require_complete(self, *names: str) -> None:
        """Raise DatasetError if models of these sets are still to be integrated."""
        for name in names:
            paths = [model_path(self.models / name, i) for i in range(getattr(self.recipe.sets, name).models)]
            require_complete(self.models / name, paths, "cosmicnet paper generate")

    def available(self) -> list[Path]:
        """The training set."""
        self.require_complete("training", "validation")
        return self.models_of("training")

    def task(self, architecture: Architecture, epochs: int) -> TrainingTask:
        """Train this architecture on the recipe's sets."""
        settings, training, validation = self.recipe.training, *map(self.models_of, ("training", "validation"))
        return TrainingTask(
            architecture, tuple(training), tuple(validation), self.k, epochs, settings.learning_rate, settings.seed,
            json.dumps(read_identity(self.models), indent=1), settings.learning_rate_end, settings.optimizer,
            settings.weighted_in_time)

    def own_task(self, source: str) -> TrainingTask:
        """Train the network of one source with the recipe's hyperparameters."""
        settings = getattr(self.recipe.networks, source)
        return self.task(settings.hyperparameters.architecture(source), settings.epochs)

    def train(self, source: str) -> Trained:
        """Train the network of one source, or go on with it; CosmicnetError where no epoch has a finite loss."""
        self.require_complete("training", "validation")
        trained = train_network(self.own_task(source), self.work / TRAINING)
        if not math.isfinite(trained.validation_loss):
            raise CosmicnetError(f"S_{source.upper()}: no epoch has a finite validation loss; lower "
                                 f"training.learning_rate, now {self.recipe.training.learning_rate}")
        return trained

    def history(self, source: str) -> list[Epoch]:
        """The epochs of a source in the work folder, none where it was trained elsewhere."""
        return epochs_of(self.own_task(source), self.work / TRAINING)

    def fit(self, models: Sequence[Path], output: Path) -> Manifest:
        trained = {source: self.train(source) for source in TIMES}
        return save_network_set(output, assemble(self.recipe, self.k, models, trained))


def _integrate_and_write(settings: Mapping[str, Any], k: Array, parameters: Parameters, path: Path) -> None:
    write_paper_model(path, full_sources(settings, parameters, k))
