"""Evaluations of a run's likelihoods per second, in both modes: all parameters changed, and the fast ones alone."""
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cosmicnet.errors import CosmicnetError
from cosmicnet.training.work.parallel import single_threaded_pool

from ..theory.sources import Sources
from .evaluations import Point, Task, at_this_point_only, evaluate_all, model_of

__all__ = ["ALL", "FAST", "PROCESSES_FOR_RATE", "Rate", "fast_parameters", "measure_rates"]

# points of which the median time is taken, in each mode
POINTS_FOR_RATE = {"net": 24, "full": 6}
PROCESSES_FOR_RATE = (1, 2)
ALL, FAST = "all", "fast"


@dataclass(frozen=True)
class Rate:
    """Evaluations of all likelihoods per second, by so many processes of one thread each.

    changed : ALL parameters from one evaluation to the next, or the FAST ones, which leave the source functions alone.
    """

    mode: str
    processes: int
    per_second: float
    changed: str = ALL


def measure_rates(info: Mapping[str, Any], points: Sequence[Point]) -> list[Rate]:
    """Both modes as a chain runs them, each with its own line of sight. Raises CosmicnetError where no point works.

    Nothing is taken from earlier runs, whose times may be those of a busy machine.
    """
    rates = []
    for processes in PROCESSES_FOR_RATE:
        for mode, number in POINTS_FOR_RATE.items():
            with TemporaryDirectory() as folder:
                task = Task.of(info, mode, Path(folder), one_line_of_sight=False)
                timed = evaluate_all(task, points[:number], processes, f"{mode}, {processes} at a time")
            seconds = [evaluation.seconds for evaluation in timed if not evaluation.failure]
            if not seconds:
                raise CosmicnetError(f"no point could be computed in mode {mode}: {timed[0].failure}")
            rates.append(Rate(mode, processes, processes / float(np.median(seconds))))
    for mode, number in POINTS_FOR_RATE.items():
        task = Task.of(info, mode, Path(), one_line_of_sight=False)
        with single_threaded_pool(1) as pool:
            steps = pool.submit(_seconds_of_fast_steps, task, [dict(point) for point in points[:number]]).result()
        if steps:
            rates.append(Rate(mode, 1, 1.0 / float(np.median(steps)), FAST))
    return rates


def fast_parameters(model: Any) -> list[str]:
    """Sampled parameters of Cobaya's model that change no source function; none where CLASS is not split in two."""
    halves = [theory for theory in model.theory.values() if isinstance(theory, Sources)]
    if not halves:
        return []
    slow = {name for half in halves for name in half.slow_params}
    # and what other theory codes make parameters of CLASS of
    slow |= {name for half in halves for other in model._dependencies.get(half, ()) for name in other.input_params}
    return [name for name, inputs in model.parameterization.sampled_input_dependence().items()
            if not slow & {name, *inputs}]


def _seconds_of_fast_steps(task: Task, points: Sequence[Point]) -> list[float]:
    """From the first point that can be computed, steps to the values that the fast parameters have at the others."""
    model = model_of(task.info)
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
            if not at_this_point_only(error):
                raise
            continue
        if start:
            seconds.append(time.perf_counter() - begin)
        else:
            start = point
    return seconds
