"""From trained networks to a set that classy takes: the paper's recipe step by step."""
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import PAPER_ARCHITECTURE, Manifest
from cosmicnet.paper.architecture import Architecture
from cosmicnet.paper.emulator import PaperEmulator
from cosmicnet.paper.inputs import TIMES
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet, load_network_set, save_network_set

from ..fields.describe import constant_numbers, describe
from ..fields.guard import fit_guard
from ..models.integrate import read_identity
from ..recipe.schema import RecipeError
from .dataset import read_paper_model
from .generate import models_of, read_k_grid, require_complete_set
from .recipe import PaperRecipe
from .train import Epoch, Trained, TrainingTask, history_of, train_network

__all__ = [
    "assemble", "companion_of", "task_of", "train_and_export", "train_source", "training_history",
]

# Subfolder of the work folder.
TRAINING = "training"


def task_of(recipe: PaperRecipe, models: Path, architecture: Architecture, epochs: int) -> TrainingTask:
    """Train this architecture on the recipe's sets."""
    return TrainingTask(architecture, tuple(models_of(models, "training")[:recipe.sets.training.models]),
                tuple(models_of(models, "validation")[:recipe.sets.validation.models]), read_k_grid(models), epochs,
                recipe.training.learning_rate, recipe.training.seed,
                made_by=json.dumps(read_identity(models), indent=1),
                learning_rate_end=recipe.training.learning_rate_end)


def train_source(recipe: PaperRecipe, work: Path, source: str) -> Trained:
    """Train the network of one source with the recipe's hyperparameters, or go on with it.

    Raises CosmicnetError where no epoch has a finite loss.
    """
    settings = getattr(recipe.networks, source)
    for name in ("training", "validation"):
        require_complete_set(recipe, work / "models", name)
    architecture = settings.hyperparameters.architecture(source)
    trained = train_network(task_of(recipe, work / "models", architecture, settings.epochs), work / TRAINING)
    if not math.isfinite(trained.validation_loss):
        raise CosmicnetError(f"S_{source.upper()}: no epoch has a finite validation loss; lower "
                             f"training.learning_rate, now {recipe.training.learning_rate}")
    return trained


def train_and_export(recipe: PaperRecipe, work: Path, output: Path) -> Manifest:
    """Train all three, where that was not done before, and write the set to `output`."""
    trained = {source: train_source(recipe, work, source) for source in TIMES}
    return save_network_set(output, assemble(recipe, work / "models", trained))


def assemble(recipe: PaperRecipe, models: Path, trained: Mapping[str, Trained]) -> NetworkSet:
    """The set of the networks, by source; coverage is what the training set says."""
    used = [read_paper_model(path, ()) for path in models_of(models, "training")[:recipe.sets.training.models]]
    reference, companion = used[0], companion_of(recipe)
    emulator = companion.emulator
    assert isinstance(emulator, FieldsEmulator)
    derived, tolerances = fit_guard(tuple(recipe.box), [model.cosmology for model in used])
    manifest = describe(
        recipe.name, recipe.description, running_class(), reference.precision, domain=recipe.bounds,
        setup={**reference.setup, **constant_numbers([model.cosmology for model in used], recipe.bounds)},
        derived=tolerances, derived_inputs=list(recipe.box), k_max=companion.manifest.k_max,
        k_max_cmb_times_sound_horizon=companion.manifest.k_max_cmb_times_sound_horizon,
        recipe={**recipe.model_dump(mode="json"), "models_used": len(used),
                           "companion_sha256": companion.manifest.sha256,
                           "trained": {source: _summary(t) for source, t in trained.items()}},
        architecture=PAPER_ARCHITECTURE, companion=recipe.companion)
    first_time = max(float(model.tau[0]) / model.cosmology["tau_rec"] for model in used)
    networks = [t.network for t in trained.values()]
    paper = PaperEmulator(networks, np.asarray(read_k_grid(models)), first_time, emulator)
    return NetworkSet(manifest, paper, derived, companion)


def _summary(trained: Trained) -> dict[str, float]:
    """Without its wall time, so that the same training gives the same file."""
    return {"epochs": len(trained.history), "best_epoch": trained.best, "validation_loss": trained.validation_loss}


def training_history(recipe: PaperRecipe, work: Path, source: str) -> list[Epoch]:
    """The epochs of a source in the work folder, none where it was trained elsewhere."""
    settings = getattr(recipe.networks, source)
    task = task_of(recipe, work / "models", settings.hyperparameters.architecture(source), settings.epochs)
    return history_of(task, work / TRAINING)


def companion_of(recipe: PaperRecipe) -> NetworkSet:
    """The set that gives lensing and matter; RecipeError if it has the paper's architecture as well."""
    companion = load_network_set(recipe.companion)
    if companion.manifest.architecture == PAPER_ARCHITECTURE:
        raise RecipeError(f"companion = {recipe.companion}: has the paper's architecture and no networks for lensing")
    return companion
