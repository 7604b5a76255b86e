"""Log-likelihoods of many points in either mode: in parallel, each kept in a file once known, and how many a second."""
from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

import cosmicnet
from cosmicnet.errors import CosmicnetError, NotCovered
from cosmicnet.files import parse_json, write_whole
from cosmicnet.training.work.digest import content_digest
from cosmicnet.training.work.parallel import ended, progress, single_threaded_pool

from ..theory.modes import in_mode, learned_folder, manifest_of, named_sets, networks_of
from ..theory.quiet import quiet

__all__ = [
    "ALL",
    "FAST",
    "PROCESSES_FOR_RATE",
    "Evaluated",
    "Point",
    "PointSettings",
    "Rate",
    "RunInMode",
    "evaluate_all",
    "fast_parameters",
    "measure_rates",
    "model_of",
]

Point = Mapping[str, float]

# Points for the median time of an evaluation, in each mode.
POINTS_FOR_RATE = {"net": 24, "full": 6}
PROCESSES_FOR_RATE = (1, 2)
ALL, FAST = "all", "fast"

# Models of this process by the identity of their run: reading Planck's data takes longer than many evaluations.
_models: dict[str, Any] = {}


@dataclass(frozen=True)
class PointSettings:
    """Options shared by `check` and `reweight`.

    points : how many; folder : where evaluations are kept; packages_path : None for that of the run.
    precision : of full CLASS: that which the networks stand for, or the run's own.
    """

    points: int
    packages_path: Path | None
    processes: int
    folder: Path
    seed: int
    same_modules: bool = True
    precision: Literal["networks", "run"] = "networks"

    def with_packages(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """The run with this packages_path."""
        return {**info, **({} if self.packages_path is None else {"packages_path": str(self.packages_path)})}

    @property
    def truth(self) -> str:
        return f"full CLASS at the precision of the {self.precision}"

    def full_class(self, info: Mapping[str, Any], points: Sequence[Point], networks: str | None = None
                   ) -> list[Evaluated]:
        """The run's likelihoods with full CLASS at these points. networks : None for those of the run."""
        # learned networks have the precision of their run
        of_run = self.precision == "run" or (networks is None and learned_folder(info))
        precision = {} if of_run else manifest_of(info, networks).precision_settings
        run = RunInMode.of(info, "full", self.folder, same_modules=self.same_modules, precision=precision)
        return evaluate_all(run, points, self.processes, self.truth)

    def with_networks(self, info: Mapping[str, Any], points: Sequence[Point], networks: str | None) -> list[Evaluated]:
        """The same with networks. networks : None for those of the run."""
        return evaluate_all(RunInMode.of(info, "net", self.folder, networks), points, self.processes, "networks")


@dataclass(frozen=True)
class RunInMode:
    """A run in one mode, and the folder of its results. identity : all their dependencies besides the point."""

    info: dict[str, Any]
    identity: str
    folder: Path

    @classmethod
    def of(cls, info: Mapping[str, Any], mode: str, folder: Path, networks: str | None = None, *,
           same_modules: bool = True, precision: Mapping[str, float] | None = None) -> RunInMode:
        model = in_mode(info, mode, networks, same_modules=same_modules, precision=precision)
        used = _networks_identity(networks or networks_of(info)) if mode == "net" else {}
        identity = {"class": version("classy"), "classy": _classy_identity(), "cobaya": version("cobaya"),
                    "model": model, **used}
        return cls(model, json.dumps(identity, sort_keys=True, default=str), folder)

    def path(self, point: Point) -> Path:
        key = self.identity + json.dumps(dict(sorted(point.items())))
        return self.folder / f"{content_digest(key.encode())[:24]}.json"


@dataclass(frozen=True)
class Evaluated:
    """Log-likelihoods by name and derived parameters at a point; or the reason why there are none."""

    loglikes: dict[str, float]
    derived: dict[str, float]
    seconds: float
    failure: str | None = None

    @property
    def loglike(self) -> float:
        return sum(self.loglikes.values())


def evaluate_all(run: RunInMode, points: Sequence[Point], processes: int, what: str) -> list[Evaluated]:
    """Evaluate the points, in order; those that an interrupted command has finished are read from its files."""
    done = {index: found for index, point in enumerate(points) if (found := _read(run.path(point))) is not None}
    waiting = [index for index in range(len(points)) if index not in done]
    if waiting:
        with progress(what, len(points), len(done)) as advance, \
                single_threaded_pool(min(processes, len(waiting))) as pool:
            futures = {pool.submit(_evaluate, run, dict(points[index])): index for index in waiting}
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
            raise CosmicnetError(f"{error} If it is installed elsewhere, give that folder by --packages-path or "
                                 "COBAYA_PACKAGES_PATH.") from error
        except (LoggedError, OSError) as error:
            raise CosmicnetError(str(error)) from error


def _evaluate(run: RunInMode, point: dict[str, float]) -> Evaluated:
    from cobaya.log import LoggedError

    if run.identity not in _models:
        _models[run.identity] = model_of(run.info)
    start = time.perf_counter()
    with quiet(logging.ERROR):
        try:
            loglikes, derived = _models[run.identity].loglikes(point, as_dict=True, cached=False)
        except LoggedError as error:
            raise CosmicnetError(str(error)) from error
        except Exception as error:
            if not _concerns_this_point(error):
                raise
            found = Evaluated({}, {}, time.perf_counter() - start, failure=str(error.__cause__ or error))
        else:
            found = Evaluated(_floats(loglikes), _floats(derived), time.perf_counter() - start)
    write_whole({run.path(point): json.dumps(asdict(found))})
    return found


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def _concerns_this_point(error: Exception) -> bool:
    """Whether CLASS or the networks refuse this point; other errors concern the whole run."""
    from classy import CosmoComputationError

    return isinstance(error, (CosmoComputationError, NotCovered))


def _classy_identity() -> str:
    """Hash of the compiled module: a rebuilt CLASS may have the same version."""
    import classy

    file = sys.modules[classy.Class.__module__].__file__
    return content_digest(Path(str(file)).read_bytes())


def _networks_identity(networks: str) -> dict[str, str]:
    """Hashes of the networks and of the code that evaluates them."""
    folder = Path(cosmicnet.__file__).parent
    code = b"".join(path.read_bytes() for path in sorted([*folder.glob("*.py"), *(folder / "paper").glob("*.py")]))
    hashes = [one.manifest.sha256 for one in named_sets(networks).values()]
    return {"networks": " ".join(hashes), "code": content_digest(code)}


def _read(path: Path) -> Evaluated | None:
    try:
        return Evaluated(**parse_json(path.read_text()))
    except (OSError, ValueError, TypeError):
        # absent, or damaged: evaluate again
        return None


# ---- evaluations per second


@dataclass(frozen=True)
class Rate:
    """Evaluations of all likelihoods per second, by so many processes of one thread each.

    changed : ALL parameters from one evaluation to the next, or the FAST ones, which keep the source functions.
    """

    mode: str
    processes: int
    per_second: float
    changed: str = ALL


def measure_rates(info: Mapping[str, Any], points: Sequence[Point]) -> list[Rate]:
    """Rates of both modes as in a chain, each with its own modules. Raises CosmicnetError where no point works.

    Evaluations of earlier runs are not used: the machine may have been busy then.
    """
    rates = []
    for processes in PROCESSES_FOR_RATE:
        for mode, number in POINTS_FOR_RATE.items():
            with TemporaryDirectory() as folder:
                run = RunInMode.of(info, mode, Path(folder), same_modules=False)
                timed = evaluate_all(run, points[:number], processes, f"{mode}, {processes} at a time")
            seconds = [evaluated.seconds for evaluated in timed if not evaluated.failure]
            if not seconds:
                raise CosmicnetError(f"no point could be computed in mode {mode}: {timed[0].failure}")
            rates.append(Rate(mode, processes, processes / float(np.median(seconds))))
    for mode, number in POINTS_FOR_RATE.items():
        run = RunInMode.of(info, mode, Path(), same_modules=False)
        with single_threaded_pool(1) as pool:
            steps = pool.submit(_seconds_of_fast_steps, run, [dict(point) for point in points[:number]]).result()
        if steps:
            rates.append(Rate(mode, 1, 1.0 / float(np.median(steps)), FAST))
    return rates


def fast_parameters(model: Any) -> list[str]:
    """Sampled parameters of Cobaya's model that change no source function; none where CLASS is not split in two."""
    from ..theory.sources import Sources

    halves = [theory for theory in model.theory.values() if isinstance(theory, Sources)]
    if not halves:
        return []
    slow = {name for half in halves for name in half.slow_params}
    # parameters of other theory codes that give parameters of CLASS
    slow |= {name for half in halves for other in model._dependencies.get(half, ()) for name in other.input_params}
    return [name for name, inputs in model.parameterization.sampled_input_dependence().items()
            if not slow & {name, *inputs}]


def _seconds_of_fast_steps(run: RunInMode, points: Sequence[Point]) -> list[float]:
    """Steps from the first point that can be computed, to the fast parameters of the others."""
    model = model_of(run.info)
    fast, seconds = fast_parameters(model), []
    if not fast:
        return []
    start: Point = {}
    for point in points:
        step = {**start, **{name: point[name] for name in fast}} if start else dict(point)
        begin = time.perf_counter()
        try:
            model.loglikes(step)
        except Exception as error:
            if not _concerns_this_point(error):
                raise
            continue
        if start:
            seconds.append(time.perf_counter() - begin)
        else:
            start = point
    return seconds
