"""Smoothness of spectra along lines through parameter space, which minimisers and derivatives depend on."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..evaluate.accuracy import wishart_chi2
from ..evaluate.boxes import FIXED_PARAMETERS, PLANCK_2018_BAO
from ..work.class_spectra import L_MAX, Multipoles, lensed_multipoles
from ..work.run_class import Parameters, networks_on

__all__ = ["LINES", "Line", "Track", "follow_lines", "off_smooth_curve", "plot_tracks", "smoothness_section"]

Array = NDArray[np.float64]

NEIGHBOURS = 4
"""On each side of a point; the smooth curve there is the polynomial through them."""
BASE: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": L_MAX}
NETWORKS = "networks"
NETWORKS_TAU = "networks, tau_reio given, fine search"
FULL = "full CLASS, default"
MODES: Mapping[str, Parameters] = {
    NETWORKS: networks_on(),
    NETWORKS_TAU: {**networks_on(), "reionization_optical_depth_tol": 1e-8},
    "networks, line of sight of CLASS": {**networks_on(), "fast_line_of_sight": "no"},
    FULL: {},
}


# Mean and standard deviation, from the same table. Lines vary z_reio: from tau_reio CLASS finds it by bisection to 1e-4
# of tau_reio, which scatters all spectra by 1e-5 in every mode unless a finer search is set.
Z_REIO = (7.82, 0.71)
GEOMETRY = {name: value for name, value in PLANCK_2018_BAO.items() if name != "tau_reio"}


@dataclass(frozen=True)
class Line:
    """A line through Planck's best fit that varies these parameters together, by `sigmas` of Planck to both sides."""

    title: str
    parameters: tuple[str, ...]
    sigmas: float

    def cosmologies(self, points: int, *, tau_reio: bool = False) -> list[Parameters]:
        """Equal steps from end to end, the best fit in the middle for odd `points`. tau_reio: vary it for z_reio."""
        distributions = PLANCK_2018_BAO if tau_reio else {**GEOMETRY, "z_reio": Z_REIO}
        varied = {"tau_reio" if tau_reio and name == "z_reio" else name for name in self.parameters}
        return [{**FIXED_PARAMETERS, **{name: mean + (step * sigma if name in varied else 0.0)
                                        for name, (mean, sigma) in distributions.items()}}
                for step in np.linspace(-self.sigmas, self.sigmas, points).tolist()]


SHORT, LONG = 0.5, 5.0
LINES = tuple(Line(title, parameters, sigmas) for sigmas in (SHORT, LONG) for title, parameters in (
    ("H0", ("H0",)), ("omega_cdm", ("omega_cdm",)), ("z_reio", ("z_reio",)), ("all four", (*GEOMETRY, "z_reio"))))
# The slow modes are measured on one line only.
ALL_MODES_LINE = LINES[3]
LARGEST_RESIDUAL = 0.01


@dataclass(frozen=True)
class Track:
    """chi2: Wishart chi2 of each point of a line against its middle, in one mode."""

    line: Line
    mode: str
    chi2: tuple[float, ...]

    @property
    def residuals(self) -> Array:
        return off_smooth_curve(np.array(self.chi2))


def off_smooth_curve(values: Array) -> Array:
    """Values on equal steps minus the polynomial through NEIGHBOURS on each side; the ends are left out."""
    steps = np.array([step for step in range(-NEIGHBOURS, NEIGHBOURS + 1) if step])
    # Lagrange's weights of the neighbours at the point in the middle
    weights = [np.prod([other / (other - step) for other in steps if other != step]) for step in steps]
    middle = np.arange(NEIGHBOURS, values.size - NEIGHBOURS)
    return np.asarray(values[middle] - values[middle[:, None] + steps] @ np.array(weights))


def follow_lines(pool: Executor, points: int) -> list[Track]:
    """All lines with networks, the long ones in twice as many steps; ALL_MODES_LINE in all modes, full CLASS in half as
    many steps."""
    waiting = []
    for line in LINES:
        for mode in MODES if line == ALL_MODES_LINE else (NETWORKS,):
            number = (points + 1) // 2 if mode == FULL else points if line.sigmas == SHORT else 2 * points - 1
            futures = [pool.submit(lensed_multipoles, {**BASE, **MODES[mode], **cosmology}, L_MAX)
                       for cosmology in line.cosmologies(number, tau_reio=mode == NETWORKS_TAU)]
            waiting.append((line, mode, futures))
    return [Track(line, mode, _chi2_of([future.result() for future in futures])) for line, mode, futures in waiting]


def _chi2_of(spectra: list[Multipoles]) -> tuple[float, ...]:
    middle = spectra[len(spectra) // 2]
    return tuple(wishart_chi2(middle, other) for other in spectra)


def smoothness_section(tracks: Sequence[Track]) -> list[str]:
    lines = [
        "## Smoothness in the parameters", "",
        "Points are equal steps along a line through Planck's best fit. Each is compared with the middle of the line,",
        "by the Wishart chi2 of TT, TE and EE to l = 2508 (full sky, no noise). The residual is the difference between",
        f"the chi2 of a point and the polynomial through its {NEIGHBOURS} neighbours on each side. Target, for short",
        f"lines: {LARGEST_RESIDUAL:g}.",
        "",
        "A constant error of the spectra has no residual. The residual due to scatter grows with the distance from the",
        "middle: at chi2 = 158, random changes of all spectra by 2e-7 give 0.009. Lines vary z_reio, because CLASS",
        "finds it from tau_reio to 1e-4 only, which scatters all spectra. `fine search` sets",
        "`reionization_optical_depth_tol` to 1e-8.",
        "",
        "| along | sigmas of Planck to each side | points | mode | largest chi2 | largest residual | rms residual |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {track.line.title} | {track.line.sigmas:g} | {len(track.chi2)} | {track.mode} | "
              f"{max(track.chi2):.3g} | {_residual(track)} | "
              f"{np.sqrt(np.mean(track.residuals**2)):.2g} |" for track in tracks]
    return [*lines, "", "![Residuals along the lines](line_of_sight.png)", ""]


def _residual(track: Track) -> str:
    """The largest residual, marked where it misses the target."""
    largest = np.abs(track.residuals).max()
    has_target = track.line.sigmas < 1 and track.mode in (NETWORKS, NETWORKS_TAU)
    return f"{largest:.2g}, missed" if has_target and largest > LARGEST_RESIDUAL else f"{largest:.2g}"


def plot_tracks(tracks: Sequence[Track], path: Path) -> None:
    """Residuals along the lines."""
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
