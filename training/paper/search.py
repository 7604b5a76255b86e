"""The search over hyperparameters (section 3.2): draw, train, rank by validation loss, choose by the C_l.

A draw depends on its number alone, and its validation loss is kept in a file: a search that was killed goes on, and a
longer one takes the draws of a shorter one. A draw that diverged counts as done. The first draw has the recipe's own
hyperparameters and is always judged, so that a search shows whether it found better ones. A network is judged by
the C_l error of eq. 3.2: its own source, those of full CLASS for the others; unlensed, fast line of sight.
"""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.interpolate import CubicSpline

from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.architecture import Architecture
from cosmicnet.paper.inputs import TIMES, Waves
from cosmicnet.paper.network import SourceNetwork
from cosmicnet.pieces import fill_p

from ..models.integrate import read_identity
from ..recipe.schema import RecipeError
from ..work.digest import code_digest, json_digest
from ..work.files import read_json, write_json
from ..work.parallel import results, single_threaded_pool
from ..work.run_class import new_class
from .dataset import PaperModel, read_paper_model
from .plan import PaperPlan
from .recipe import OWN, PaperRecipe, draw_architecture, without_wavenumbers
from .train import Trained, inputs_of_model, train_network

__all__ = ["SPECTRUM", "Judged", "cl_error", "draw_label", "found_before", "predicted_source", "result_file", "search",
           "spectra_of_sources"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# The spectrum by which a network is judged: polarisation comes from S_T2 alone.
SPECTRUM = {"t0": "tt", "t1": "tt", "t2": "ee"}
SETTINGS: Mapping[str, Any] = {"output": "tCl,pCl", "fast_line_of_sight": "yes"}

# The search stops after more draws than this have killed their workers.
MOST_DEADLY = 10


@dataclass(frozen=True)
class Judged:
    """One of the best draws, or OWN: its number, hyperparameters, validation loss, and C_l error (eq. 3.2, mean of
    models)."""

    draw: int
    architecture: Architecture
    validation_loss: float
    cl_error: float


def search(plan: PaperPlan, source: str) -> list[Judged]:
    """Train the draws for one source that are not done yet; the kept ones and OWN, best first.

    Draws are trained in this process, or in the plan's processes, or by the workers of its Dask scheduler, which must
    see its folder. Raises RecipeError for ranges without wavenumbers, and where all that could be kept diverged.
    """
    recipe = plan.recipe
    plan.require_complete("training", "validation", "hyperparameters")
    for entry, why in without_wavenumbers(recipe, source, plan.k.size):
        raise RecipeError(f"{'.'.join(entry)}: {why}")
    draws = _train_draws(replace(plan, work=plan.work.resolve()), source)
    ranked = sorted(draws.items(), key=lambda item: (item[1], item[0]))
    best = ranked[:recipe.search.keep] + [item for item in ranked[recipe.search.keep:] if item[0] == OWN]
    # diverged networks have no C_l
    best = [item for item in best if math.isfinite(item[1])]
    judged = [j for j in _judge(plan, source, best) if math.isfinite(j.cl_error)]
    if not judged:
        raise RecipeError(f"training.learning_rate = {recipe.training.learning_rate:g}: all draws for "
                          f"S_{source.upper()} that could be kept diverged")
    judged.sort(key=lambda j: (j.cl_error, j.draw))
    write_json(result_file(plan.work, source), {"search": _key(plan, source), **_sizes(recipe),
                                                "best": [asdict(j) for j in judged]})
    return judged


def result_file(work: Path, source: str) -> Path:
    """Where a search leaves its best draws."""
    return work / "search" / f"{source}.json"


def draw_label(draw: int) -> str:
    """The number of a draw, counted from 1; that of the recipe's own hyperparameters with a word."""
    return f"{draw + 1} (the recipe's own)" if draw == OWN else str(draw + 1)


def _sizes(recipe: PaperRecipe) -> dict[str, int]:
    """Dependencies of a result besides its study, which grows."""
    return {"draws": recipe.search.draws, "keep": recipe.search.keep, "judged_by": recipe.sets.hyperparameters.models}


def found_before(plan: PaperPlan, source: str) -> list[dict[str, Any]] | None:
    """Results of this recipe's search: Judged as tables, best first. None if it was not run to its end, or
    that of another recipe, or of another number of draws, was."""
    own_sizes = _sizes(plan.recipe)
    try:
        found = read_json(result_file(plan.work, source))
        key, sizes, best = found["search"], {name: found.get(name) for name in own_sizes}, list(found["best"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CosmicnetError(f"{result_file(plan.work, source)} is damaged; run the search again") from error
    return best if key == _key(plan, source) and sizes == own_sizes else None


def _train_draws(plan: PaperPlan, source: str) -> dict[int, float]:
    """Validation loss by number of the draw, infinite where it diverged."""
    folder = plan.work / "search" / _key(plan, source)
    folder.mkdir(parents=True, exist_ok=True)
    done = {number: _loss(folder, number) for number in range(plan.recipe.search.draws)}
    missing = [number for number, loss in done.items() if loss is None]
    if plan.processes == 1 and plan.scheduler is None:
        trained = [_draw(plan, source, folder, number) for number in missing]
    else:
        with single_threaded_pool(plan.processes, plan.scheduler) as pool:
            arguments = {number: (plan, source, folder, number) for number in missing}
            trained = list(results(pool, _draw, arguments, partial(_finish, folder, math.inf), MOST_DEADLY))
    return {number: loss for number, loss in done.items() if loss is not None} | dict(trained)


def _draw(plan: PaperPlan, source: str, folder: Path, number: int) -> tuple[int, float]:
    """Train one draw, and keep its number and validation loss."""
    trained = _train(plan, draw_architecture(plan.recipe, source, number))
    loss = math.inf if math.isnan(trained.validation_loss) else trained.validation_loss
    Console(stderr=True).print(f"S_{source.upper()} draw {number + 1} of {plan.recipe.search.draws}: validation "
                               f"{loss:.2e}, {trained.seconds:.0f} s", highlight=False)
    return _finish(folder, loss, number)


def _finish(folder: Path, loss: float, number: int) -> tuple[int, float]:
    # JSON has no infinity
    write_json(_draw_file(folder, number), {"validation_loss": loss if math.isfinite(loss) else None})
    return number, loss


def _loss(folder: Path, number: int) -> float | None:
    """The validation loss of a draw that is done, else None."""
    try:
        loss = read_json(_draw_file(folder, number))["validation_loss"]
    except (OSError, ValueError, KeyError):
        return None
    return math.inf if loss is None else float(loss)


def _draw_file(folder: Path, number: int) -> Path:
    return folder / f"draw_{number:04d}.json"


def _key(plan: PaperPlan, source: str) -> str:
    """Identity of a search: all dependencies of its losses, the models included."""
    recipe = plan.recipe
    given = getattr(recipe.networks, source).hyperparameters
    identity = [recipe.search.model_dump(exclude={"draws", "keep"}),
                recipe.training.model_dump(exclude={"learning_rate_end"}),
                [settings.models for settings in (recipe.sets.training, recipe.sets.validation)], given.model_dump(),
                code_digest(train_network.__module__, draw_architecture.__module__), read_identity(plan.models)]
    return f"{recipe.name}-{source}-{json_digest(identity)[:16]}"


def _train(plan: PaperPlan, architecture: Architecture) -> Trained:
    task = plan.task(architecture, plan.recipe.search.epochs[architecture.source])
    # at a falling rate most epochs would do nothing; a search of fewer epochs has trainings of its own
    folder = plan.work / "search" / f"{task.epochs}_epochs"
    return train_network(replace(task, learning_rate_end=None), folder, quiet=True)


def _judge(plan: PaperPlan, source: str, best: Iterable[tuple[int, float]]) -> list[Judged]:
    """The C_l error of each, the mean over the hyperparameter set."""
    recipe, k, points = plan.recipe, plan.k, plan.recipe.points("hyperparameters")
    networks = {number: _train(plan, draw_architecture(recipe, source, number)).network for number, _ in best}
    errors: dict[int, list[float]] = {number: [] for number in networks}
    for path in plan.models_of("hyperparameters"):
        model, parameters = read_paper_model(path), points[int(path.stem)]
        full = spectra_of_sources(recipe.class_settings, parameters, model, k, {})
        for number, network in networks.items():
            replaced = {source: predicted_source(network, model, k)}
            net = spectra_of_sources(recipe.class_settings, parameters, model, k, replaced)
            errors[number].append(cl_error(full, net, SPECTRUM[source]))
    return [Judged(number, networks[number].architecture, loss, float(np.mean(errors[number])))
            for number, loss in best]


def predicted_source(network: SourceNetwork, model: PaperModel, k: Array) -> Single:
    """The source of a network for one cosmology, not rescaled, shape (tau.size, k.size)."""
    rescaling = network.rescaling
    out = network(rescaling.apply(network.architecture.source, Waves(inputs_of_model(model), k)))
    return np.asarray(rescaling.source.invert(out.astype(float)), dtype=np.float32)


def cl_error(full: Mapping[str, Array], net: Mapping[str, Array], spectrum: str) -> float:
    """Sum over l of the squared relative error (eq. 3.2)."""
    return float(np.sum((net[spectrum] / full[spectrum] - 1.0) ** 2))


def spectra_of_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, float], model: PaperModel, k: Array,
    replaced: Mapping[str, Single],
) -> dict[str, Array]:
    """Unlensed C_l ('tt', 'ee', 'te') from l = 2 of a model's sources, some of them replaced, on its own times."""
    without_lensing = {name: value for name, value in settings.items() if name != "lensing"}
    cosmology = new_class({**without_lensing, **parameters, **SETTINGS})
    cosmology.set_source_provider(_Stored(model, k, {**model.sources, **replaced}))
    cosmology.compute()
    try:
        spectra = cosmology.raw_cl(int(float(settings["l_max_scalars"])))
        return {name: np.array(spectra[name][2:]) for name in ("tt", "ee", "te")}
    finally:
        cosmology.empty()


class _Stored:
    """A source provider that gives tables on fixed wavenumbers, splined as CLASS would."""

    def __init__(self, model: PaperModel, k: Array, sources: Mapping[str, Single]) -> None:
        self._model, self._k, self._sources = model, k, sources

    def provide(self, request: Any) -> bool:
        if not np.array_equal(request.tau, self._model.tau):
            raise CosmicnetError("the times of this CLASS are not those of the models: generate them again")
        inside = np.clip(request.k, self._k[0], self._k[-1])
        for name in TIMES:
            request.tables[name][...] = CubicSpline(self._k, self._sources[name], axis=1)(inside)
        fill_p(request.tables)
        return True
