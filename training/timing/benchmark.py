"""Seconds of each step of compute(), full CLASS against networks, measured in one run on the same cosmologies.

CLASS has no clock of its own. The seconds of a step are the difference between computations that end after it and
before it. Both modes go on from the primordial spectra, so that each later module is run and timed by itself. What
takes milliseconds is the median of REPEATS computations; full CLASS, of seconds, is measured once in each cosmology.
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

from ..evaluate.boxes import BOXES
from ..work.parallel import progress
from ..work.spectra import Parameters, networks_on, new_class, require_patched_classy
from .benchmark_report import Benchmark, write_benchmark

__all__ = ["STEPS", "BenchmarkSettings", "benchmark", "measure"]

STEPS = ("background", "thermodynamics", "perturbations", "fourier", "transfer", "harmonic", "lensing")
WHOLE = "whole compute()"
FOURIER_HMCODE = "fourier, hmcode"
WHOLE_HMCODE = "whole compute(), hmcode"
NEW_PRIMORDIAL = "change of A_s and n_s"
REQUEST: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 2508}
HMCODE: Parameters = {"non_linear": "hmcode"}
PRIMORDIAL: Parameters = {"A_s": 2.2e-9, "n_s": 0.95}
REPEATS = 5
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
    _successive_seconds({**points[0], **networks}, ("lensing",))  # loads what is loaded once
    with progress("timing", len(points)) as advance:
        for cosmology in points:
            fast, own_steps = _network_seconds({**cosmology, **networks})
            slow = _full_seconds(cosmology)
            full.append(slow)
            net.append(fast)
            inside.append(own_steps)
            advance()
    return Benchmark(platform.processor() or platform.machine(), int(os.environ["OMP_NUM_THREADS"]),
                     settings.models, *(_medians(rows) for rows in (full, net, inside)))


def _network_seconds(parameters: Parameters) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds with networks by row of the table, and those inside the networks, of one cosmology."""
    change, inside = _seconds_of_change(parameters)
    return {**_seconds(parameters, REPEATS), NEW_PRIMORDIAL: change}, inside


def _full_seconds(cosmology: Parameters) -> dict[str, float]:
    """Seconds of full CLASS by row of the table."""
    seconds = _seconds(cosmology, 1)
    # stock CLASS computes everything again
    return {**seconds, NEW_PRIMORDIAL: seconds[WHOLE]}


def _seconds(parameters: Parameters, repeats: int) -> dict[str, float]:
    """Seconds of the steps, the same way in both modes, each the median of a number of computations."""
    background, thermodynamics = (_median_seconds(parameters, (step,), REPEATS)[0] for step in STEPS[:2])
    # each of these runs the modules of its step, those before it that are listed there, and no others
    primordial, fourier, with_transfer, harmonic, with_lensing = _median_seconds(
        parameters, ("primordial", "fourier", "transfer", "harmonic", "lensing"), repeats)
    until_primordial, hmcode, after_primordial = _median_seconds(
        {**parameters, **HMCODE}, ("primordial", "fourier", "lensing"), repeats)
    return {
        "background": background,
        "thermodynamics": thermodynamics - background,
        "perturbations": primordial - thermodynamics,
        "fourier": fourier,
        "transfer": with_transfer - fourier,
        "harmonic": harmonic,
        "lensing": with_lensing - harmonic,
        WHOLE: primordial + with_transfer + with_lensing,
        FOURIER_HMCODE: hmcode,
        WHOLE_HMCODE: until_primordial + after_primordial,
    }


def _median_seconds(parameters: Parameters, steps: tuple[str, ...], repeats: int) -> list[float]:
    """Medians of _successive_seconds()."""
    return [statistics.median(times) for times in
            zip(*(_successive_seconds(parameters, steps) for _ in range(repeats)), strict=True)]


def _successive_seconds(parameters: Parameters, steps: tuple[str, ...]) -> list[float]:
    """Wall times of compute() up to each of the steps, of one object.

    Each goes on from the primordial spectra, and keeps transfer functions that are there and do not depend on
    non-linear corrections: "transfer" is fourier and transfer, "lensing" after it harmonic and lensing.
    """
    model = new_class({**REQUEST, **parameters})
    times = []
    for step in steps:
        start = perf_counter()
        model.compute([step])
        times.append(perf_counter() - start)
    model.empty()
    return times


def _seconds_of_change(parameters: Parameters) -> tuple[float, dict[str, float]]:
    """Wall time of compute() after a change of A_s and n_s, the median of REPEATS there and back.

    With it, the seconds inside the networks, which the first compute() took.
    """
    model = new_class({**REQUEST, **parameters})
    model.compute(["lensing"])
    inside = dict(model.neural_network_info()["seconds"])
    times = []
    for options in (PRIMORDIAL, {name: parameters[name] for name in PRIMORDIAL}) * REPEATS:
        model.set(options)
        start = perf_counter()
        model.compute(["lensing"])
        times.append(perf_counter() - start)
    model.empty()
    return statistics.median(times), inside


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    names: Mapping[str, None] = dict.fromkeys(name for row in rows for name in row)
    return {name: statistics.median(row[name] for row in rows if name in row) for name in names}
