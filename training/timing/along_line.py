"""How smooth are spectra along lines through parameter space? A minimiser and its derivatives depend on it."""
from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..evaluate.accuracy import wishart_chi2
from ..evaluate.boxes import FIXED_PARAMETERS, PLANCK_2018_BAO
from ..work.spectra import L_MAX, Multipoles, Parameters, lensed_multipoles, networks_on

__all__ = ["LINES", "Line", "Track", "follow_lines", "off_smooth_curve"]

Array = NDArray[np.float64]

NEIGHBOURS = 4
"""On each side of a point; the smooth curve there is the polynomial through them."""
REQUEST: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": L_MAX}
NETWORKS = "networks"
NETWORKS_TAU = "networks, tau_reio given, fine search"
FULL = "full CLASS, default"
MODES: Mapping[str, Parameters] = {
    NETWORKS: networks_on(),
    NETWORKS_TAU: {**networks_on(), "reionization_optical_depth_tol": 1e-8},
    "networks, line of sight of CLASS": {**networks_on(), "fast_line_of_sight": "no"},
    FULL: {},
}


# mean and standard deviation, from the same table. CLASS finds it by bisection if tau_reio is given, to 1e-4 of
# tau_reio, which shakes all spectra by 1e-5 in every mode unless a finer search is asked for
Z_REIO = (7.82, 0.71)
GEOMETRY = {name: value for name, value in PLANCK_2018_BAO.items() if name != "tau_reio"}


@dataclass(frozen=True)
class Line:
    """Through Planck's best fit, along these parameters at once, so many of Planck's sigmas to both sides."""

    title: str
    parameters: tuple[str, ...]
    sigmas: float

    def cosmologies(self, points: int, *, tau_reio: bool = False) -> list[Parameters]:
        """From one end to the other; the middle one is the best fit if `points` is odd. tau_reio: instead of z_reio."""
        distributions = PLANCK_2018_BAO if tau_reio else {**GEOMETRY, "z_reio": Z_REIO}
        varied = {"tau_reio" if tau_reio and name == "z_reio" else name for name in self.parameters}
        return [{**FIXED_PARAMETERS, **{name: mean + (step * sigma if name in varied else 0.0)
                                        for name, (mean, sigma) in distributions.items()}}
                for step in np.linspace(-self.sigmas, self.sigmas, points).tolist()]


SHORT, LONG = 0.5, 5.0
LINES = tuple(Line(title, parameters, sigmas) for sigmas in (SHORT, LONG) for title, parameters in (
    ("H0", ("H0",)), ("omega_cdm", ("omega_cdm",)), ("z_reio", ("z_reio",)), ("all four", (*GEOMETRY, "z_reio"))))
DEAR = LINES[3]
"""The only line on which the dear modes are measured."""


@dataclass(frozen=True)
class Track:
    """chi2: Wishart chi2 of the points of a line against its middle, of one mode."""

    line: Line
    mode: str
    chi2: tuple[float, ...]

    @property
    def residuals(self) -> Array:
        return off_smooth_curve(np.array(self.chi2))


def off_smooth_curve(values: Array) -> Array:
    """Values on equal steps minus the polynomial through the NEIGHBOURS on each side, where there are so many."""
    steps = np.array([step for step in range(-NEIGHBOURS, NEIGHBOURS + 1) if step])
    # Lagrange's weights of the neighbours at the point in the middle
    weights = [np.prod([other / (other - step) for other in steps if other != step]) for step in steps]
    middle = np.arange(NEIGHBOURS, values.size - NEIGHBOURS)
    return np.asarray(values[middle] - values[middle[:, None] + steps] @ np.array(weights))


def follow_lines(pool: Executor, points: int) -> list[Track]:
    """All lines with networks, the long ones with twice as many steps; the short one of all parameters in all modes,
    full CLASS with half as many steps.
    """
    waiting = []
    for line in LINES:
        for mode in MODES if line == DEAR else (NETWORKS,):
            number = (points + 1) // 2 if mode == FULL else points if line.sigmas == SHORT else 2 * points - 1
            futures = [pool.submit(lensed_multipoles, {**REQUEST, **MODES[mode], **cosmology}, L_MAX)
                       for cosmology in line.cosmologies(number, tau_reio=mode == NETWORKS_TAU)]
            waiting.append((line, mode, futures))
    return [Track(line, mode, _chi2_of([future.result() for future in futures])) for line, mode, futures in waiting]


def _chi2_of(spectra: list[Multipoles]) -> tuple[float, ...]:
    middle = spectra[len(spectra) // 2]
    return tuple(wishart_chi2(middle, other) for other in spectra)
