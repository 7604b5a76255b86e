"""The tables of a wide set: models of both levels on the nodes of its fields, and values where a model has none."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_lsq_spline

from cosmicnet.background import Background
from cosmicnet.coordinates import Scales, curvature_of
from cosmicnet.fields import Field
from cosmicnet.pieces import split_sources
from cosmicnet.request import at_request
from cosmicnet.splines import DEGREE
from cosmicnet.wide_fields import WIDE_BOUNDARIES

from ..fields.nodes import NODES
from ..fields.relevance import fit_with_relevances
from ..fields.tables import FieldTables, ResampledModel, write_tables
from .record import read_wide_model

__all__ = ["OF_MATTER", "continued_to", "filled", "graded", "resample_wide_model", "without_ringing"]

Array = NDArray[np.float64]
Tables = NDArray[np.float32]

# Pieces needed at the largest wavenumbers, which only some models have.
OF_MATTER = ("weyl", "matter", "matter_cb")
# The name of a model's last wavenumber (1/Mpc) among its numbers; models that reach so many times further than the
# others are those with the largest ones.
K_LAST, BOTH = "k_last", 3.0
DEGREE_OF_TAIL = 2

# The first x = k r_s(rec) of the nodes; steps in ln k of wavenumbers that are put before the first of a model, and how
# far, in units of the first, those reach from which they are continued, and how many these are at least.
FIRST_X, NEW_STEP, FITTED, FEWEST_FITTED = float(np.exp(NODES["ln_x_far"][0])), 0.25, 1.6, 2

# From this x on pieces of matter are smooth in steps of ln x of this size.
SMOOTH_FROM, SMOOTH_STEP = 70.0, 0.06

# Below this x the spacing of wavenumbers changes by no more than about this factor from one to the next; above two, so
# that no even grid loses every second one.
GRADED_BELOW, GRADED = 10.0, 2.3


def resample_wide_model(path: Path, target: Path, fields: Sequence[Field]) -> None:
    """Write all fields of one model on their nodes; DatasetError for an unreadable model."""
    model = read_wide_model(path)
    # parameters of the inputs are requested again: this CLASS may report more than the one that integrated the model
    cosmology = at_request({"output": "tCl", "reio_parametrization": "reio_none", **model.settings},
                           lambda request: dict(request.cosmology)) or {}
    # without massive neutrinos CLASS has one kind of matter
    integrated = {"delta_cb": model.integrated["delta_m"], **model.integrated}
    values = {**model.setup, **model.cosmology}
    integrated["potential_growth"] = Background.of(values).potential_growth(integrated)
    curvature = curvature_of(values)
    pieces = split_sources(integrated, model.k, model.tau, curvature)
    scales = Scales.of(model.cosmology, model.precision, WIDE_BOUNDARIES)
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
    spline = make_lsq_spline(at, piece[:, first:].T, np.sort([*ends, *knots]), k=DEGREE)
    return np.concatenate([piece[:, :first], spline(at).T], axis=1)


def graded(x: Array) -> NDArray[np.intp]:
    """The wavenumbers to keep where a fine grid meets a coarse one: splines through both grids would turn the noise of
    close neighbours into oscillations of the coarse side."""
    kept = [x.size - 1]
    for index in range(x.size - 2, -1, -1):
        is_apart = len(kept) < 2 or x[kept[-1]] - x[index] >= (x[kept[-2]] - x[kept[-1]]) / GRADED
        if x[index] >= GRADED_BELOW or is_apart:
            kept.append(index)
    return np.array(kept[::-1])


def continued_to(first: float, k: Array, tables: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Wavenumbers (1/Mpc) from `first` on, and tables (times, wavenumbers) on them; others are as they were.

    Curved space has no smaller wavenumbers than its radius of curvature allows. There tables continue as a constant and
    k^2, which the perturbations of flat space tend to.
    """
    number = math.ceil(math.log(k[0] / first) / NEW_STEP)
    if number <= 1:
        # within a step the nodes take the value of the first
        return k, dict(tables)
    new = np.geomspace(first, k[0], number, endpoint=False)
    fitted = max(int(np.searchsorted(k, FITTED * k[0])), FEWEST_FITTED)
    design, wanted = (np.stack([np.ones(at.size), (at / k[0]) ** 2], axis=1) for at in (k[:fitted], new))
    at_new = wanted @ np.linalg.pinv(design)
    return np.concatenate([new, k]), {
        name: np.concatenate([table[:, :fitted] @ at_new.T, table], axis=1) if table.ndim == 2 else table
        for name, table in tables.items()}


def filled(table: FieldTables, models: Sequence[ResampledModel]) -> FieldTables:
    """The table with each model's gaps filled from models that reach further."""
    values = table.values
    if table.field.region == "reionized":
        today = [(m.scales.tau_0 - m.scales.tau_rec) / m.scales.sound_horizon_rec for m in models]
        values = _beyond_today(values, np.exp(NODES[table.field.time]), np.array(today))
    if table.field.piece in OF_MATTER:
        ends = np.array([m.cosmology[K_LAST] * m.cosmology["sound_horizon_rec"] for m in models])
        values = _beyond_last_wavenumber(values, table.inputs, np.exp(NODES[table.field.wavenumber]), ends)
    return replace(table, values=values)


def _beyond_today(values: Tables, v: Array, today: Array) -> Tables:
    """Rows after a model's own today: from row to row they change as those of models that reach so far."""
    result = values.copy()
    known = v <= today[:, None]
    known[np.argmax(today)] = True
    for node in range(int(known.all(axis=0).sum()), v.size):
        has, has_not = known[:, node], ~known[:, node]
        result[has_not, node] = result[has_not, node - 1] + (values[has, node] - values[has, node - 1]).mean(axis=0)
    return result


def _beyond_last_wavenumber(values: Tables, inputs: Array, x: Array, ends: Array) -> Tables:
    """Columns beyond the last wavenumber of most models: their ratio to the last column that all models have, fitted to
    the models that reach further."""
    is_far = ends > BOTH * ends.min()
    if is_far.all() or not is_far.any():
        return values
    last = int(np.searchsorted(x, ends.min(), side="right")) - 1
    ratios = (values[:, :, last + 1:] / values[:, :, last, None])[is_far]
    mean = ratios.mean(axis=0)
    left, sizes, components = np.linalg.svd((ratios - mean).reshape(len(ratios), -1), full_matrices=False)
    fit = fit_with_relevances(inputs[is_far], left * sizes, DEGREE_OF_TAIL)
    predicted = mean + (fit.network(inputs[~is_far]) @ components).reshape(-1, *mean.shape)
    result = values.copy()
    result[~is_far, :, last + 1:] = values[~is_far, :, last, None] * predicted
    return result
