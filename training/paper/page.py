"""What docs/paper.md is made of: every table of the paper, its values beside those measured here."""
from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from cosmicnet.manifest import Manifest
from cosmicnet.paper.inputs import TIMES

from ..evaluate.accuracy import LOW_L_END
from .generate import price
from .measure import SourceComparison, SpectraComparison, Timing
from .recipe import SETS, PaperRecipe, TrainingRecipe, load_paper_recipe
from .search import draw_label
from .tables import PAPER, FieldSize, fields_table, inputs_table, layers_table, timing_table
from .text import FALLING_RATE, FIELDS_TEXT, HEADER, LAYERS_TEXT, PAPER_RATE, SEARCH_TEXT
from .train import Epoch

__all__ = ["DEFAULT", "FAITHFUL", "LABELS", "Measured", "header", "page"]

FAITHFUL, DEFAULT = "faithful", "default"
LABELS = (FAITHFUL, DEFAULT)
# Of the paper: relative error of TT "for most of the multipole range".
TT_LIMIT = 0.003
SECONDS_PER_HOUR = 3600.0
PAPER_TRAINING_HOURS = {"t0": 3.0, "t1": 0.6, "t2": 10.0}
FULL_RECIPE = "paper.toml"


@dataclass(frozen=True)
class Measured:
    """All that the page shows of both sets.

    histories: epochs by source; default_seconds: of training the default networks, None if they were not trained
    again; drawn: by source what the recipe's search found best, None if it was not run; fields: of the default set.
    """

    sources: SourceComparison
    spectra: SpectraComparison
    timings: list[Timing]
    histories: Mapping[str, list[Epoch]]
    default_seconds: float | None
    drawn: Mapping[str, Sequence[Mapping[str, Any]] | None]
    fields: Sequence[FieldSize]


def page(recipe: PaperRecipe, file: Path, faithful: Manifest, measured: Measured) -> str:
    """The text of paper.md. file: of the recipe; faithful: what is said of the recipe's networks in their manifest."""
    sources, k_size = measured.sources, measured.sources.k.size
    class_version = faithful.class_version.removeprefix("v")
    full = load_paper_recipe(Path(str(files("cosmicnet.training") / "recipes" / FULL_RECIPE)))
    return "\n\n".join([
        header(recipe, file, full, class_version, k_size), _what_was_run(recipe, full, faithful, measured.histories),
        "## Table 1: inputs", inputs_table(k_size), *_layers(recipe, k_size, class_version),
        "### The default networks beside these", FIELDS_TEXT,
        fields_table(measured.fields),
        "## The search (section 3.2)", _search(recipe, measured.drawn), *_sources(sources), *_spectra(measured.spectra),
        *_speed(measured.timings), "## Default networks against the faithful ones", _factors(measured)]) + "\n"


def header(recipe: PaperRecipe, file: Path, full: PaperRecipe, class_version: str, k_size: int) -> str:
    """The beginning of the page. full: the recipe with the paper's own sizes."""
    rate = PAPER_RATE if recipe.training.learning_rate_end is None else FALLING_RATE
    return _filled(HEADER.format(
        recipe=file, price=price(full), draws=full.search.draws, class_version=class_version, k_size=k_size, rate=rate,
        companion=recipe.companion, sigmas=recipe.sigmas, name=recipe.name))


def _filled(text: str) -> str:
    """Paragraphs in full lines again, after recipes and numbers were put in; headings and commands as they are."""
    return "\n\n".join(
        part if part.startswith(("#", " ")) else fill(part, 120, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n\n"))


def _what_was_run(
    recipe: PaperRecipe, full: PaperRecipe, faithful: Manifest, histories: Mapping[str, list[Epoch]]
) -> str:
    trained: Mapping[str, Mapping[str, float]] = faithful.recipe["trained"]
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
    lines += [f"| draws of the recipe's search, kept | {full.search.draws}, {full.search.keep} | "
              f"{recipe.search.draws}, {recipe.search.keep} |",
              f"| Adam's rate | {_rate(full.training)} | {_rate(recipe.training)} |", "",
              f"Networks {faithful.name}, hash {faithful.sha256[:12]}, of {faithful.recipe['models_used']} models; "
              f"CLASS {faithful.class_version}; {platform.processor() or platform.machine()}. Training times are "
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


def _layers(recipe: PaperRecipe, k_size: int, class_version: str) -> list[str]:
    parts = [LAYERS_TEXT.format(k_size=k_size, class_version=class_version)]
    for source, printed in PAPER.items():
        architecture = getattr(recipe.networks, source).hyperparameters.architecture(source)
        parts += [f"### Table {printed.table}: S_{source.upper()}", layers_table(architecture, k_size)]
    return parts


def _search(recipe: PaperRecipe, drawn: Mapping[str, Sequence[Mapping[str, Any]] | None]) -> str:
    epochs = ", ".join(f"S_{source.upper()} {recipe.search.epochs[source]} of {getattr(recipe.networks, source).epochs}"
                       for source in TIMES)
    lines = [_filled(SEARCH_TEXT.format(epochs=epochs)), "",
             "| network | draw | validation loss | C_l error | layers |", "|---|---|---|---|---|"]
    for source, best in drawn.items():
        if best is None:
            lines.append(f"| S_{source.upper()} | not searched | | | |")
            continue
        lines += [f"| S_{source.upper()} | {draw_label(judged['draw'])} | {judged['validation_loss']:.2e} | "
                  f"{judged['cl_error']:.3g} | {_written(judged['architecture'])} |" for judged in best]
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
    return ["## Figures 1 and 3 to 5: source functions", "\n".join(lines), *sources.refused,
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
    return ["## Figures 6 and 7: spectra", "\n".join(lines), *spectra.refused, "![Figure 6](paper/figure6.png)",
            "![Figure 7](paper/figure7.png)"]


def _rms(spectra: SpectraComparison, label: str, name: str, chosen: Any) -> float:
    return float(np.sqrt(np.mean([getattr(e, name)[chosen] ** 2 for e in spectra.errors(label)])))


def _speed(timings: list[Timing]) -> list[str]:
    left_out = [n for n in (1, 2, 4, 8) if n not in {t.threads for t in timings}]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    note = f" This machine has {cores} cores, so that {', '.join(map(str, left_out))} are missing." if left_out else ""
    return ["## Table 5: seconds of the perturbation step",
            "Medians over unseen models; networks by NumPy, inputs included, all sources that the C_l need." + note,
            timing_table(timings, LABELS)]


def _factors(measured: Measured) -> str:
    spectra, sources, default_seconds = measured.spectra, measured.sources, measured.default_seconds
    seconds = sum(map(_seconds, measured.histories.values()))
    chi2 = {label: spectra.chi2(label).median for label in LABELS}
    every = np.ones(spectra.full[0].ell.size, dtype=bool)
    values = [("Wishart χ², median model", chi2, "")]
    for name in ("tt", "ee"):
        percent = {label: 100 * _rms(spectra, label, name, every) for label in LABELS}
        values.append((f"{name.upper()}, rms error of all l", percent, "%"))
    for source in TIMES:
        over_peak = {label: float(np.median([e.rms for e in sources.errors(label, source)])) for label in LABELS}
        values.append((f"S_{source.upper()}, rms error over peak, median model", over_peak, ""))
    milliseconds = {label: 1e3 * measured.timings[0].seconds[label] for label in LABELS}
    values.append(("evaluation, 1 thread", milliseconds, " ms"))
    lines = ["| | faithful | default | factor |", "|---|---|---|---|"]
    lines += [f"| {title} | {v[FAITHFUL]:.3g}{unit} | {v[DEFAULT]:.3g}{unit} | {v[FAITHFUL] / v[DEFAULT]:.3g} |"
              for title, v, unit in values]
    hours = sum(PAPER_TRAINING_HOURS.values())
    title = f"training (paper: {hours:g} h on 4 cores)"
    if default_seconds is None:
        lines.append(f"| {title} | {_minutes(seconds)} | not measured (`--default-models`) |  |")
    else:
        over_paper = hours * SECONDS_PER_HOUR / default_seconds
        lines.append(f"| {title} | {_minutes(seconds)} | {default_seconds / 60:.1f} min | "
                     f"{seconds / default_seconds:.3g}; of the paper's {over_paper:.3g} |")
    return "\n".join(lines)
