"""Values where a model has none: before its first wavenumber, beyond its last, after its today."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .nodes import NODES
from .relevance import fit_with_relevances
from .tables import FieldTables, ResampledModel

__all__ = ["FIRST_X", "K_LAST", "OF_MATTER", "continued_to", "filled"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Pieces needed at the largest wavenumbers, which only some models have.
OF_MATTER = ("weyl", "matter", "matter_cb")
# The name of a model's last wavenumber (1/Mpc) among its numbers. Models that reach this many times further than the
# shortest are those with the largest wavenumbers.
K_LAST, FURTHER = "k_last", 3.0
# of the polynomial in the inputs: few models reach so far, and a quadratic of many inputs runs away between them
DEGREE_OF_TAIL = 1

# The first x = k r_s(rec) of the nodes.
FIRST_X = float(np.exp(NODES["ln_x_far"][0]))
# Steps in ln k of the wavenumbers before the first of a model. They continue its tables from its first wavenumber to
# this many times as much, or from the fewest.
NEW_STEP, FITTED, FEWEST_FITTED = 0.25, 1.6, 2


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


def _beyond_today(values: Single, v: Array, today: Array) -> Single:
    """Fill rows later than a model's own age with the changes from row to row of models that extend further."""
    result = values.copy()
    known = v <= today[:, None]
    known[np.argmax(today)] = True
    for node in range(int(known.all(axis=0).sum()), v.size):
        has, has_not = known[:, node], ~known[:, node]
        result[has_not, node] = result[has_not, node - 1] + (values[has, node] - values[has, node - 1]).mean(axis=0)
    return result


def _beyond_last_wavenumber(values: Single, inputs: Array, x: Array, ends: Array) -> Single:
    """Fill columns beyond the last wavenumber of most models: their ratio to the last column that all models have is
    fitted to the models that extend further."""
    is_far = ends > FURTHER * ends.min()
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
