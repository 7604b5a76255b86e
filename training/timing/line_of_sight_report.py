"""What was measured of the fast line of sight, as a page of the documentation with one plot."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..work.spectra import Parameters
from .along_line import NEIGHBOURS, NETWORKS, NETWORKS_TAU, Track

__all__ = ["ErrorsAt", "write_line_of_sight"]

# largest error allowed at any l; of TE, over sqrt(TT EE)
TARGETS = {"tt": 3e-4, "ee": 5e-4, "te": 3e-4, "pp": 3e-4, "chi2": 0.5}
TITLES = {"tt": "TT", "ee": "EE", "te": "TE over sqrt(TT EE)", "pp": "phi phi", "tp": "T phi over sqrt(TT phi phi)",
          "chi2": "Wishart chi2, TT TE EE"}
LARGEST_RESIDUAL = 0.01

Seconds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class ErrorsAt:
    """by_model: of each cosmology, by way and spectrum."""

    l_max: int
    by_model: Sequence[Mapping[str, Mapping[str, float]]]


def write_line_of_sight(errors: Sequence[ErrorsAt], seconds: Seconds, tracks: Sequence[Track], converged: Parameters,
                        folder: Path) -> None:
    """Write line_of_sight.md, and line_of_sight.png where lines were followed."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# The fast line of sight", "",
        "Written by `cosmicnet line-of-sight`; do not edit. Lensed spectra at every l from 2 to l_max, of cosmologies",
        "that fill the domain of the networks. The sources are the same in all columns (the networks'); the truth is",
        "CLASS's own transfer and harmonic steps with", "",
        *(f"    {name} = {value}" for name, value in converged.items()), "",
        "CLASS's default lensing rings at the largest multipoles, since correlation functions are cut at an angle of",
        "pi/16. With l_max above 3000 all columns therefore have `accurate_lensing: 1`.",
        "",
    ]
    for part in errors:
        lines += _errors(part)
    lines += _seconds(seconds, errors[0].l_max)
    if tracks:
        lines += _smoothness(tracks)
        _plot(tracks, folder / "line_of_sight.png")
    (folder / "line_of_sight.md").write_text("\n".join(lines), encoding="utf-8")


def _errors(part: ErrorsAt) -> list[str]:
    count = len(part.by_model)
    number = "one cosmology" if count == 1 else f"the worst of {count} cosmologies"
    lines = [f"## Accuracy to l = {part.l_max}", "", f"The largest error at any l, {number}.", "",
             "| largest error | CLASS, default | fast | target |", "|---|---|---|---|"]
    for name, title in TITLES.items():
        ours, theirs = (max(model[way][name] for model in part.by_model) for way in ("fast", "CLASS"))
        target = _target(TARGETS[name], ours) if name in TARGETS else ""
        lines.append(f"| {title} | {theirs:.2g} | {ours:.2g} | {target} |")
    return [*lines, ""]


def _target(largest: float, found: float) -> str:
    return f"{largest:g}" if found <= largest else f"{largest:g}, missed"


def _seconds(seconds: Seconds, l_max: int) -> list[str]:
    lines = [f"## Seconds to l = {l_max}", "",
             "Processor time with sources of networks, the least of several runs in turns.", "",
             "| step | CLASS, default | fast | ratio |", "|---|---|---|---|"]
    lines += [f"| {step} | {by_way['CLASS']:.3f} s | {by_way['fast']:.3f} s | {by_way['CLASS'] / by_way['fast']:.1f} |"
              for step, by_way in seconds.items()]
    return [*lines, ""]


def _smoothness(tracks: Sequence[Track]) -> list[str]:
    lines = [
        "## Smoothness in the parameters", "",
        "Points at equal steps on lines through Planck's best fit, and the Wishart chi2 (full sky, no noise; TT, TE,",
        "EE to l = 2508) of each against the middle of the line. The residual is the distance of a point from the",
        f"polynomial through its {NEIGHBOURS} neighbours on each side. Target: {LARGEST_RESIDUAL:g}. An error that",
        "is the same at all points does not count; one that shakes counts the more, the farther from the middle: at",
        "chi2 = 158 a residual of 0.009 is random changes of all spectra by 2e-7. The target is for short lines.",
        "Lines are along z_reio. If tau_reio is given, CLASS finds z_reio by bisection, which ends at 1e-4 of tau_reio",
        "and shakes all spectra; `reionization_optical_depth_tol` is 1e-8 where a mode says fine search.",
        "",
        "| along | sigmas of Planck to each side | points | mode | largest chi2 | largest residual | rms residual |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {track.line.title} | {track.line.sigmas:g} | {len(track.chi2)} | {track.mode} | "
              f"{max(track.chi2):.3g} | {_residual(track)} | "
              f"{np.sqrt(np.mean(track.residuals**2)):.2g} |" for track in tracks]
    return [*lines, "", "![Residuals along the lines](line_of_sight.png)", ""]


def _residual(track: Track) -> str:
    """The largest one, and whether it misses the target, which is for networks and short lines."""
    largest = np.abs(track.residuals).max()
    has_target = track.line.sigmas < 1 and track.mode in (NETWORKS, NETWORKS_TAU)
    return f"{largest:.2g}, missed" if has_target and largest > LARGEST_RESIDUAL else f"{largest:.2g}"


def _plot(tracks: Sequence[Track], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 4.5), constrained_layout=True)
    for track in tracks:
        end = 1 - 2 * NEIGHBOURS / (len(track.chi2) - 1)
        position = np.linspace(-end, end, track.residuals.size)
        label = f"{track.line.title} ± {track.line.sigmas:g}: {track.mode}"
        axis.semilogy(position, np.abs(track.residuals), label=label)
    axis.axhline(LARGEST_RESIDUAL, color="black", linestyle=":", label="target")
    axis.set_xlabel("position on the line, ends at -1 and 1")
    axis.set_ylabel("chi2 off the smooth curve")
    axis.legend(fontsize="x-small", ncols=2)
    figure.savefig(path, dpi=120)
    plt.close(figure)
