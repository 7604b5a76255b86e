"""The figures of the paper again: 1 and 3 to 7."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from .dataset import PaperModel
from .measure import LATE, SourceComparison, SpectraComparison, planck_error

__all__ = ["draw_figures"]

Array = NDArray[np.float64]

SOURCES = ("t0", "t1", "t2")
TITLES = {"t0": "$S_{T_0}$", "t1": "$S_{T_1}$", "t2": "$S_{T_2}$"}
DPI = 75
# A coarse picture is as good: every pixel of these figures stands for several wavenumbers.
COLOURS = {"full": "RdBu_r", "difference": "magma"}
EARLY_END, T1_END, LATE_END = 1.6, 6.0, 25.0


def draw_figures(
    sources: SourceComparison, spectra: SpectraComparison, labels: Sequence[str], folder: Path
) -> None:
    """Write figure1.png and figure3.png to figure7.png; labels: the sets, in the order of the columns."""
    middle, latest = _shown([model.cosmology["z_reio"] for model in sources.models])
    _figure_1(sources.models[middle], sources.k, folder / "figure1.png")
    _sources(sources, middle, labels, [("t0", 0.0, EARLY_END), ("t1", 0.0, T1_END), ("t2", 0.0, EARLY_END)],
             folder / "figure3.png")
    _sources(sources, middle, labels, [("t2", LATE, LATE_END)], folder / "figure4.png")
    _sources(sources, latest, labels, [("t2", LATE, LATE_END)], folder / "figure5.png")
    _spectrum(spectra, "tt", labels, folder / "figure6.png")
    _spectrum(spectra, "ee", labels, folder / "figure7.png")


def _shown(z_reio: Sequence[float]) -> tuple[int, int]:
    """Which model most figures show, and that of latest reionisation, of Figure 5; the same if there is one only."""
    latest = int(np.argmin(z_reio))
    return (0 if latest or len(z_reio) == 1 else 1), latest


def _figure_1(model: PaperModel, k: Array, path: Path) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), layout="constrained")
    panels = [("t0", 0.0, EARLY_END), ("t1", 0.0, T1_END), ("t2", 0.0, EARLY_END), ("t2", LATE, LATE_END)]
    for axis, (source, first, last) in zip(axes.flat, panels, strict=True):
        _map(figure, axis, model, k, model.sources[source], (first, last), TITLES[source])
    _save(figure, path)


def _sources(
    sources: SourceComparison, index: int, labels: Sequence[str], rows: list[tuple[str, float, float]], path: Path
) -> None:
    """A row per source: full CLASS, each set, and the absolute difference of each."""
    model, columns = sources.models[index], 1 + 2 * len(labels)
    figure, axes = plt.subplots(len(rows), columns, figsize=(3.4 * columns, 2.9 * len(rows)), layout="constrained",
                                squeeze=False)
    for line, (source, first, last) in zip(axes, rows, strict=True):
        full, cut = model.sources[source], (first, last)
        largest = _largest(model, full, cut)
        _map(figure, line[0], model, sources.k, full, cut, f"{TITLES[source]}, full CLASS", largest)
        for axis, label in zip(line[1:], labels, strict=False):
            table = sources.nets[label][index][source]
            _map(figure, axis, model, sources.k, table, cut, f"{TITLES[source]}, {label}", largest)
        for axis, label in zip(line[1 + len(labels):], labels, strict=True):
            _map(figure, axis, model, sources.k, np.abs(sources.nets[label][index][source] - full), cut,
                 f"|difference|, {label}")
    _save(figure, path)


def _largest(model: PaperModel, table: Any, cut: tuple[float, float]) -> float:
    t = model.tau / model.cosmology["tau_rec"]
    return float(np.abs(table[(t >= cut[0]) & (t <= cut[1])]).max())


def _map(
    figure: Any, axis: Any, model: PaperModel, k: Array, table: Any, cut: tuple[float, float], title: str,
    largest: float | None = None,
) -> None:
    """Colours over tau/tau_rec and k; signed where `largest` is given or the table has both signs."""
    t = model.tau / model.cosmology["tau_rec"]
    inside = (t >= cut[0]) & (t <= cut[1])
    signed = bool(table.min() < 0)
    top = largest or _largest(model, table, cut)
    mesh = axis.pcolormesh(k[::2], t[inside], table[inside][:, ::2], shading="nearest", rasterized=True,
                           vmin=-top if signed else 0.0, vmax=top,
                           cmap=COLOURS["full" if signed else "difference"])
    axis.set(xscale="log", xlabel="k [1/Mpc]", ylabel=r"$\tau/\tau_{\rm rec}$", title=title, xlim=(1e-4, k[-1]))
    figure.colorbar(mesh, ax=axis)


def _spectrum(spectra: SpectraComparison, name: str, labels: Sequence[str], path: Path) -> None:
    """Left the spectra of one model; then the relative errors of all, each set beside the others."""
    columns = 1 + len(labels)
    figure, axes = plt.subplots(1, columns, figsize=(4.6 * columns, 3.8), layout="constrained")
    first = spectra.full[0]
    ell = first.ell
    factor = ell * (ell + 1.0) / (2.0 * np.pi)
    axes[0].plot(ell, factor * getattr(first, name), color="k", lw=2.5, label="full CLASS")
    for label, style in zip(labels, ("-", "--"), strict=True):
        axes[0].plot(ell, factor * getattr(spectra.nets[label][0], name), style, lw=1.0, label=label)
    axes[0].set(xlabel="l", ylabel=rf"$l(l+1)C_l^{{{name.upper()}}}/2\pi$", xscale="log")
    axes[0].legend()
    band = 100.0 * planck_error(first, name)
    for axis, label in zip(axes[1:], labels, strict=True):
        errors = [100.0 * np.abs(getattr(error, name)) for error in spectra.errors(label)]
        axis.fill_between(ell, 1e-5, band, color="0.85", label="Planck, 1 sigma at each l")
        for error in errors:
            axis.plot(ell, error, color="#1f5a99", lw=0.3, alpha=0.4)
        axis.plot(ell, np.median(errors, axis=0), color="#d1660a", lw=1.2, label="median model")
        axis.set(xlabel="l", xscale="log", yscale="log", ylim=(1e-4, 200.0), ylabel="|error|, %",
                 title=f"{name.upper()}, {label}, {len(errors)} models")
        axis.legend(loc="upper right", fontsize=8)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
