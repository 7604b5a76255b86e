"""The tables of the paper beside ours: inputs (1), layers (2 to 4), evaluation times (5)."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.paper.architecture import Architecture, Layer, layers
from cosmicnet.paper.inputs import COSMOLOGY, SCALES, TIMES
from cosmicnet.store import NetworkSet

from .measure import Timing

__all__ = [
    "PAPER", "PAPER_K", "PAPER_TIMES", "FieldSize", "field_sizes", "fields_table", "inputs_table", "layers_table",
    "timing_table",
]

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
    """Of every field of a set of the default architecture."""
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
    """What Tables 1 to 4 are for the default networks."""
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
    """What the number of wavenumbers alone changes."""
    if at_568.parameters == own.parameters:
        return ""
    return f"{own.parameters - at_568.parameters:+d} from {k_size} wavenumbers in place of {PAPER_K}"
