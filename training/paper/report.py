"""docs/paper.md: every table and figure of the paper, its values beside those measured here."""
from __future__ import annotations

import json
import math
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from cosmicnet.manifest import PAPER_ARCHITECTURE
from cosmicnet.paper.inputs import TIMES
from cosmicnet.store import DEFAULT_SET, NetworkSet, load_network_set
from cosmicnet.training.accuracy import LOW_L_END
from cosmicnet.training.config import RecipeError, load_recipe
from cosmicnet.training.generate import Workplace
from cosmicnet.training.make import make

from .figures import draw_figures
from .make import training_history
from .measure import (
    SourceComparison,
    SpectraComparison,
    Timing,
    compare_sources,
    compare_spectra,
    time_perturbations,
)
from .recipe import SETS, PaperRecipe, TrainingRecipe, load_paper_recipe
from .tables import PAPER, inputs_table, layers_table, timing_table
from .text import HEADER, LAYERS_TEXT, SEARCH_TEXT
from .train import Epoch

__all__ = ["ReportSettings", "report"]

FAITHFUL, DEFAULT = "faithful", "default"
LABELS = (FAITHFUL, DEFAULT)
# Of the paper: relative error of TT "for most of the multipole range".
TT_LIMIT = 0.003
SECONDS_PER_HOUR = 3600.0
PAPER_TRAINING_HOURS = {"t0": 3.0, "t1": 0.6, "t2": 10.0}
FULL_RECIPE = "paper.toml"


@dataclass(frozen=True)
class ReportSettings:
    """work: of the recipe. networks: the set. output: where paper.md goes. cache: spectra of full CLASS.

    default_models: work folder of the default recipe, None to leave their training time out.
    """

    work: Path
    networks: Path
    output: Path
    cache: Path
    default_models: Path | None
    processes: int


def report(recipe: PaperRecipe, settings: ReportSettings) -> None:
    """Measure everything and write paper.md and paper/figure*.png.

    Raises RecipeError for networks of another architecture, NetworkFileError or GenerationError for what is missing.
    """
    faithful = load_network_set(settings.networks)
    if faithful.manifest.architecture != PAPER_ARCHITECTURE:
        raise RecipeError(f"{settings.networks}: not the paper's networks but {faithful.manifest.architecture}'s")
    networks = {FAITHFUL: str(settings.networks), DEFAULT: DEFAULT_SET}
    points = recipe.test_box().points(recipe.sets.test.models)
    timings = time_perturbations(points[:recipe.report.timing_models], networks)
    sources = compare_sources(recipe, settings.work / "models", networks)
    spectra = compare_spectra(points, networks, settings.cache, settings.processes)
    default_seconds = _train_default(settings.default_models)
    histories = {source: training_history(recipe, settings.work, source) for source in TIMES}
    pictures = settings.output / "paper"
    pictures.mkdir(exist_ok=True)
    draw_figures(sources, spectra, LABELS, pictures)
    text = "\n\n".join([
        HEADER, _what_was_run(recipe, faithful, histories), "## Table 1: inputs", inputs_table(sources.k.size),
        *_layers(recipe, sources.k.size), "## The search (section 3.2)", _search(settings.work),
        *_sources(sources), *_spectra(spectra), *_speed(timings),
        "## Default networks against the faithful ones",
        _factors(spectra, sources, timings, sum(map(_seconds, histories.values())), default_seconds)])
    (settings.output / "paper.md").write_text(text + "\n", encoding="utf-8")


def _train_default(work: Path | None) -> float | None:
    """Seconds of training the default networks on models that are there."""
    if work is None:
        return None
    path = Path(str(files("cosmicnet.training") / "recipes" / f"{DEFAULT_SET}.toml"))
    recipe = load_recipe(path)
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        make(recipe, Workplace(work / "models", path.parent, 1), Path(folder))
        return perf_counter() - start


def _what_was_run(recipe: PaperRecipe, faithful: NetworkSet, histories: Mapping[str, list[Epoch]]) -> str:
    full = load_paper_recipe(Path(str(files("cosmicnet.training") / "recipes" / FULL_RECIPE)))
    trained: Mapping[str, Mapping[str, float]] = faithful.manifest.recipe["trained"]
    lines = ["## What was run", "", "| | paper | here |", "|---|---|---|"]
    lines += [f"| models, {name} | {getattr(full.sets, name).models} | {getattr(recipe.sets, name).models} |"
              for name in SETS]
    for source in TIMES:
        there, here = (getattr(r.networks, source).epochs for r in (full, recipe))
        steps = [epochs * r.sets.training.models for epochs, r in ((there, full), (here, recipe))]
        lines += [
            f"| S_{source.upper()}: epochs (steps of Adam) | {there} ({steps[0]}) | {here} ({steps[1]}) |",
            f"| S_{source.upper()}: validation loss of the rescaled source | not given | "
            f"{trained[source]['validation_loss']:.1e} (epoch {trained[source]['best_epoch']}) |",
            f"| S_{source.upper()}: training time | {PAPER_TRAINING_HOURS[source]:g} h on 4 cores | "
            f"{_minutes(_seconds(histories[source]))} |",
            f"| S_{source.upper()}: smallest validation loss after so many steps | not given | "
            f"{_curve(histories[source], recipe.sets.training.models)} |"]
    lines += [f"| draws of the search, kept | {full.search.draws}, {full.search.keep} | "
              f"{recipe.search.draws}, {recipe.search.keep} |",
              f"| Adam's rate | {_rate(full.training)} | {_rate(recipe.training)} |", "",
              f"Networks {faithful.manifest.name}, hash {faithful.manifest.sha256[:12]}; CLASS "
              f"{faithful.manifest.class_version}; {platform.processor() or platform.machine()}. Training times are "
              "wall times."]
    return "\n".join(lines)


def _rate(training: TrainingRecipe) -> str:
    end = training.learning_rate_end
    return f"{training.learning_rate:g}" + ("" if end is None else f" to {end:g}, falling from epoch to epoch")


def _seconds(history: list[Epoch]) -> float:
    """Wall time of a training, NaN where it was done elsewhere."""
    return sum(epoch.seconds for epoch in history) or math.nan


def _curve(history: list[Epoch], steps_per_epoch: int) -> str:
    """The smallest validation loss so far after 1, 2, 4, 8, ... epochs and at the end."""
    smallest = np.minimum.accumulate([epoch.validation_loss for epoch in history])
    chosen = [*(2**i for i in range((len(history) - 1).bit_length())), len(history)] if history else []
    return "; ".join(f"{number * steps_per_epoch}: {smallest[number - 1]:.1e}" for number in chosen)


def _minutes(seconds: float) -> str:
    return "not timed" if math.isnan(seconds) else f"{seconds / 60.0:.0f} min"


def _layers(recipe: PaperRecipe, k_size: int) -> list[str]:
    parts = [LAYERS_TEXT.format(k_size=k_size)]
    for source, printed in PAPER.items():
        architecture = getattr(recipe.networks, source).hyperparameters.architecture(source)
        parts += [f"### Table {printed.table}: S_{source.upper()}", layers_table(architecture, k_size)]
    return parts


def _search(work: Path) -> str:
    lines = [SEARCH_TEXT, "", "| network | draw | validation loss | C_l error | layers |", "|---|---|---|---|---|"]
    for source in TIMES:
        file = work / "search" / f"{source}.json"
        for judged in json.loads(file.read_text(encoding="utf-8")) if file.exists() else []:
            lines.append(f"| S_{source.upper()} | {judged['draw'] + 1} | {judged['validation_loss']:.2e} | "
                         f"{judged['cl_error']:.3g} | {_written(judged['architecture'])} |")
    return "\n".join(lines)


def _written(architecture: Mapping[str, Any]) -> str:
    dense = [*architecture["times"], architecture["parameters"], architecture["scales"], *architecture["central"]]
    convolutions = [f"{c['filters']}({c['kernel']}/{c['stride']}, {c['pool']})"
                    for name in ("oscillations", "damping") for c in architecture[name]]
    return f"dense {', '.join(map(str, dense))}; filters(kernel/stride, pool) {', '.join(convolutions)}"


def _sources(sources: SourceComparison) -> list[str]:
    number = len(sources.models)
    lines = [f"Errors relative to the largest value of the source, {number} unseen models (median, and worst model).",
             "", "| source | paper | faithful, largest | faithful, rms | default, largest | default, rms |",
             "|---|---|---|---|---|---|"]
    paper = {"t0": "about 1e-3", "t1": "slightly bigger", "t2": "about 1e-3"}
    rows = [(source, False, f"S_{source.upper()}", paper[source]) for source in TIMES]
    rows.append(("t2", True, "S_T2 after 3.5 tau_rec, of its peak there", "not given"))
    for source, late, title, printed in rows:
        cells = []
        for label in LABELS:
            errors = sources.errors(label, source, late)
            for values in ([e.largest for e in errors], [e.rms for e in errors]):
                cells.append(f"{np.median(values):.1e}, {max(values):.1e}")
        lines.append(f"| {title} | {printed} | {' | '.join(cells)} |")
    return ["## Figures 1 and 3 to 5: source functions", "\n".join(lines),
            "Figure 1: the sources of full CLASS.", "![Figure 1](paper/figure1.png)",
            "Figure 3: full CLASS, both sets of networks, absolute differences.", "![Figure 3](paper/figure3.png)",
            "Figure 4: the same for S_T2 after recombination.", "![Figure 4](paper/figure4.png)",
            "Figure 5: as figure 4, for the model with the latest reionisation.", "![Figure 5](paper/figure5.png)"]


def _spectra(spectra: SpectraComparison) -> list[str]:
    chi2 = {label: spectra.chi2(label) for label in LABELS}
    ell = spectra.full[0].ell
    planck = {label: spectra.over_planck(label, "ee") for label in LABELS}
    tt = {label: spectra.over_planck(label, "tt") for label in LABELS}
    number = len(spectra.full)
    rows = [
        ("TT: share of all l and models within 0.3%", "most",
         {s: f"{100 * spectra.share_within(s, 'tt', TT_LIMIT):.1f}%" for s in LABELS}),
        ("TT, l = 2: largest error", "about 6%",
         {s: f"{100 * max(abs(e.tt[0]) for e in spectra.errors(s)):.2f}%" for s in LABELS}),
        ("TT, l ≥ 30: rms error", "", {s: f"{100 * _rms(spectra, s, 'tt', ell >= LOW_L_END):.3f}%" for s in LABELS}),
        ("TT: error over Planck's, mean", "about 2%", {s: f"{100 * tt[s].mean():.2f}%" for s in LABELS}),
        ("EE, l < 20: largest error", "about 40%",
         {s: f"{100 * max(np.abs(e.ee[ell < 20]).max() for e in spectra.errors(s)):.1f}%" for s in LABELS}),
        ("EE, l ≥ 30: rms error", "", {s: f"{100 * _rms(spectra, s, 'ee', ell >= LOW_L_END):.3f}%" for s in LABELS}),
        ("EE: models within Planck's error at all l", "all",
         {s: f"{int((planck[s].max(axis=1) < 1.0).sum())} of {number}" for s in LABELS}),
        ("EE: largest error over Planck's", "below 1", {s: f"{planck[s].max():.2g}" for s in LABELS}),
        ("Wishart χ², median model, worst", "", {s: f"{chi2[s].median:.3g}, {chi2[s].worst:.3g}" for s in LABELS}),
    ]
    lines = [f"{number} unseen models; lensed C_l, l = 2 to 2508; both modes through the fast line of sight.", "",
             "| | paper | faithful | default |", "|---|---|---|---|"]
    lines += [f"| {title} | {paper} | {cells[FAITHFUL]} | {cells[DEFAULT]} |" for title, paper, cells in rows]
    return ["## Figures 6 and 7: spectra", "\n".join(lines), "![Figure 6](paper/figure6.png)",
            "![Figure 7](paper/figure7.png)"]


def _rms(spectra: SpectraComparison, label: str, name: str, chosen: Any) -> float:
    return float(np.sqrt(np.mean([getattr(e, name)[chosen] ** 2 for e in spectra.errors(label)])))


def _speed(timings: list[Timing]) -> list[str]:
    left_out = [n for n in (1, 2, 4, 8) if n not in {t.threads for t in timings}]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    note = f" This machine has {cores} cores, so that {', '.join(map(str, left_out))} are missing." if left_out else ""
    return ["## Table 5: seconds of the perturbation step",
            "Means over unseen models; networks by NumPy, inputs included, all sources that the C_l need." + note,
            timing_table(timings, LABELS)]


def _factors(
    spectra: SpectraComparison, sources: SourceComparison, timings: list[Timing], seconds: float,
    default_seconds: float | None,
) -> str:
    chi2 = {label: spectra.chi2(label).median for label in LABELS}
    every = np.ones(spectra.full[0].ell.size, dtype=bool)
    values = [("Wishart χ², median model", chi2, "")]
    for name in ("tt", "ee"):
        percent = {label: 100 * _rms(spectra, label, name, every) for label in LABELS}
        values.append((f"{name.upper()}, rms error of all l", percent, "%"))
    for source in TIMES:
        over_peak = {label: float(np.median([e.rms for e in sources.errors(label, source)])) for label in LABELS}
        values.append((f"S_{source.upper()}, rms error over peak, median model", over_peak, ""))
    values.append(("evaluation, 1 thread", {label: 1e3 * timings[0].seconds[label] for label in LABELS}, " ms"))
    lines = ["| | faithful | default | factor |", "|---|---|---|---|"]
    lines += [f"| {title} | {v[FAITHFUL]:.3g}{unit} | {v[DEFAULT]:.3g}{unit} | {v[FAITHFUL] / v[DEFAULT]:.3g} |"
              for title, v, unit in values]
    hours = sum(PAPER_TRAINING_HOURS.values())
    title = f"training (paper: {hours:g} h on 4 cores)"
    if default_seconds is None:
        lines.append(f"| {title} | {_minutes(seconds)} | not timed | |")
    else:
        over_paper = hours * SECONDS_PER_HOUR / default_seconds
        lines.append(f"| {title} | {_minutes(seconds)} | {default_seconds / 60:.1f} min | "
                     f"{seconds / default_seconds:.3g}; of the paper's {over_paper:.3g} |")
    return "\n".join(lines)
