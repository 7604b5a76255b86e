"""The parts of docs/paper.md: every table of the paper, its values beside those measured here."""
from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.manifest import Manifest
from cosmicnet.paper.architecture import Architecture, Layer, layers
from cosmicnet.paper.inputs import COSMOLOGY, SCALES, TIMES
from cosmicnet.store import NetworkSet

from ..evaluate.accuracy import LOW_L_END
from ..work.cores import available_cores
from .measure import SourceComparison, SpectraComparison, Timing
from .recipe import SETS, PaperRecipe, TrainingRecipe, load_paper_recipe
from .search import draw_label
from .train import Epoch

__all__ = [
    "COSMICNET_I", "DEFAULT", "LABELS", "PAPER", "PAPER_K", "PAPER_TIMES", "FieldSize", "Measured", "field_sizes",
    "fields_table", "header", "inputs_table", "layers_table", "page", "timing_table",
]

HEADER = """\
# The three networks of CosmicNet I

Written by `cosmicnet paper report`; do not edit. The networks that arXiv:1907.05764 describes (**CosmicNet I**),
the networks `{companion}` of this package (**default**), and full CLASS, on the same unseen cosmologies: the recipe's
box of ±{sigmas:g} sigma. Full CLASS has its default precision here, as in the training of the three; the default
networks stand for converged CLASS, so that most of their difference here is the one between these precisions.

    cosmicnet paper generate {recipe}     models, resumable
    cosmicnet paper train {recipe}        networks, resumable after each epoch
    cosmicnet paper search {recipe}       hyperparameters, any number of processes
    cosmicnet paper report {recipe}       this page

`cosmicnet paper make` runs generate, train and report, with `--search` also the search. The paper's own sizes
(training/recipes/paper.toml) need {cost}, and for the search {draws} times as much training.

{loss}

In `classy` choose the set by its name, `neural_network_path: {name}`; `auto` never takes it. It is evaluated with
NumPy. Lensing and matter sources (`phi_plus_psi`, `delta_m`, `delta_cb`) come from `{companion}` by default, since its
errors are far smaller than those of the three and it takes 2 ms. The paper integrated the equations for the lensing
potential. In Python `cosmology.set_source_provider(IntegratedLensing())`, from `cosmicnet.paper.integrated`, does the
same; it takes as long as full CLASS, which integrates all equations for any one source.

Differences from the paper. Wavenumbers: CLASS {class_version} has {k_size} of them for the middle of the box, which
replaces the paper's best fit; the paper has 568. Times: training uses CLASS's own (about 600 per model), which are
already dense around recombination and reionisation in this version; the paper refined them itself. Choice of the
epoch: at a constant learning rate the loss fluctuates by a factor of ten, so the network of the epoch with the
smallest validation loss is kept. The paper does not say which epoch it keeps; it ranks its 500 networks by the loss
of the last one. {rate} Inputs: 1/k_D² of eq. 2.7 is integrated from CLASS's a and κ', and tau_reio is the conformal
time of CLASS's z_reio."""

EQUAL_WEIGHTS = """\
The loss is the paper's: all times have equal weight. At reionisation S_T2 is only 4e-4 of its peak at recombination.
In the rescaled source, which has a standard deviation of 1, this is 0.007. To know it to 5% (rms), the loss at these
times must be 1e-7. With a larger loss C_l^EE at l < 20 is mostly noise of the networks."""
WEIGHTED = """\
The loss is the paper's with a weight in time, the inverse of the source's rms at each tau/tau_rec. With equal weights,
as in the paper, late times are lost: at reionisation S_T2 is only 4e-4 of its peak, and the late S_T0, a thousandth of
its peak, acts on low multipoles over ten thousand Mpc. The losses below have this weight.
[With the paper's own loss](paper_plain_loss.md)
C_l^EE at l < 20 was mostly noise."""
PAPER_RATE = "The learning rate is the paper's."
FALLING_RATE = "For the same reason the learning rate decreases from epoch to epoch; the paper's is constant."
SOAP_IN_WORDS = "The optimizer is SOAP (arXiv:2409.11321), which needs fewer steps than Adam, the paper's."

LAYERS_TEXT = """\
## Tables 2 to 4: layers

The paper prints shapes and rounded numbers of parameters. It does not print the kernels of the convolutions, and
gives the connections only in Figure 2 and a few words. Its own numbers determine nearly all of them:

- The output layer of S_T0 has 197K parameters = 568 (154 + 192 + 1), and that of S_T2 181K = 568 (245 + 73 + 1): the
  skip connection from dense1 goes to the output, past the central layers. S_T1's 26K = 568 (44 + 1): no skip.
  (Section 2.2.3 has the skip go "to the central dense layer", which these numbers exclude.)
- dense6 of S_T0 has 143K = 289 (138 + 196 + 24 + 8·9 + 9·7 + 1): its inputs are dense3, dense4, dense5 and the last
  pools of both channels; likewise for dense6 of S_T2 and dense4 of S_T1 (66K, 9K).
- Lengths follow from strides of 6, 3, 5, 3 (S_T0), 4, 2, 6, 3 (S_T2) and 14, 5, 14, 5 (S_T1) with zeros at the ends,
  and all pools are 2 wide. Cosine and sine are the two channels of conv1, the damping envelope that of conv3.
- Kernels: the shortest that leaves no value out (not shorter than the stride) and rounds to the printed number.
- dense4 of S_T0 and S_T2 takes the parameters and dense5 the scales, as in S_T1, where only 5 inputs give the printed
  0.2K of dense3.

The networks of this page have the third pair of columns, with the {k_size} wavenumbers of CLASS {class_version}."""

SEARCH_TEXT = """\
Draws are trained for the epochs of the recipe and ranked by validation loss. The best are judged by the mean of eq.
3.2 over the hyperparameter set: unlensed TT for S_T0 and S_T1, EE for S_T2, each with the sources of full CLASS for
the other two, by the fast line of sight. The first draw has the hyperparameters of the recipe, and is always judged.
Epochs of a draw, out of those of the networks above: {epochs}. With few epochs the ranking shows how fast a network
learns, and the best draw need not be the best network."""

FIELDS_TEXT = """\
They have no layers over k and τ. A source is a sum of pieces with known factors (docs/architecture.md). Each piece in
each region of time is a field, in coordinates in which it is nearly the same in all cosmologies. A field is a mean
plus a few components. Polynomials of the inputs below give their coefficients. The trained numbers are those of the
polynomials; the stored ones add mean, components and splines."""

POSTERIOR_TEXT = """\
CosmicNet I finds that means shift by a few percent of a sigma. Here samples of a chain get the weights that other
likelihoods give them (`cosmicnet reweight CHAIN --network NAME`; for full CLASS at its default precision
`--precision run`). Means and widths are those before, of the samples of each table. Errors are from a jackknife. Full
CLASS at default precision is the training truth of the three: the difference of the two shifts is their own error, but
for sigma8, which `lcdm` gives."""

# Wavenumbers of the paper's networks.
PAPER_K = 568


@dataclass(frozen=True)
class Printed:
    """A network as the paper prints it: layer to shape and parameters, and the sum."""

    table: int
    layers: dict[str, tuple[str, str]]
    total: str


PAPER = {
    "t0": Printed(2, {
        "dense1": ("192", "1K"), "dense2": ("56", "10K"), "dense3": ("138", "8K"), "dense4": ("196", "1K"),
        "dense5": ("24", "0.1K"), "dense6": ("289", "143K"), "dense7": ("154", "44K"), "conv1": ("95 x 15", "0.2K"),
        "pool1": ("47 x 15", "-"), "conv2": ("16 x 9", "0.5K"), "pool2": ("8 x 9", "-"), "conv3": ("114 x 7", "0.1K"),
        "pool3": ("57 x 7", "-"), "conv4": ("19 x 7", "0.3K"), "pool4": ("9 x 7", "-"), "output": ("568", "197K"),
    }, "407K"),
    "t2": Printed(3, {
        "dense1": ("73", "0.4K"), "dense2": ("154", "11K"), "dense3": ("76", "12K"), "dense4": ("39", "0.2K"),
        "dense5": ("14", "0.1K"), "dense6": ("230", "66K"), "dense7": ("245", "57K"), "conv1": ("142 x 6", "0.1K"),
        "pool1": ("71 x 6", "-"), "conv2": ("36 x 6", "0.1K"), "pool2": ("18 x 6", "-"), "conv3": ("95 x 8", "0.1K"),
        "pool3": ("47 x 8", "-"), "conv4": ("16 x 6", "0.3K"), "pool4": ("8 x 6", "-"), "output": ("568", "181K"),
    }, "328K"),
    "t1": Printed(4, {
        "dense1": ("98", "0.3K"), "dense2": ("17", "0.1K"), "dense3": ("29", "0.2K"), "dense4": ("50", "9K"),
        "dense5": ("44", "2K"), "conv1": ("41 x 6", "0.2K"), "pool1": ("20 x 6", "-"), "conv2": ("4 x 9", "0.4K"),
        "pool2": ("2 x 9", "-"), "conv3": ("41 x 17", "0.3K"), "pool3": ("20 x 17", "-"), "conv4": ("4 x 5", "0.5K"),
        "pool4": ("2 x 5", "-"), "output": ("568", "26K"),
    }, "38K"),
}

# Threads to seconds of CLASS-full and CLASS-net, and the speed-up, as printed.
PAPER_TIMES = {1: ("4.62", "0.165", "27.9"), 2: ("2.34", "0.137", "17.0"), 4: ("1.18", "0.119", "10.0"),
               8: ("0.638", "0.103", "6.2")}

# Where the exact number of the layer does not round to the printed one, and why.
TRUNCATED = "printed without its last digits (cut, not rounded)"
EXPLANATIONS = {
    ("t0", "dense2"): TRUNCATED,
    ("t0", "dense7"): TRUNCATED,
    ("t1", "dense1"): "0.3K is 2 inputs; the text (section 2.2.2) leaves out g and g' only, which makes 4",
    ("t1", "total"): "the two further inputs of dense1 are 196 parameters: without them 38.3K",
}


def inputs_table(k_size: int) -> str:
    """Table 1: which inputs each network has, and their shapes."""
    names = list(TIMES["t0"])
    written = {"g": "g/mean of max g", "g_prime": "g'/mean of max abs g'"}
    rows = [(written.get(name, name), "1", "1", [name in TIMES[s] for s in PAPER]) for name in names]
    rows += [(f"{name}, standardised", "1", "1", [True] * 3) for name in (*COSMOLOGY, *SCALES)]
    rows += [(name, str(PAPER_K), str(k_size), [True] * 3) for name in ("cos_in", "sin_in", "exp(-k²/k_D²)")]
    lines = ["| input | shape, paper | shape, ours | S_T0 | S_T2 | S_T1 |", "|---|---|---|---|---|---|"]
    lines += [f"| {name} | {paper} | {ours} | {' | '.join('yes' if u else '' for u in used)} |"
              for name, paper, ours, used in rows]
    return "\n".join(lines)


def layers_table(architecture: Architecture, k_size: int) -> str:
    """Table 2, 3 or 4: shape and parameters as printed, ours on the paper's wavenumbers, ours as trained."""
    source, printed = architecture.source, PAPER[architecture.source]
    theirs, ours = layers(architecture, PAPER_K), layers(architecture, k_size)
    lines = ["| layer | shape, paper | parameters, paper | shape, 568 k | parameters, 568 k | "
             f"shape, {k_size} k | parameters, {k_size} k | difference from the paper |",
             "|---|---|---|---|---|---|---|---|"]
    for at_568, own in zip(theirs, ours, strict=True):
        shape, number = printed.layers.get(at_568.name, ("", ""))
        why = EXPLANATIONS.get((source, at_568.name), "") if shape == _shape(at_568) else "other hyperparameters"
        why = "; ".join(filter(None, [why, _of_grid(at_568, own, k_size)]))
        lines.append(f"| {at_568.name} | {shape} | {number} | {_shape(at_568)} | {_count(at_568)} | {_shape(own)} | "
                     f"{_count(own)} | {why} |")
    sums = [sum(layer.parameters for layer in all_layers) for all_layers in (theirs, ours)]
    lines.append(f"| all | | **{printed.total}** | | **{sums[0]}** | | **{sums[1]}** | "
                 f"{EXPLANATIONS.get((source, 'total'), '')} |")
    return "\n".join(lines)


@dataclass(frozen=True)
class FieldSize:
    """A field of the default networks: its inputs, components, and how many numbers are trained and stored."""

    name: str
    inputs: tuple[str, ...]
    components: int
    trained: int
    stored: int


def field_sizes(networks: NetworkSet) -> list[FieldSize]:
    """Sizes of every field of a set of the default architecture."""
    emulator = networks.emulator
    assert isinstance(emulator, FieldsEmulator)
    sizes = []
    for f in emulator.fields:
        trained = sum(a.size for a in (f.network.skip, *f.network.weights, *f.network.biases))
        bases = f.time_basis.coefficients.size + f.wavenumber_basis.coefficients.size
        sizes.append(FieldSize(f.field.name, f.field.inputs, len(f.components), trained,
                               trained + f.mean_core.size + f.components.size + bases))
    return sizes


def fields_table(fields: Sequence[FieldSize]) -> str:
    """The counterpart of Tables 1 to 4 for the default networks."""
    lines = ["| field | inputs | components | trained | stored |", "|---|---|---|---|---|"]
    lines += [f"| {f.name} | {', '.join(f.inputs)} | {f.components} | {f.trained} | {f.stored} |" for f in fields]
    lines.append(f"| all | | {sum(f.components for f in fields)} | **{sum(f.trained for f in fields)}** | "
                 f"**{sum(f.stored for f in fields)}** |")
    return "\n".join(lines)


def timing_table(timings: Sequence[Timing], labels: Sequence[str]) -> str:
    """Table 5: seconds of the perturbation step and how many times faster networks are."""
    lines = [f"| threads | full, paper | net, paper | speed-up, paper | full, here | "
             f"{' | '.join(f'{label}, s | speed-up' for label in labels)} |",
             f"|---|---|---|---|---|{'---|---|' * len(labels)}"]
    measured = {timing.threads: timing.seconds for timing in timings}
    for threads, printed in PAPER_TIMES.items():
        cells = [""] * (1 + 2 * len(labels))
        if threads in measured:
            full = measured[threads]["CLASS-full"]
            nets = [measured[threads][label] for label in labels]
            cells = [f"{full:.2f}", *(cell for net in nets for cell in (f"{net:.4f}", f"{full / net:.0f}"))]
        lines.append(f"| {threads} | {' | '.join((*printed, *cells))} |")
    return "\n".join(lines)


def _shape(layer: Layer) -> str:
    return " x ".join(map(str, layer.shape))


def _count(layer: Layer) -> str:
    return str(layer.parameters) if layer.weight else "-"


def _of_grid(at_568: Layer, own: Layer, k_size: int) -> str:
    """The effect of the number of wavenumbers alone."""
    if at_568.parameters == own.parameters:
        return ""
    return f"{own.parameters - at_568.parameters:+d} from {k_size} wavenumbers in place of {PAPER_K}"


# measured on one core, for one model and for one step of Adam
BYTES_OF_MODEL, SECONDS_OF_MODEL, SECONDS_OF_STEP = 2.7e6, (7.0, 14.0), (0.03, 0.06)
GIGABYTE = 1e9


def _cost_in_words(recipe: PaperRecipe) -> str:
    """Cost of all models and of the training of a recipe, in words."""
    models, steps = sum(getattr(recipe.sets, name).models for name in SETS), _steps(recipe)
    return (f"{models} models ({_core_hours(models, SECONDS_OF_MODEL)}, {models * BYTES_OF_MODEL / GIGABYTE:.0f} GB) "
            f"and {steps} steps of training ({_core_hours(steps, SECONDS_OF_STEP)})")


def _steps(recipe: PaperRecipe) -> int:
    return sum(int(recipe.sets.training.models * getattr(recipe.networks, source).epochs) for source in TIMES)


def _core_hours(number: int, seconds: tuple[float, float]) -> str:
    low, high = (number * each / 3600.0 for each in seconds)
    return f"{low:.1f} to {high:.1f} core-hours"


COSMICNET_I, DEFAULT = "CosmicNet I", "default"
LABELS = (COSMICNET_I, DEFAULT)
# The paper's relative error of TT "for most of the multipole range".
TT_LIMIT = 0.003
SECONDS_PER_HOUR = 3600.0
PAPER_TRAINING_HOURS = {"t0": 3.0, "t1": 0.6, "t2": 10.0}
FULL_RECIPE = "paper.toml"


@dataclass(frozen=True)
class Measured:
    """Values of both sets for the page.

    histories: epochs by source; default_seconds: of training the default networks, None if they were not trained
    again; drawn: by source the best draws of the recipe's search, None if it was not run; fields: of the default set;
    posteriors: files of `cosmicnet reweight`.
    """

    sources: SourceComparison
    spectra: SpectraComparison
    timings: list[Timing]
    histories: Mapping[str, list[Epoch]]
    default_seconds: float | None
    drawn: Mapping[str, Sequence[Mapping[str, Any]] | None]
    fields: Sequence[FieldSize]
    posteriors: Sequence[Mapping[str, Any]] = ()


def page(recipe: PaperRecipe, file: Path, manifest: Manifest, measured: Measured) -> str:
    """The text of paper.md. file: of the recipe; manifest: of the recipe's networks."""
    sources, k_size = measured.sources, measured.sources.k.size
    class_version = manifest.class_version.removeprefix("v")
    full = load_paper_recipe(Path(str(files("cosmicnet.training") / "recipes" / FULL_RECIPE)))
    return "\n\n".join([
        header(recipe, file, full, class_version, k_size), _what_was_run(recipe, full, manifest, measured.histories),
        "## Table 1: inputs", inputs_table(k_size), *_layers(recipe, k_size, class_version),
        "### The default networks beside these", FIELDS_TEXT,
        fields_table(measured.fields),
        "## The search (section 3.2)", _search(recipe, measured.drawn), *_sources(sources), *_spectra(measured.spectra),
        *_posteriors(measured.posteriors), *_speed(measured.timings),
        "## Default networks against those of CosmicNet I", _factors(measured)]) + "\n"


def header(recipe: PaperRecipe, file: Path, full: PaperRecipe, class_version: str, k_size: int) -> str:
    """The beginning of the page. full: the recipe with the paper's own sizes."""
    training = recipe.training
    rate = PAPER_RATE if training.learning_rate_end is None else FALLING_RATE
    if training.optimizer == "soap":
        rate = f"{rate} {SOAP_IN_WORDS}"
    return _filled(HEADER.format(
        recipe=file, cost=_cost_in_words(full), draws=full.search.draws, class_version=class_version, k_size=k_size,
        rate=rate, loss=WEIGHTED if training.weighted_in_time else EQUAL_WEIGHTS, companion=recipe.companion,
        sigmas=recipe.sigmas, name=recipe.name))


def _filled(text: str) -> str:
    """Paragraphs in full lines again, after recipes and numbers were put in; headings and commands as they are."""
    return "\n\n".join(
        part if part.startswith(("#", " ")) else fill(part, 120, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n\n"))


def _what_was_run(
    recipe: PaperRecipe, full: PaperRecipe, manifest: Manifest, histories: Mapping[str, list[Epoch]]
) -> str:
    trained: Mapping[str, Mapping[str, float]] = manifest.recipe["trained"]
    lines = ["## What was run", "", "| | paper | here |", "|---|---|---|"]
    lines += [f"| models, {name} | {getattr(full.sets, name).models} | {getattr(recipe.sets, name).models} |"
              for name in SETS]
    for source in TIMES:
        there, here = (getattr(r.networks, source).epochs for r in (full, recipe))
        steps = [epochs * r.sets.training.models for epochs, r in ((there, full), (here, recipe))]
        lines += [
            f"| S_{source.upper()}: epochs (steps) | {there} ({steps[0]}) | {here} ({steps[1]}) |",
            f"| S_{source.upper()}: validation loss of the rescaled source | not given | "
            f"{trained[source]['validation_loss']:.1e} (epoch {trained[source]['best_epoch']}) |",
            f"| S_{source.upper()}: training time | {PAPER_TRAINING_HOURS[source]:g} h on 4 cores | "
            f"{_minutes(_seconds(histories[source]))} |",
            f"| S_{source.upper()}: smallest validation loss after so many steps | not given | "
            f"{_curve(histories[source], recipe.sets.training.models)} |"]
    lines += [f"| draws of the recipe's search, kept | {full.search.draws}, {full.search.keep} | "
              f"{recipe.search.draws}, {recipe.search.keep} |",
              f"| learning rate | {_rate(full.training)} | {_rate(recipe.training)} |", "",
              f"Networks {manifest.name}, hash {manifest.sha256[:12]}, of {manifest.recipe['models_used']} models; "
              f"CLASS {manifest.class_version}; {platform.processor() or platform.machine()}. Training times are "
              "wall times.", *_enough(recipe, full, manifest, histories)]
    return "\n".join(lines)


def _enough(
    recipe: PaperRecipe, full: PaperRecipe, manifest: Manifest, histories: Mapping[str, list[Epoch]]
) -> list[str]:
    """A paragraph on the number of models, where it is not the paper's and the training is there."""
    number, of_paper = (r.sets.training.models for r in (recipe, full))
    if number == of_paper or not all(histories.values()):
        return []
    best = {source: history[manifest.recipe["trained"][source]["best_epoch"] - 1]
            for source, history in histories.items()}
    ratios = ", ".join(f"S_{source.upper()} {epoch.validation_loss / epoch.loss:.1f}" for source, epoch in best.items())
    return ["", fill(f"These {number} models gave the accuracy below, so that learning curves with more of them (the "
                     f"paper has {of_paper}) were not made. Validation loss over training loss at the kept epoch: "
                     f"{ratios}. A ratio well above 1 means that more models would help.", 120)]


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
             "", "| source | paper | CosmicNet I, largest | CosmicNet I, rms | default, largest | default, rms |",
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
             "| | paper | CosmicNet I | default |", "|---|---|---|---|"]
    lines += [f"| {title} | {paper} | {cells[COSMICNET_I]} | {cells[DEFAULT]} |" for title, paper, cells in rows]
    return ["## Figures 6 and 7: spectra", "\n".join(lines), *spectra.refused, "![Figure 6](paper/figure6.png)",
            "![Figure 7](paper/figure7.png)"]


def _rms(spectra: SpectraComparison, label: str, name: str, chosen: Any) -> float:
    return float(np.sqrt(np.mean([getattr(e, name)[chosen] ** 2 for e in spectra.errors(label)])))


def _posteriors(posteriors: Sequence[Mapping[str, Any]]) -> list[str]:
    """The change of posteriors of Planck, from `cosmicnet reweight`."""
    parts = ["## The posterior of Planck"]
    if not posteriors:
        return [*parts, "Not measured (`--reweighted`)."]
    parts.append(_filled(POSTERIOR_TEXT))
    for result in posteriors:
        changes = np.array(result["log_weights"])
        changes = changes[np.isfinite(changes)]
        lines = ["| parameter | mean | standard deviation | shift of the mean / sigma | ratio of widths |",
                 "|---|---|---|---|---|"]
        lines += [f"| {s['name']} | {s['mean']:.6g} | {s['deviation']:.3g} | {s['shift']:+.3f} ± "
                  f"{s['shift_error']:.3f} | {s['width_ratio']:.3f} ± {s['width_ratio_error']:.3f} |"
                  for s in result["shifts"]]
        chain = result["chain"]
        worth = "" if chain["effective"] is None else f", worth {chain['effective']:.0f} independent ones"
        text = (f"From {result['before']} to {result['after']}. Likelihoods: {', '.join(result['likelihoods'])}. "
                f"Of the {chain['accepted']} samples of `{chain['name']}`{worth}, {result['samples']} were taken by "
                f"weight; they are worth {result['effective_samples']:.0f} afterwards. ln L changes by "
                f"{changes.mean():+.2f} ± {changes.std():.2f} (mean and scatter over the samples).")
        parts += [_filled(text), "\n".join(lines)]
    return parts


def _speed(timings: list[Timing]) -> list[str]:
    left_out = [n for n in (1, 2, 4, 8) if n not in {t.threads for t in timings}]
    note = f" Measured with {available_cores()} cores." if left_out else ""
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
    lines = ["| | CosmicNet I | default | factor |", "|---|---|---|---|"]
    lines += [f"| {title} | {v[COSMICNET_I]:.3g}{unit} | {v[DEFAULT]:.3g}{unit} | {v[COSMICNET_I] / v[DEFAULT]:.3g} |"
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
