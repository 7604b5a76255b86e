"""The seconds of a benchmark as a table on the screen, a page of the documentation and a stacked bar."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

__all__ = ["Benchmark", "write_benchmark"]

MILLISECONDS = 1e3
RESOLUTION = 1e-3
"""Seconds; ratios of less are noise, as of the fourier step without non-linear spectra."""


# times faster, by row, on one thread and on more
TARGETS = {"perturbations": (300, 200), "transfer": (20, 20), "whole compute()": (25, 20),
           "whole compute(), hmcode": (20, 15), "change of A_s and n_s": (100, 100)}


@dataclass(frozen=True)
class Benchmark:
    """Medians over the cosmologies, in seconds, by step; inside: of the networks' own steps."""

    machine: str
    threads: int
    models: int
    full: dict[str, float]
    net: dict[str, float]
    inside: dict[str, float]


def write_benchmark(results: Sequence[Benchmark], folder: Path, console: Console) -> None:
    """Print the tables; write performance.md and performance.png into `folder`."""
    for result in results:
        table = Table("step", title=_title(result), title_justify="left")
        for heading in ("full CLASS, ms", "networks, ms", "times faster", "target"):
            table.add_column(heading, justify="right")
        for row in _rows(result):
            table.add_row(*row)
        console.print(table)
    (folder / "performance.md").write_text(_markdown(results), encoding="utf-8")
    _plot(results[0], folder / "performance.png")
    console.print(f"wrote {folder / 'performance.md'}, .json, .png", highlight=False)


def _title(result: Benchmark) -> str:
    return (f"Medians of {result.models} cosmologies, lensed TT, TE, EE, phi phi to l = 2508, "
            f"OMP_NUM_THREADS = {result.threads}")


def _rows(result: Benchmark) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for step, slow in result.full.items():
        fast = result.net[step]
        target = ""
        if step in TARGETS:
            wanted = TARGETS[step][result.threads > 1]
            target = str(wanted) if slow / fast >= wanted else f"{wanted}, missed"
        rows.append((step, f"{MILLISECONDS * slow:.1f}", f"{MILLISECONDS * fast:.1f}",
                     f"{slow / fast:.3g}" if min(slow, fast) > RESOLUTION else "", target))
    return rows


def _markdown(results: Sequence[Benchmark]) -> str:
    lines = [
        "# Performance", "",
        "Written by `cosmicnet benchmark`; do not edit. All figures of a run are measured on the same cosmologies",
        "of the whole domain, one after the other; only their ratios mean something on another machine. What takes",
        "milliseconds is the median of five computations in each cosmology; full CLASS, of seconds, runs once.", "",
    ]
    for result in results:
        lines += [
            f"{_title(result)}; {result.machine}.", "",
            "| step | full CLASS, ms | networks, ms | times faster | target |", "|---|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in _rows(result)), "",
        ]
    lines += _by_threads(results)
    lines += [
        "The transfer step with networks is the fast line of sight (docs/architecture.md), which also samples more",
        "finely, and `fourier, hmcode` the fast HMcode. After a change of A_s and n_s CLASS computes everything again,",
        "the patched one only what they reach. The floor is input, background and thermodynamics, which networks need",
        "as well.", "",
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
        "The perturbation step by number of threads (Table 5 of CosmicNet I), in ms. `interpolation` leads from the",
        "outputs of the networks to CLASS's times and wavenumbers; `late photons` does the same for these, and adds",
        "rescattering; both are summed over threads. What is missing to the whole is CLASS's own.",
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
