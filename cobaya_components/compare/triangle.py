"""Triangle plots of weighted samples by getdist."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from getdist import chains, plots

from ..theory.quiet import quiet

__all__ = ["plot_triangle"]

# getdist reports burn-in, even if it is zero
chains.print_load_details = False

COLOURS = ("#1f5a99", "#e07b18")
WIDTH_INCHES = 9.0


def plot_triangle(samples: Mapping[str, Any], names: Sequence[str], path: Path,
                  markers: Mapping[str, float] | None = None) -> None:
    """Draw getdist's MCSamples by legend label; `markers` are drawn as lines. The last is drawn dashed on top."""
    plotter = plots.get_subplot_plotter(width_inch=WIDTH_INCHES)
    plotter.settings.figure_legend_frame = False
    styles = ["-", "--"][:len(samples)]
    with quiet():  # getdist warns of the widths of its kernels
        plotter.triangle_plot(
            list(samples.values()), list(names), legend_labels=list(samples) if len(samples) > 1 else None,
            filled=[index == 0 for index in range(len(samples))], contour_ls=styles, contour_lws=1.5,
            contour_colors=list(COLOURS[:len(samples)]), markers=dict(markers or {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    plotter.fig.savefig(path, dpi=120)
    plt.close(plotter.fig)
