"""The search over hyperparameters (section 3.2): draw, train, rank by validation loss, choose by the C_l.

Optuna keeps the draws in a database, so that any number of processes on any number of machines work on one search, each
by itself or with workers of Dask. The hyperparameters of a draw depend on its number alone; a draw whose process was
killed is drawn again as it was, and one that diverged counts as done, with an infinite loss. The first draw is no draw:
it has the recipe's own hyperparameters and is judged in any case, so that a search tells whether it found better ones.
"""
from __future__ import annotations

import json
import math
import time
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages._heartbeat import get_heartbeat_thread
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.architecture import Architecture

from ..recipe.schema import RecipeError
from ..work.digest import code_digest
from ..work.files import read_json, write_json
from ..work.parallel import ended, single_threaded_pool
from .dataset import read_model
from .draws import OWN, draw_architecture, without_wavenumbers
from .generate import cosmologies, models_of, read_claim, read_k_grid, require_complete
from .judge import SPECTRUM, cl_error, predicted_source, spectra_of_sources
from .make import task_of
from .recipe import PaperRecipe, SearchRecipe
from .train import OF_PAPER, Trained, alone, train

__all__ = ["Judged", "draw_label", "found_before", "result_file", "search"]

# A process that says nothing for GRACE seconds has died, and its draw is taken up again; no node or database should be
# as slow as that.
HEARTBEAT_SECONDS, GRACE_SECONDS = 10, 300
# Code that determines what a search finds.
OF_SEARCH = (*OF_PAPER, "cosmicnet.training.paper.draws", "cosmicnet.training.paper.judge")
DRAW = "draw"
SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Judged:
    """One of the best draws, or OWN: its number, hyperparameters, validation loss, and C_l error (eq. 3.2, mean of
    models)."""

    draw: int
    architecture: Architecture
    validation_loss: float
    cl_error: float


def search(
    recipe: PaperRecipe, work: Path, source: str, database: str | None = None, processes: int = 1,
    scheduler: str | None = None,
) -> list[Judged]:
    """Work on the search for one source until all draws are there; the kept ones and OWN, best first.

    database: any URL that Optuna takes (default: a file in `work`). Draws are trained in this process, or in so many
    processes, or by the workers of a Dask scheduler, which must see `work` and the database. Raises RecipeError for
    ranges without wavenumbers, and where all that could be kept diverged; CosmicnetError for trouble with the database.
    """
    settings, folder = recipe.search, work.resolve() / "search"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("training", "validation", "hyperparameters"):
        require_complete(recipe, work / "models", name)
    for entry, why in without_wavenumbers(recipe, source, read_k_grid(work / "models").size):
        raise RecipeError(f"{'.'.join(entry)}: {why}")
    url = database or f"{SQLITE}{folder / 'search.db'}"
    study = _study(recipe, work, source, url)
    with _database_named(url), _pool(processes, scheduler) as pool:
        while len(done := _done(study, settings)) < settings.draws:
            free = len(_free(study, settings))
            if free and pool is None:
                _draw(recipe, work, source, url)
            elif free:
                draws = {pool.submit(_draw, recipe, work.resolve(), source, url): i for i in range(free)}
                for _, future in ended(draws):
                    future.result()
            else:
                Console(stderr=True).print(f"{settings.draws - len(done)} draws are left to other processes, waiting; "
                                           f"one that says nothing for {GRACE_SECONDS} s is taken for dead")
                time.sleep(HEARTBEAT_SECONDS)
                optuna.storages.fail_stale_trials(study)
    ranked = sorted(done.items(), key=lambda item: (item[1], item[0]))
    best = ranked[:settings.keep] + [item for item in ranked[settings.keep:] if item[0] == OWN]
    # what diverged has no C_l
    best = [item for item in best if math.isfinite(item[1])]
    judged = [j for j in _judge(recipe, work, source, best) if math.isfinite(j.cl_error)]
    if not judged:
        raise RecipeError(f"training.learning_rate = {recipe.training.learning_rate:g}: all draws for "
                          f"S_{source.upper()} that could be kept diverged")
    judged.sort(key=lambda j: (j.cl_error, j.draw))
    result = {"study": study.study_name, **_sizes(recipe), "best": [asdict(j) for j in judged]}
    write_json(result_file(work, source), result)
    return judged


def result_file(work: Path, source: str) -> Path:
    """Where a search leaves its best draws."""
    return work / "search" / f"{source}.json"


def draw_label(draw: int) -> str:
    """The number of a draw, counted from 1; that of the recipe's own hyperparameters with a word."""
    return f"{draw + 1} (the recipe's own)" if draw == OWN else str(draw + 1)


def _sizes(recipe: PaperRecipe) -> dict[str, int]:
    """What a result depends on besides its study, which grows."""
    return {"draws": recipe.search.draws, "keep": recipe.search.keep, "judged_by": recipe.sets.hyperparameters.models}


def found_before(recipe: PaperRecipe, work: Path, source: str) -> list[dict[str, Any]] | None:
    """What the search of this recipe left there: Judged as tables, best first. None if it was not run to its end, or
    that of another recipe, or of another number of draws, was."""
    try:
        found = read_json(result_file(work, source))
        study, sizes, best = found["study"], {name: found.get(name) for name in _sizes(recipe)}, list(found["best"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CosmicnetError(f"{result_file(work, source)} is damaged; run the search again") from error
    return best if study == _study_name(recipe, work, source) and sizes == _sizes(recipe) else None


@contextmanager
def _database_named(url: str) -> Iterator[None]:
    """Trouble with the database in the middle of a search, such as a full disk, is an error of ours."""
    try:
        yield
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        why = str(error.__cause__ or error).replace(url, "URL")
        raise CosmicnetError(f"{_shown(url)}: the database fails ({why}); draws are kept, start again") from error


def _shown(url: str) -> str:
    """A file by its path; anything else may have a password."""
    return url.removeprefix(SQLITE) if url.startswith(SQLITE) else "--database"


@contextmanager
def _pool(processes: int, scheduler: str | None) -> Iterator[Any]:
    """Workers, or None where this process is enough."""
    if processes == 1 and scheduler is None:
        yield None
        return
    with single_threaded_pool(processes, scheduler) as pool:
        yield pool


def _draw(recipe: PaperRecipe, work: Path, source: str, url: str) -> None:
    """Train one draw that nobody is at, if there is any left.

    Where others took this process for dead meanwhile, the draw is theirs. Study.optimize does not know that case.
    """
    study = _study(recipe, work, source, url)
    optuna.storages.fail_stale_trials(study)
    if not _free(study, recipe.search):
        return
    trial, states = study.ask(), optuna.trial.TrialState
    with suppress(optuna.exceptions.UpdateFinishedTrialError), get_heartbeat_thread(trial._trial_id, study._storage):
        try:
            study.tell(trial, _try(recipe, work, source, study, trial), skip_if_finished=True)
        except optuna.TrialPruned:
            study.tell(trial, state=states.PRUNED, skip_if_finished=True)
        except (Exception, KeyboardInterrupt):
            study.tell(trial, state=states.FAIL, skip_if_finished=True)
            raise


def _study(recipe: PaperRecipe, work: Path, source: str, database: str) -> optuna.Study:
    """The study of this search in the database."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # heartbeats may change in a later Optuna
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # _draw gives its trials a heartbeat by itself
    warnings.filterwarnings("ignore", message="Heartbeat of storage is supposed to be used with Study.optimize")
    try:
        storage = optuna.storages.RDBStorage(
            database, heartbeat_interval=HEARTBEAT_SECONDS, grace_period=GRACE_SECONDS)
    except Exception as error:  # of SQLAlchemy and of each database's own driver
        why = str(error).replace(database, "URL")
        raise RecipeError(f"{_shown(database)}: cannot be opened as a database ({why})") from error
    return optuna.create_study(storage=storage, study_name=_study_name(recipe, work, source), direction="minimize",
                               load_if_exists=True)


def _study_name(recipe: PaperRecipe, work: Path, source: str) -> str:
    """Tells a search from others by all that its losses depend on, the models included."""
    given = getattr(recipe.networks, source).hyperparameters
    identity = json.dumps([recipe.search.model_dump(exclude={"draws", "keep"}),
                           recipe.training.model_dump(exclude={"learning_rate_end"}),
                           [settings.models for settings in (recipe.sets.training, recipe.sets.validation)],
                           given.model_dump(), code_digest(OF_SEARCH),
                           json.dumps(read_claim(work / "models"), indent=1)], sort_keys=True)
    return f"{recipe.name}-{source}-{zlib.crc32(identity.encode()):08x}"


def _try(recipe: PaperRecipe, work: Path, source: str, study: optuna.Study, trial: optuna.Trial) -> float:
    """Train one draw; its validation loss, infinite if it diverged. Draws of processes that died are taken up when all
    others are taken."""
    with alone(work / "search" / f"{source}.lock"):
        free = _free(study, recipe.search, but=trial.number)
        if not free:
            raise optuna.TrialPruned("others are at all draws that are left")
        number = trial.number if trial.number in free else min(free)
        trial.set_user_attr(DRAW, number)
    architecture = draw_architecture(recipe, source, number)
    trial.set_user_attr("architecture", asdict(architecture))
    trained = _train(recipe, work, architecture)
    # NaN would be a failure for Optuna, and the draw free again
    loss = math.inf if math.isnan(trained.validation_loss) else trained.validation_loss
    Console(stderr=True).print(f"S_{source.upper()} draw {number + 1} of {recipe.search.draws}: validation {loss:.2e}, "
                               f"{trained.seconds:.0f} s", highlight=False)
    return loss


def _free(study: optuna.Study, settings: SearchRecipe, but: int | None = None) -> set[int]:
    """The draws that nobody has done or is at; `but`: the number of the trial that asks."""
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.RUNNING)
    # one that has just begun has its own number, as long as it does not say otherwise
    taken = {int(t.user_attrs.get(DRAW, t.number)) for t in study.get_trials(deepcopy=False, states=states)
             if t.number != but}
    return set(range(settings.draws)) - taken


def _done(study: optuna.Study, settings: SearchRecipe) -> dict[int, float]:
    """Validation loss by number of the draw; an earlier search may have had more of them."""
    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return {int(t.user_attrs[DRAW]): float(t.values[0]) for t in complete
            if int(t.user_attrs[DRAW]) < settings.draws}


def _train(recipe: PaperRecipe, work: Path, architecture: Architecture) -> Trained:
    task = task_of(recipe, work / "models", architecture, recipe.search.epochs[architecture.source])
    # at a falling rate most epochs would do nothing; a search of fewer epochs has trainings of its own
    return train(replace(task, learning_rate_end=None), work / "search" / f"{task.epochs}_epochs", quiet=True)


def _judge(recipe: PaperRecipe, work: Path, source: str, best: Iterable[tuple[int, float]]) -> list[Judged]:
    """The C_l error of each, the mean over the hyperparameter set."""
    models, k, points = work / "models", read_k_grid(work / "models"), cosmologies(recipe, "hyperparameters")
    networks = {number: _train(recipe, work, draw_architecture(recipe, source, number)).network for number, _ in best}
    errors: dict[int, list[float]] = {number: [] for number in networks}
    for path in models_of(models, "hyperparameters")[:recipe.sets.hyperparameters.models]:
        model, parameters = read_model(path), points[int(path.stem)]
        full = spectra_of_sources(recipe.class_settings, parameters, model, k, {})
        for number, network in networks.items():
            replaced = {source: predicted_source(network, model, k)}
            net = spectra_of_sources(recipe.class_settings, parameters, model, k, replaced)
            errors[number].append(cl_error(full, net, SPECTRUM[source]))
    return [Judged(number, networks[number].architecture, loss, float(np.mean(errors[number])))
            for number, loss in best]
