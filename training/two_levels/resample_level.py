"""Models of two levels on the nodes of the fields."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_lsq_spline

from cosmicnet.background import Background
from cosmicnet.coordinates import Scales, curvature_of
from cosmicnet.fields import DEFAULT_BOUNDARIES, Field
from cosmicnet.pieces import split_sources
from cosmicnet.request import at_request
from cosmicnet.splines import DEGREE

from ..fields.gaps import FIRST_X, K_LAST, OF_MATTER, continued_to
from ..fields.resample import falling_slope
from ..fields.tables import write_tables
from ..work.digest import code_digest
from .level_model import read_level_model

__all__ = ["graded", "level_tables", "resample_level_model", "without_ringing"]

Array = NDArray[np.float64]

# From this x on pieces of matter are smooth in steps of ln x of this size.
SMOOTH_FROM, SMOOTH_STEP = 70.0, 0.06

# Below this x the spacing of wavenumbers changes by no more than about this factor from one to the next; above two, so
# that no even grid loses every second one.
GRADED_BELOW, GRADED = 10.0, 2.3


def level_tables(tables: Path, level: str) -> Path:
    """The folder for models of one level below that of all tables; each version of the code has its own."""
    return tables / code_digest(__name__)[:12] / level


def resample_level_model(path: Path, target: Path, fields: Sequence[Field]) -> None:
    """Write all fields of one model on their nodes; DatasetError for an unreadable model."""
    model = read_level_model(path)
    # parameters of the inputs are requested again: this CLASS may report more than the one that integrated the model
    cosmology = at_request({"output": "tCl", "reio_parametrization": "reio_none", **model.settings},
                           lambda request: dict(request.cosmology)) or {}
    # without massive neutrinos CLASS has one kind of matter
    integrated = {"delta_cb": model.integrated["delta_m"], **model.integrated}
    values = {**model.setup, **model.cosmology}
    integrated["potential_growth"] = Background.of(values).potential_growth(integrated)
    curvature = curvature_of(values)
    pieces = split_sources(integrated, model.k, model.tau, curvature)
    scales = Scales.of(model.cosmology, model.precision, DEFAULT_BOUNDARIES)
    numbers = {**cosmology, K_LAST: float(model.k[-1])}
    first = FIRST_X / scales.sound_horizon_rec
    # closed space has no modes with q^2 < 9 K, and equations between its modes are singular towards q^2 = 4 K
    smallest = int(np.searchsorted(model.k**2, 8.0 * max(curvature, 0.0)))
    x = model.k * scales.sound_horizon_rec
    kept = smallest + graded(x[smallest:])
    pieces |= {name: without_ringing(pieces[name], x) for name in OF_MATTER}
    k, pieces = continued_to(first, model.k[kept], _at_wavenumbers(kept, pieces))
    _, integrated = continued_to(first, model.k[kept], _at_wavenumbers(kept, integrated))
    write_tables(target, replace(model, k=k, cosmology=numbers, integrated=integrated), pieces, scales, fields)


def _at_wavenumbers(kept: NDArray[np.intp], tables: Mapping[str, Array]) -> dict[str, Array]:
    return {name: table[:, kept] if table.ndim == 2 else table for name, table in tables.items()}


def without_ringing(piece: Array, x: Array) -> Array:
    """A piece of matter (times, wavenumbers) on the same x, by its least-squares spline where the acoustic grid meets
    the geometric one: the last of the baryons' oscillations there, 1e-5, would become 2e-3 between the next points."""
    first = int(np.searchsorted(x, SMOOTH_FROM))
    at = np.log(x[first:])
    knots: list[float] = []
    # a spline of degree 5 needs data between its first and last knots
    for value in at[DEGREE:-(DEGREE // 2 + 1)]:
        if not knots or value - knots[-1] >= SMOOTH_STEP:
            knots.append(value)
    if not knots:
        return piece
    ends = np.repeat(at[[0, -1]], DEGREE + 1)
    slope = falling_slope(x[first:])
    spline = make_lsq_spline(at, (piece[:, first:] / slope).T, np.sort([*ends, *knots]), k=DEGREE)
    return np.concatenate([piece[:, :first], spline(at).T * slope], axis=1)


def graded(x: Array) -> NDArray[np.intp]:
    """The wavenumbers to keep where a fine grid meets a coarse one: splines through both grids would turn the noise of
    close neighbours into oscillations of the coarse side."""
    kept = [x.size - 1]
    for index in range(x.size - 2, -1, -1):
        is_apart = len(kept) < 2 or x[kept[-1]] - x[index] >= (x[kept[-2]] - x[kept[-1]]) / GRADED
        if x[index] >= GRADED_BELOW or is_apart:
            kept.append(index)
    return np.array(kept[::-1])
