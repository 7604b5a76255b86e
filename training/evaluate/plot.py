"""Errors against l and k over the models of each box, in one picture."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..work.class_spectra import L_MAX, PK_K_H_PER_MPC
from .accuracy import LOW_L_END, Band, RelativeErrors
from .results import BoxErrors
from .targets import AccuracyTarget

__all__ = ["plot_accuracy"]

Array = NDArray[np.float64]

PERCENT = 100.0
BLUE, ORANGE, GREY = "#1f5a99", "#d1660a", "0.45"
L_RANGES = {"_low_l": (2, LOW_L_END), "_high_l": (LOW_L_END, L_MAX)}


@dataclass(frozen=True)
class Panel:
    """A row of the picture: a field of RelativeErrors, its label, and the figures that may have a target, by range."""

    field: str
    label: str
    parts: Mapping[str, tuple[float, float]]
    largest_percent: float = 100.0


PANELS = (
    Panel("tt", "TT", {f"tt{part}": reach for part, reach in L_RANGES.items()}),
    Panel("te", r"TE / $\sqrt{\mathrm{TT\,EE}}$", {f"te{part}": reach for part, reach in L_RANGES.items()}),
    Panel("ee", "EE", {f"ee{part}": reach for part, reach in L_RANGES.items()}),
    Panel("pp", r"$\phi\phi$", {"pp": (2, L_MAX)}),
    Panel("pk", "P(k), all z", {"pk": (PK_K_H_PER_MPC[0], PK_K_H_PER_MPC[-1])}, 1.0),
)


def plot_accuracy(errors: Sequence[tuple[BoxErrors, Sequence[RelativeErrors]]], path: Path) -> None:
    """Write a PNG: a column per box with the errors of its models, a row per spectrum."""
    figure, axes = plt.subplots(len(PANELS), len(errors), figsize=(5.6 * len(errors), 13.0), sharey="row",
                                squeeze=False, layout="constrained")
    for column, (box, models) in zip(axes.T, errors, strict=True):
        column[0].set_title(f"{box.box.title}: {len(models)} models", pad=8)
        for axis, panel in zip(column, PANELS, strict=True):
            _plot_band(axis, panel, Band.of([_against_one_axis(model, panel.field) for model in models]))
            _plot_targets(axis, panel, box.targets)
    for axis, panel in zip(axes[:, 0], PANELS, strict=True):
        axis.set_ylabel(f"error of {panel.label}  [%]")
    unique = {label: line for axis in axes[0] for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(unique.values(), unique.keys(), loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _against_one_axis(model: RelativeErrors, name: str) -> Array:
    """Errors against l, shape (n_l,); of P(k) against k, the worst redshift, shape (n_k,)."""
    error: Array = np.abs(getattr(model, name))
    return error.max(axis=0) if error.ndim == 2 else error


def _plot_band(axis: Axes, panel: Panel, band: Band) -> None:
    is_matter = panel.field == "pk"
    x = PK_K_H_PER_MPC if is_matter else np.arange(2, L_MAX + 1)
    axis.plot(x, PERCENT * band.worst, color=BLUE, alpha=0.4, linewidth=0.7, label="worst")
    axis.fill_between(x, PERCENT * band.median, PERCENT * band.percentile_95, color=BLUE, alpha=0.25,
                      linewidth=0, label="median to 95%")
    axis.plot(x, PERCENT * band.median, color=BLUE, linewidth=1.2, label="median")
    if panel.field in ("tt", "ee", "pp"):
        axis.plot(x, PERCENT * np.sqrt(2.0 / (2.0 * x + 1.0)), color=GREY, linestyle=":", linewidth=1.2,
                  label="cosmic variance")
    axis.set(xscale="log", yscale="log", xlim=(x[0], x[-1]), ylim=(1e-5, panel.largest_percent),
             xlabel="k  [h/Mpc]" if is_matter else "multipole l")
    axis.grid(color="0.92", linewidth=0.6)
    axis.set_axisbelow(True)


def _plot_targets(axis: Axes, panel: Panel, targets: Mapping[str, AccuracyTarget]) -> None:
    for figure, reach in panel.parts.items():
        if figure in targets:
            axis.plot(reach, (targets[figure].percentile_95,) * 2, color=ORANGE, linestyle="--", linewidth=1.2,
                      label="target for 95%")
