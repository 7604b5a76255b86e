"""Log-likelihoods of many points in either mode: in parallel, each kept in a file as soon as it is known."""
from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cosmicnet
from cosmicnet.errors import CosmicnetError, NotCovered
from cosmicnet.files import write_whole
from cosmicnet.store import load_network_set
from cosmicnet.training.work.parallel import ended, progress, single_threaded_pool

from ..theory.modes import in_mode, networks_of
from ..theory.quiet import quiet

__all__ = ["Evaluation", "Point", "Task", "at_this_point_only", "evaluate_all", "model_of"]

Point = Mapping[str, float]

# the models of this process by the identity of their task
_models: dict[str, Any] = {}


@dataclass(frozen=True)
class Task:
    """A run (Cobaya's info), a mode and where its results are kept.

    `identity` is all that the results depend on besides the point.
    """

    info: dict[str, Any]
    identity: str
    folder: Path

    @classmethod
    def of(cls, info: Mapping[str, Any], mode: str, folder: Path, networks: str | None = None, *,
           one_line_of_sight: bool = True) -> Task:
        model = in_mode(info, mode, networks, one_line_of_sight=one_line_of_sight)
        used = _networks_identity(networks or networks_of(info)) if mode == "net" else {}
        identity = {"class": version("classy"), "classy": _classy_identity(), "cobaya": version("cobaya"),
                    "model": model, **used}
        return cls(model, json.dumps(identity, sort_keys=True, default=str), folder)

    def path(self, point: Point) -> Path:
        key = self.identity + json.dumps(dict(sorted(point.items())))
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


@dataclass(frozen=True)
class Evaluation:
    """Log-likelihood by likelihood and derived parameters at a point; `failure` is why there are none."""

    loglikes: dict[str, float]
    derived: dict[str, float]
    seconds: float
    failure: str | None = None

    @property
    def loglike(self) -> float:
        return sum(self.loglikes.values())


def evaluate_all(task: Task, points: Sequence[Point], processes: int, what: str) -> list[Evaluation]:
    """One evaluation per point, in order. After an interruption, what was done before is read from its files."""
    done = {index: found for index, point in enumerate(points) if (found := _read(task.path(point))) is not None}
    waiting = [index for index in range(len(points)) if index not in done]
    if waiting:
        processes = min(processes, len(waiting))
        with progress(what, len(points), len(done)) as advance, single_threaded_pool(processes) as pool:
            futures = {pool.submit(_evaluate, task, dict(points[index])): index for index in waiting}
            for index, future in ended(futures):
                done[index] = future.result()
                advance()
    return [done[index] for index in range(len(points))]


def model_of(info: Mapping[str, Any]) -> Any:
    """Cobaya's model; raises CosmicnetError with Cobaya's own message where it cannot be made."""
    from cobaya.component import ComponentNotInstalledError
    from cobaya.log import LoggedError
    from cobaya.model import get_model

    with quiet(logging.ERROR):
        try:
            return get_model(dict(info), stop_at_error=True)
        except ComponentNotInstalledError as error:
            raise CosmicnetError(f"{error} If it is in a folder that was not looked into, give that by --packages-path "
                                 "or COBAYA_PACKAGES_PATH.") from error
        except (LoggedError, OSError) as error:
            raise CosmicnetError(str(error)) from error


def _evaluate(task: Task, point: dict[str, float]) -> Evaluation:
    from cobaya.log import LoggedError

    model = _cached_model(task)
    start = time.perf_counter()
    with quiet(logging.ERROR):
        try:
            loglikes, derived = model.loglikes(point, as_dict=True, cached=False)
        except LoggedError as error:
            raise CosmicnetError(str(error)) from error
        except Exception as error:
            if not at_this_point_only(error):
                raise
            evaluation = Evaluation({}, {}, time.perf_counter() - start, failure=str(error.__cause__ or error))
        else:
            evaluation = Evaluation(_floats(loglikes), _floats(derived), time.perf_counter() - start)
    write_whole({task.path(point): json.dumps(asdict(evaluation))})
    return evaluation


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def at_this_point_only(error: Exception) -> bool:
    """Whether CLASS or the networks refuse this point, and no other for that."""
    from classy import CosmoComputationError

    return isinstance(error, (CosmoComputationError, NotCovered))


def _cached_model(task: Task) -> Any:
    """Reading Planck's data takes longer than many evaluations."""
    if task.identity not in _models:
        _models[task.identity] = model_of(task.info)
    return _models[task.identity]


def _classy_identity() -> str:
    """Hash of the compiled module: a CLASS that was built anew with other code may have the same version."""
    import classy

    file = sys.modules[classy.Class.__module__].__file__
    return hashlib.sha256(Path(str(file)).read_bytes()).hexdigest()


def _networks_identity(networks: str) -> dict[str, str]:
    """Hashes of the networks and of the code that evaluates them."""
    code = hashlib.sha256()
    for path in sorted(Path(cosmicnet.__file__).parent.glob("*")):
        if path.suffix in (".py", ".so"):
            code.update(path.read_bytes())
    return {"networks": load_network_set(networks).manifest.sha256, "code": code.hexdigest()}


def _read(path: Path) -> Evaluation | None:
    try:
        return Evaluation(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        # absent, or damaged from outside: it is made afresh
        return None
