"""The slope in time of matter and its potential close to today.

Networks give delta/D and its like to some 1e-4 at each time, but today, at the end of their bases, the slope is
uncertain by up to 1%, and with it growth rates and f sigma8. Delta obeys the growth equation

    delta'' + a H delta' = 4 pi G a^2 rho_m delta + small sources of neutrinos and dark energy,

so that y = delta/D obeys (a D^2 y')' = a D^2 s with smooth, small s. The solutions with s a combination of a few powers
of a are five functions of time. Close to today fields become the combination of these that fits them best over a long
time.
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .splines import cubic_slopes

__all__ = ["growing_pieces", "smooth_growth"]

Array = NDArray[np.float64]


def growing_pieces(has_fluid: bool) -> tuple[str, ...]:
    """Pieces that are proportional to delta/D. Where dark energy is perturbed the potential is not: dark energy adds
    to it."""
    return ("matter", "matter_cb") if has_fluid else ("matter", "matter_cb", "weyl")


# Powers of a in s over that of 4 pi G a^2 rho_m.
POWERS = (0, 1, 2)
# Redshifts between which fields pass from their own values to the fitted ones; and between which data enter the fit.
OWN_VALUES, DATA = (0.7, 0.2), (3.5, 2.5)
# The error of fields grows by this factor towards today, over so much redshift.
EDGE, EDGE_WIDTH = 4.0, 0.1


def _passage(z: Array, start: float, end: float) -> Array:
    """From 0 at z = start to 1 at z = end, smoothly."""
    x = np.clip((start - z) / (start - end), 0.0, 1.0)
    return np.asarray(x**2 * (3.0 - 2.0 * x))


def smooth_growth(tau: Array, history: Mapping[str, Array]) -> Array:
    """The matrix that corrects values at the last times: columns are these times, rows the times that change.

    tau: Mpc, increasing, up to today; history: scale_factor and growth_factor at these times. No rows where there are
    too few times.
    """
    z = 1.0 / history["scale_factor"] - 1.0
    data = z < DATA[0]
    tau, a, growth, z = tau[data], history["scale_factor"][data], history["growth_factor"][data], z[data]
    new = _passage(z, *OWN_VALUES)
    changed = new > 0.0
    if tau.size < 2 * (len(POWERS) + 2):
        return np.empty((0, tau.size))
    functions = _solutions(tau, a, growth / growth[-1])
    weight = _passage(z, *DATA) / (1.0 + (EDGE - 1.0) * np.exp(-z / EDGE_WIDTH))
    # least squares
    orthogonal, triangle = np.linalg.qr(functions * weight[:, None])
    fit = functions[changed] @ np.linalg.solve(triangle, orthogonal.T) * weight
    own = np.eye(tau.size)[changed]
    return np.asarray(own + new[changed, None] * (fit - own))


def _solutions(tau: Array, a: Array, growth: Array) -> Array:
    """Solutions of (a D^2 y')' = a D^2 s, each of size 1, shape (tau.size, functions)."""
    friction = a[:, None] * growth[:, None] ** 2
    slopes = _integrals(tau, friction * a[:, None] ** (np.array(POWERS) - 1.0)) / friction
    integrals = _integrals(tau, np.concatenate([1.0 / friction, slopes], axis=1))
    rows = np.concatenate([np.ones_like(friction), integrals], axis=1)
    return np.asarray(rows / np.abs(rows).max(axis=0))


def _integrals(tau: Array, values: Array) -> Array:
    """The integrals over tau of columns, from the first tau to each, as those of cubic splines."""
    step, slope = np.diff(tau)[:, None], cubic_slopes(tau, values)
    steps = step / 2.0 * (values[1:] + values[:-1]) - step**2 / 12.0 * np.diff(slope, axis=0)
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(steps, axis=0)])
