"""Fit one field by a polynomial alone: for sets of many inputs, in which each input has a relevance of its own."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cosmicnet.evaluation import FittedField

from .polynomial import UNPREDICTABLE
from .reduce import MEAN_ACCURACY, expand, fitted_field, keep_components, reduce_field
from .relevance import fit_with_relevances
from .tables import FieldTables

__all__ = ["PolynomialField", "fit_polynomial_field", "predicted_by_others"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PolynomialField:
    """compression_errors, fit_errors: weighted relative rms errors of each model (N,), of the compression and, left
    out, of the polynomial. residuals: of the network's outputs, left out (N, c). relevances: of the inputs (n,), for
    the largest component."""

    fitted: FittedField
    compression_errors: Array
    fit_errors: Array
    residuals: Array
    relevances: Array


def fit_polynomial_field(
    table: FieldTables, floor: Array, tolerance: float, degree: int, unpredictable: float = UNPREDICTABLE
) -> PolynomialField:
    """Compress the tables of one field to a relative error of `tolerance`, and fit their coefficients.

    floor: (wavenumber nodes,), in place of the table's own. unpredictable: coefficients are left out whose residuals
    are as large, relative to themselves.
    """
    reduced = reduce_field(table.values, table.weight, floor, tolerance)
    fit = fit_with_relevances(table.inputs, reduced.coefficients, degree)
    kept = np.sqrt((fit.residuals**2).mean(axis=0)) < unpredictable * np.sqrt((reduced.coefficients**2).mean(axis=0))
    # arrays keep their shapes if there is at least one
    kept[0] = True
    errors = np.sqrt((np.where(kept, fit.residuals, reduced.coefficients) ** 2).sum(axis=1))
    whole = np.sqrt((reduced.mean_core**2).sum() + (reduced.coefficients**2).sum(axis=1).mean())
    reduced = keep_components(reduced, kept, MEAN_ACCURACY * tolerance)
    outer = fit.network.output_map
    network = replace(fit.network, skip=fit.network.skip[:, kept],
                      output_map=replace(outer, offset=outer.offset[kept], scale=outer.scale[kept]))
    return PolynomialField(fitted_field(table.field, reduced, network), reduced.error, errors / (whole or 1.0),
                           fit.residuals[:, kept], fit.relevances[0])


def predicted_by_others(
    table: FieldTables, floor: Array, tolerance: float, degree: int, models: Sequence[int]
) -> Array:
    """The tables of these models (by number) as a fit to all others predicts them, shape (models, time nodes,
    wavenumber nodes); other arguments as of fit_polynomial_field()."""
    reduced = reduce_field(table.values, table.weight, floor, tolerance)
    fit = fit_with_relevances(table.inputs, reduced.coefficients, degree)
    return np.array([expand(reduced, reduced.coefficients[i] - fit.residuals[i]) for i in models])
