"""A few cosmologies on coarse grids with made-up sources, and the paper's networks at a small size."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import ROOT
from numpy.typing import NDArray

from cosmicnet.network import Normalization
from cosmicnet.paper.architecture import Architecture, Convolution, layers
from cosmicnet.paper.inputs import COSMOLOGY, TIMES
from cosmicnet.paper.network import Rescaling, SourceNetwork
from cosmicnet.training.models.dataset import model_path
from cosmicnet.training.models.integrate import RECIPE_FILE
from cosmicnet.training.paper.dataset import PaperModel, write_paper_model
from cosmicnet.training.paper.plan import WAVENUMBERS_FILE, PaperPlan
from cosmicnet.training.paper.recipe import SETS, PaperRecipe, load_paper_recipe
from cosmicnet.training.work.files import write_json

Array = NDArray[np.float64]

K = np.geomspace(1e-4, 0.4, 40)
RECIPE = ROOT / "training" / "recipes" / "paper_small.toml"
RANGES = {"omega_b": (0.0217, 0.0231), "omega_cdm": (0.115, 0.124), "H0": (65.6, 69.8), "tau_reio": (0.02, 0.09)}


def architecture(source: str, seed: int = 0) -> Architecture:
    width = 5 + seed
    return Architecture(source, (6,) if source == "t1" else (6, 7, width), 4, 3,
                        (Convolution(3, 4, 3, 2), Convolution(2, 3, 2, 2)), (Convolution(2, 5, 4, 2),), (9, 8))


def model(seed: int) -> PaperModel:
    """A matter and radiation universe whose visibility has a peak at recombination and a smaller one late."""
    generator = np.random.default_rng(seed)
    cosmology = {name: float(generator.uniform(*limits)) for name, limits in RANGES.items()}
    cosmology |= {"z_rec": 1089.0, "tau_rec": 281.0, "z_reio": 8.0, "sound_horizon_rec": 144.5 + generator.normal(),
                  "angular_distance_rec": 13880.0 + 10.0 * generator.normal(), "conformal_age": 14150.0}
    tau = np.concatenate([np.linspace(230.0, 500.0, 30), np.geomspace(520.0, 14150.0, 25)])
    a = 4e-7 * tau + (1.0 - 4e-7 * 14150.0) * (tau / 14150.0) ** 2
    bump = np.exp(-0.5 * ((tau - 281.0) / 20.0) ** 2) + 1e-3 * np.exp(-0.5 * ((tau - 5000.0) / 600.0) ** 2)
    history = {"scale_factor": a, "sound_horizon": 0.5 * tau, "scattering_rate": 0.05 * bump + 1e-5,
               "visibility": 0.02 * bump, "visibility_prime": np.gradient(0.02 * bump, tau),
               "exp_minus_kappa": 1.0 / (1.0 + np.exp(-(tau - 281.0) / 15.0))}
    wave = np.cos(np.outer(history["sound_horizon"], K))
    sources = {name: (size * bump[:, None] * wave).astype(np.float32)
               for name, size in (("t0", 0.05), ("t1", 1e-4), ("t2", 1e-3))}
    return PaperModel(cosmology, {"T_cmb": 2.7255}, {}, tau, history, sources)


def write_models(folder: Path) -> None:
    """Five models in each set."""
    for number, name in enumerate(SETS):
        (folder / name).mkdir(parents=True)
        for index in range(5):
            write_paper_model(model_path(folder / name, index), model(10 * number + index))
    write_json(folder / WAVENUMBERS_FILE, {"k": K.tolist()})
    (folder / RECIPE_FILE).write_text("{}")


def small_recipe(draws: int = 4) -> PaperRecipe:
    """The shipped recipe, cut down to the time of a test."""
    recipe = load_paper_recipe(RECIPE)
    given = recipe.model_dump()
    for name in SETS:
        given["sets"][name] |= {"models": 5, "hypercube": 5}
    for source in TIMES:
        given["networks"][source]["hyperparameters"] = {
            "times": [6] if source == "t1" else [6, 7, 5], "parameters": 4, "scales": 3,
            "oscillations": [[3, 4, 3, 2], [2, 3, 2, 2]], "damping": [[2, 5, 4, 2], [2, 3, 1, 2]], "central": [9, 8]}
    # Keras takes ten seconds to compile the other
    given["training"] |= {"optimizer": "adam", "weighted_in_time": False, "learning_rate": 1e-3}
    given["report"] |= {"source_models": 5, "timing_models": 5}
    given["search"] |= {"draws": draws, "keep": 2, "epochs": {"t0": 1, "t1": 1, "t2": 1}, "width": (3, 9),
                        "filters": (1, 3), "kernel": (2, 4), "stride": (1, 2), "first_stride": (2, 3), "pool": (2, 2)}
    return PaperRecipe(**given)


def plan_of(recipe: PaperRecipe, work: Path, processes: int = 1) -> PaperPlan:
    return PaperPlan(recipe, RECIPE, work, recipe.sets.training.models, processes)


def network(source: str, seed: int = 0, given: Architecture | None = None) -> SourceNetwork:
    """Random weights."""
    generator = np.random.default_rng(seed)
    a = given or architecture(source)

    def single(shape: tuple[int, ...]) -> NDArray[np.float32]:
        return generator.normal(size=shape).astype(np.float32) / np.float32(np.sqrt(max(shape[0], 1)))

    low, high = np.array([RANGES[name] for name in COSMOLOGY]).T
    rescaling = Rescaling(
        Normalization(np.zeros(len(TIMES[source])), generator.uniform(0.5, 2.0, len(TIMES[source]))),
        Normalization(0.5 * (low + high), 0.3 * (high - low)),
        Normalization(np.array([144.5, 0.1326, 13880.0, 12.73, 40.0]), np.array([1.0, 1e-3, 10.0, 0.01, 40.0])),
        Normalization(np.array(0.2), np.array(0.7)))
    return SourceNetwork(a, rescaling, {layer.name: (single(layer.weight), single(layer.weight[-1:]))
                                        for layer in layers(a, K.size) if layer.weight})


class Killed(Exception):
    pass


def kill_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int) -> None:
    """Raise Killed in place of the call number `call` of a function of a module."""
    original: Callable[..., Any] = getattr(module, name)
    calls = iter(range(1000))

    def function(*arguments: Any, **keywords: Any) -> Any:
        if next(calls) == call:
            raise Killed
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, name, function)
