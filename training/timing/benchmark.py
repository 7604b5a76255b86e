"""Seconds of each step of compute(), full CLASS against networks, measured in one run on the same cosmologies.

CLASS has no clock of its own: the seconds of a step are the difference between computations that end after and before
it. Both modes restart from the primordial spectra, so that each later module runs and is timed alone. Steps of
milliseconds are medians of REPEATS computations; full CLASS takes seconds and runs once in each cosmology.
"""
from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from cosmicnet.files import write_whole
from cosmicnet.store import DEFAULT_SET

from ..evaluate.boxes import LCDM_DOMAIN
from ..work.numbers import significant
from ..work.parallel import progress
from ..work.run_class import Parameters, is_refused, networks_on, new_class, require_patched_classy, timed
from .measured_with import measured_with
from .precision import ACT_DR6, HIGH_L, WIDE

__all__ = ["STEPS", "Benchmark", "BenchmarkSettings", "benchmark", "measure_steps", "write_benchmark"]

STEPS = ("background", "thermodynamics", "perturbations", "fourier", "transfer", "harmonic", "lensing")
WHOLE = "whole compute()"
FOURIER_HMCODE = "fourier, hmcode"
WHOLE_HMCODE = "whole compute(), hmcode"
NEW_PRIMORDIAL = "change of A_s and n_s"
FRESH = "first compute() in a new process"
WITH_SIGMA8 = "whole compute(), sigma8 in place of A_s"
BASE: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 2508}
HMCODE: Parameters = {"non_linear": "hmcode"}
PRIMORDIAL: Parameters = {"A_s": 2.2e-9, "n_s": 0.95}
SIGMA8: Parameters = {"sigma8": 0.81}
# by row; the flat cosmology otherwise
CURVED: Mapping[str, Parameters] = {
    "whole compute(), Omega_k = 0.02": {"Omega_k": 0.02}, "whole compute(), Omega_k = -0.02": {"Omega_k": -0.02}}
TENSORS: Mapping[str, Parameters] = {"whole compute(), r > 0": {"modes": "s,t", "r": 0.05}}
# None takes an entry of BASE out
Changes = Mapping[str, str | float | int | None]
BINS: Changes = {
    "output": "nCl,sCl", "lensing": "no", "l_max_scalars": None, "l_max_lss": 1500, "selection": "gaussian",
    "non_diagonal": 9, "selection_mean": "0.4,0.5,0.6,0.7,0.8,0.9,1.0,1.2,1.4,1.6", "selection_width": 0.05}
GALAXIES: Mapping[str, Changes] = {"whole compute(), density and shear of 10 bins, l to 1500": BINS}
ALL_EFFECTS: Mapping[str, Changes] = {"the same, with redshift-space distortions, lensing and relativity": {
    **BINS, "number_count_contributions": "density,rsd,lensing,gr"}}
THREE_NEUTRINOS: Mapping[str, Parameters] = {"whole compute(), three massive neutrinos": {
    "N_ur": 0.00441, "N_ncdm": 3, "m_ncdm": "0.01,0.0132,0.0512"}}
# in the first cosmology only: full CLASS takes up to minutes
ACT: Mapping[str, Parameters] = {"whole compute(), ACT DR6's settings": {**HIGH_L, **ACT_DR6}}
SLOW: Mapping[str, Changes] = {**THREE_NEUTRINOS, **ACT, **GALAXIES, **ALL_EFFECTS}
FEEDBACK: Parameters = {"hmcode_version": "2020_baryonic_feedback", "log10T_heat_hmcode": 7.8}
REPEATS = 5
# read by CLASS and by NumPy's matrix products
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

MILLISECONDS = 1e3
# Seconds; the noise of a step that does nothing, such as fourier without non-linear spectra.
RESOLUTION = 1e-3
# times faster, by row, on one thread and on more
TARGETS = {"background": (5, 5), "thermodynamics": (5, 5), "perturbations": (350, 220), "transfer": (45, 40),
           "whole compute()": (80, 60), "whole compute(), hmcode": (90, 70), "change of A_s and n_s": (100, 100),
           **dict.fromkeys(THREE_NEUTRINOS, (100, 80)), **dict.fromkeys(CURVED, (25, 20)),
           **dict.fromkeys(TENSORS, (30, 20)), **dict.fromkeys(ACT, (100, 60)), **dict.fromkeys(GALAXIES, (30, 30)),
           **dict.fromkeys(ALL_EFFECTS, (50, 50))}


@dataclass(frozen=True)
class BenchmarkSettings:
    """output: folder of performance.*; models: cosmologies of the whole domain; networks: name or folder; threads:
    numbers of threads, each measured in a process of its own."""

    output: Path
    models: int
    networks: str | None
    threads: tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """A change of parameters on an object that has computed already; values are as good as any.

    base: settings from the first compute() on. cleaned: after struct_cleanup(), as some samplers do. whole: the row of
    full CLASS, which computes everything again.
    """

    base: Parameters
    changed: Parameters
    cleaned: bool = False
    whole: str = WHOLE


# by row
CHANGES = {
    NEW_PRIMORDIAL: Change({}, PRIMORDIAL),
    f"{NEW_PRIMORDIAL}, after struct_cleanup()": Change({}, PRIMORDIAL, cleaned=True),
    "change of A_L, hmcode": Change({**HMCODE, "A_L": 1.0}, {"A_L": 1.1}, whole=WHOLE_HMCODE),
    "change of feedback, hmcode": Change({**HMCODE, **FEEDBACK}, {"log10T_heat_hmcode": 7.6}, whole=WHOLE_HMCODE),
    "change of tau_reio": Change({}, {"tau_reio": 0.06}),
}


@dataclass(frozen=True)
class Benchmark:
    """Medians over the cosmologies, in seconds, by step; inside: of the steps within the networks."""

    machine: str
    threads: int
    models: int
    full: dict[str, float]
    net: dict[str, float]
    inside: dict[str, float]


def benchmark(settings: BenchmarkSettings) -> list[Benchmark]:
    """Measure, print and write performance.md, .json and .png. CosmicnetError for a classy without networks."""
    require_patched_classy()
    results = []
    for threads in settings.threads:
        # libraries read these variables once, when they are loaded
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            results.append(process.submit(measure_steps, settings).result())
    write_whole({settings.output / "performance.json":
                 json.dumps([asdict(result) for result in results], indent=1) + "\n"})
    networks = (DEFAULT_SET, WIDE) if settings.networks is None else (settings.networks,)
    write_benchmark(results, networks, settings.output, Console())
    return results


def measure_steps(settings: BenchmarkSettings) -> Benchmark:
    """Medians of all steps, with the threads of this process."""
    networks = networks_on(settings.networks)
    full: list[dict[str, float]] = []
    net: list[dict[str, float]] = []
    inside: list[dict[str, float]] = []
    points = LCDM_DOMAIN.points(settings.models)
    _successive_seconds({**points[0], **networks}, ("lensing",))  # loads tables and networks
    with progress("timing", len(points)) as advance:
        for cosmology in points:
            fast, own_steps = _network_seconds({**cosmology, **networks})
            slow = _full_seconds(cosmology)
            if cosmology is points[0]:
                with_networks = {**cosmology, **networks}
                fast |= _covered_seconds(with_networks, SLOW) | _fresh_seconds(with_networks, REPEATS)
                slow |= _covered_seconds(cosmology, SLOW, 1) | _fresh_seconds(cosmology, 1)
            full.append(slow)
            net.append(fast)
            inside.append(own_steps)
            advance()
    return Benchmark(platform.processor() or platform.machine(), int(os.environ["OMP_NUM_THREADS"]),
                     settings.models, *(_medians(rows) for rows in (full, net, inside)))


def _network_seconds(parameters: Parameters) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of one cosmology with networks, by row of the table, and those within the networks."""
    changes = {row: _seconds_of_change(parameters, change) for row, change in CHANGES.items()}
    with_sigma8 = _median_seconds(_with_sigma8(parameters), ("lensing",), REPEATS)[0]
    others = _covered_seconds(parameters, {**CURVED, **TENSORS})
    return ({**_seconds(parameters, REPEATS), **{row: seconds for row, (seconds, _) in changes.items()},
             WITH_SIGMA8: with_sigma8, **others}, changes[NEW_PRIMORDIAL][1])


def _full_seconds(cosmology: Parameters) -> dict[str, float]:
    """Seconds of full CLASS by row of the table."""
    seconds = _seconds(cosmology, 1)
    # CLASS searches for A_s when it reads its input
    search = _successive_seconds(_with_sigma8(cosmology), ("input",))[0]
    # CLASS computes everything again
    return {**seconds, **{row: seconds[change.whole] for row, change in CHANGES.items()},
            WITH_SIGMA8: search + seconds[WHOLE], **_covered_seconds(cosmology, {**CURVED, **TENSORS}, 1)}


def _covered_seconds(
        parameters: Parameters, requests: Mapping[str, Changes], repeats: int = REPEATS) -> dict[str, float]:
    """Seconds of compute() by row, without those requests that the networks do not cover."""
    seconds = {}
    for row, request in requests.items():
        try:
            seconds[row] = _median_seconds({**parameters, **request}, ("lensing",), repeats)[0]
        except Exception as error:
            if not is_refused(error):
                raise
    return seconds


def _with_sigma8(cosmology: Parameters) -> Parameters:
    return {**{name: value for name, value in cosmology.items() if name != "A_s"}, **SIGMA8}


def _seconds(parameters: Parameters, repeats: int) -> dict[str, float]:
    """Seconds by step, each the median of `repeats` computations."""
    background, thermodynamics = (_median_seconds(parameters, (step,), REPEATS)[0] for step in STEPS[:2])
    # each restarts after the one before it, and runs the modules in between
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


def _median_seconds(parameters: Changes, steps: tuple[str, ...], repeats: int) -> list[float]:
    """Medians of _successive_seconds()."""
    return [statistics.median(times) for times in
            zip(*(_successive_seconds(parameters, steps) for _ in range(repeats)), strict=True)]


def _successive_seconds(parameters: Changes, steps: tuple[str, ...]) -> list[float]:
    """Wall times of one object's compute() up to each of the steps.

    Each restarts from the primordial spectra and keeps transfer functions that do not depend on non-linear
    corrections: "transfer" runs fourier and transfer, "lensing" after it harmonic and lensing.
    """
    model, times = timed(_request(parameters), steps)
    model.empty()
    return times


def _seconds_of_change(parameters: Parameters, change: Change) -> tuple[float, dict[str, float]]:
    """Wall time of compute() after a change, the median of REPEATS there and back; and the seconds within the networks
    in the first compute()."""
    first = _request({**parameters, **change.base})
    model = new_class(first)
    model.compute(["lensing"])
    inside = dict(model.neural_network_info()["seconds"])
    times = []
    for options in (change.changed, {name: first[name] for name in change.changed}) * REPEATS:
        start = perf_counter()
        if change.cleaned:
            model.struct_cleanup()
        model.set(options)
        model.compute(["lensing"])
        times.append(perf_counter() - start)
    model.empty()
    return statistics.median(times), inside


def _request(parameters: Changes) -> Parameters:
    """BASE with changes."""
    return {name: value for name, value in {**BASE, **parameters}.items() if value is not None}


def _fresh_seconds(parameters: Changes, repeats: int) -> dict[str, float]:
    """Seconds of the first compute() in a new process, with all that is imported and read for it, but without the
    import of classy alone."""
    load = "from classy import Class"
    compute = f"{load}; cosmology = Class(); cosmology.set({_request(parameters)!r}); cosmology.compute()"
    seconds = []
    for _ in range(repeats):
        times = []
        for code in (load, compute):
            start = perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(perf_counter() - start)
        seconds.append(times[1] - times[0])
    return {FRESH: statistics.median(seconds)}


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    names: Mapping[str, None] = dict.fromkeys(name for row in rows for name in row)
    return {name: statistics.median(row[name] for row in rows if name in row) for name in names}


def write_benchmark(
    results: Sequence[Benchmark], networks: Sequence[str], folder: Path, console: Console
) -> None:
    """Print the tables; write performance.md and performance.png into `folder`. networks: the sets that were timed."""
    for result in results:
        table = Table("step", title=_title(result), title_justify="left")
        for heading in ("full CLASS, ms", "networks, ms", "times faster", "target"):
            table.add_column(heading, justify="right")
        for row in _rows(result):
            table.add_row(*row)
        console.print(table)
    write_whole({folder / "performance.md": _markdown(results, networks)})
    _plot(results[0], folder / "performance.png")
    console.print(f"wrote {folder / 'performance.md'}, .json, .png", highlight=False)


def _title(result: Benchmark) -> str:
    return (f"Medians of {result.models} cosmologies, lensed TT, TE, EE, phi phi to l = 2508, "
            f"OMP_NUM_THREADS = {result.threads}")


def _rows(result: Benchmark) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for step, slow in result.full.items():
        if step not in result.net:
            continue  # no network covers it
        fast = result.net[step]
        target = ""
        if step in TARGETS:
            wanted = TARGETS[step][result.threads > 1]
            target = str(wanted) if slow / fast >= wanted else f"{wanted}, missed"
        rows.append((step, f"{MILLISECONDS * slow:.1f}", f"{MILLISECONDS * fast:.1f}",
                     significant(slow / fast) if min(slow, fast) > RESOLUTION else "", target))
    return rows


def _markdown(results: Sequence[Benchmark], networks: Sequence[str]) -> str:
    lines = [
        "# Performance", "",
        "Written by `cosmicnet benchmark`; do not edit. All figures are measured in one run on the same cosmologies of",
        "the whole domain; only ratios carry over to another machine. Steps of milliseconds are medians of five",
        "computations in each cosmology; full CLASS takes seconds and runs once. Rows that take full CLASS minutes",
        "(three neutrinos, ACT DR6's settings, galaxies) and a new process are of the first cosmology alone.", "",
        measured_with(*networks), "",
    ]
    for result in results:
        lines += [
            f"{_title(result)}; {result.machine}.", "",
            "| step | full CLASS, ms | networks, ms | times faster | target |", "|---|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in _rows(result)), "",
        ]
    lines += _by_threads(results)
    lines += [
        "With networks, the transfer step is the fast line of sight, which also samples more finely, and",
        "`fourier, hmcode` the fast HMcode (docs/fast_modules.md). After a change of A_s and n_s CLASS computes",
        "everything again, the patched one only what depends on them. Input, background and thermodynamics are the",
        "floor: networks need them as well. The line of sight (`transfer`) stands between, half of the time.", "",
        f"![Seconds by step](performance.png) OMP_NUM_THREADS = {results[0].threads}.", "",
    ]
    return "\n".join(lines)


def _by_threads(results: Sequence[Benchmark]) -> list[str]:
    """The perturbation step by number of threads, as in Table 5 of CosmicNet I, and the networks' own seconds."""
    threads = " | ".join(str(result.threads) for result in results)
    rows = {
        "perturbations, full CLASS": [result.full["perturbations"] for result in results],
        "perturbations, networks": [result.net["perturbations"] for result in results],
        **{f"of these, {name}": [result.inside[name] for result in results] for name in results[0].inside},
    }
    return [
        "The perturbation step by number of threads (Table 5 of CosmicNet I), in ms. `interpolation` takes the outputs",
        "of the networks to CLASS's times and wavenumbers; `late photons` adds scattering after reionisation and",
        "streaming photons; these and `networks` are summed over threads. The remainder is CLASS's own.",
        "",
        f"| threads | {threads} |", f"|---|{'---|' * len(results)}",
        *(f"| {name} | {' | '.join(f'{MILLISECONDS * value:.1f}' for value in values)} |"
          for name, values in rows.items()), "",
    ]


def _plot(result: Benchmark, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(8, 4), constrained_layout=True)
    steps = list(result.full)[:list(result.full).index("whole compute()")]
    for axis, (title, seconds) in zip(axes, (("full CLASS", result.full), ("networks", result.net)), strict=True):
        left = 0.0
        for number, step in enumerate(steps):
            axis.barh([title], seconds[step], left=left, color=f"C{number}", label=step)
            left += seconds[step]
        axis.set_xlabel("seconds")
    axes[0].legend(ncols=4, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, 1.55))
    figure.savefig(path, dpi=120)
    plt.close(figure)
