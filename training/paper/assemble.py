"""Make of the three networks a set that classy takes."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.manifest import PAPER_ARCHITECTURE
from cosmicnet.paper.emulator import PaperEmulator
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet, load_network_set

from ..fields.describe import constant_numbers, describe
from ..fields.guard import fit_guard
from ..recipe.schema import RecipeError
from .dataset import read_paper_model
from .recipe import PaperRecipe
from .train import Trained

__all__ = ["assemble", "companion_of"]

Array = NDArray[np.float64]


def assemble(recipe: PaperRecipe, k: Array, models: Sequence[Path], trained: Mapping[str, Trained]) -> NetworkSet:
    """The set of the networks, by source, on wavenumbers k (1/Mpc); its coverage follows from the training set."""
    used = [read_paper_model(path, ()) for path in models]
    reference, companion = used[0], companion_of(recipe)
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
    paper = PaperEmulator(networks, k, first_time, companion.emulator)
    return NetworkSet(manifest, paper, derived, companion)


def _summary(trained: Trained) -> dict[str, float]:
    """Without its wall time, so that the same training gives the same file."""
    return {"epochs": len(trained.history), "best_epoch": trained.best, "validation_loss": trained.validation_loss}


def companion_of(recipe: PaperRecipe) -> NetworkSet:
    """The set that gives lensing and matter; RecipeError if it has the paper's architecture as well."""
    companion = load_network_set(recipe.companion)
    if companion.manifest.architecture == PAPER_ARCHITECTURE:
        raise RecipeError(f"companion = {recipe.companion}: has the paper's architecture and no networks for lensing")
    return companion
