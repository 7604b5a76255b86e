"""Seconds of each step of compute(), full CLASS against networks, measured in one run on the same cosmologies.

CLASS has no clock of its own, and a computation that goes on after a step starts from the input again. So the seconds
of a step are the difference between computations that end after it and before it. The steps after the perturbations
do not depend on who gave the sources: those of full CLASS are measured with sources of networks and CLASS's own
line of sight.
"""
from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from rich.console import Console

from .benchmark_report import Benchmark, write_benchmark
from .boxes import BOXES
from .parallel import progress
from .spectra import Parameters, networks_on, new_class, require_patched_classy

__all__ = ["STEPS", "BenchmarkSettings", "benchmark", "measure"]

STEPS = ("background", "thermodynamics", "perturbations", "fourier", "transfer", "harmonic", "lensing")
WHOLE = "whole compute()"
WHOLE_HMCODE = "whole compute(), hmcode"
NEW_PRIMORDIAL = "change of A_s and n_s"
REQUEST: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 2508}
CLASS_LINE_OF_SIGHT: Parameters = {"fast_line_of_sight": "no"}
HMCODE: Parameters = {"non_linear": "hmcode"}
PRIMORDIAL: Parameters = {"A_s": 2.2e-9, "n_s": 0.95}
# of CLASS, and of NumPy's matrix products
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class BenchmarkSettings:
    """output: folder of performance.*; models: cosmologies of the whole domain; networks: name
    or folder; threads: numbers of threads, each measured in a process of its own."""

    output: Path
    models: int
    networks: str | None
    threads: tuple[int, ...]


def benchmark(settings: BenchmarkSettings) -> list[Benchmark]:
    """Measure, print and write performance.md, .json and .png. Raises CosmicnetError for a classy without networks."""
    require_patched_classy()
    results = []
    for threads in settings.threads:
        # libraries read them when they are loaded, so another number needs another process
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            results.append(process.submit(measure, settings).result())
    settings.output.mkdir(parents=True, exist_ok=True)
    (settings.output / "performance.json").write_text(
        json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    write_benchmark(results, settings.output, Console())
    return results


def measure(settings: BenchmarkSettings) -> Benchmark:
    """All medians with the threads of this process."""
    networks = networks_on(settings.networks)
    full: list[dict[str, float]] = []
    net: list[dict[str, float]] = []
    inside: list[dict[str, float]] = []
    points = BOXES[-1].points(settings.models)
    _seconds_until("lensing", {**points[0], **networks})  # loads what is loaded once
    with progress("timing", len(points)) as advance:
        for cosmology in points:
            fast, own_steps = _steps({**cosmology, **networks})
            slow, _ = _steps({**cosmology, **networks, **CLASS_LINE_OF_SIGHT})
            slow["perturbations"] = (_seconds_until("perturbations", cosmology)[0]
                                     - _seconds_until("thermodynamics", cosmology)[0])
            slow[WHOLE] = _seconds_until("lensing", cosmology)[0]
            slow[WHOLE_HMCODE] = _seconds_until("lensing", {**cosmology, **HMCODE})[0]
            fast[WHOLE_HMCODE] = _seconds_until("lensing", {**cosmology, **HMCODE, **networks})[0]
            # stock CLASS computes everything again
            slow[NEW_PRIMORDIAL] = slow[WHOLE]
            fast[NEW_PRIMORDIAL] = _seconds_of_change({**cosmology, **networks}, PRIMORDIAL)
            full.append(slow)
            net.append(fast)
            inside.append(own_steps)
            advance()
    return Benchmark(platform.processor() or platform.machine(), int(os.environ["OMP_NUM_THREADS"]),
                     settings.models, *(_medians(rows) for rows in (full, net, inside)))


def _steps(parameters: Parameters) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by step, and those inside the networks, of one cosmology."""
    seconds, before = {}, 0.0
    inside: dict[str, float] = {}
    for step in STEPS:
        until, inside = _seconds_until(step, parameters)
        seconds[step] = max(until - before, 0.0)
        before = until
    return {**seconds, WHOLE: before}, inside


def _seconds_until(step: str, parameters: Parameters) -> tuple[float, dict[str, float]]:
    """Wall time of compute() up to a step, the faster of two: what else the machine does only adds."""
    times = []
    for _ in range(2):
        model = new_class({**REQUEST, **parameters})
        start = perf_counter()
        model.compute([step])
        times.append(perf_counter() - start)
        inside = dict(model.neural_network_info().get("seconds", {}))
        model.empty()
    return min(times), inside


def _seconds_of_change(parameters: Parameters, change: Parameters) -> float:
    """Wall time of compute() after a change of parameters, the faster of two."""
    model = new_class({**REQUEST, **parameters})
    model.compute(["lensing"])
    times = []
    for options in (change, {name: parameters[name] for name in change}):
        model.set(options)
        start = perf_counter()
        model.compute(["lensing"])
        times.append(perf_counter() - start)
    model.empty()
    return min(times)


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    names: Mapping[str, None] = dict.fromkeys(name for row in rows for name in row)
    return {name: statistics.median(row[name] for row in rows if name in row) for name in names}
