"""Fit one field: compress its tables and fit the network of the coefficients."""
from __future__ import annotations

import numpy as np

from ..fields.fit_results import FitResult
from ..fields.polynomial import cross_validate, skip_exponents
from ..fields.reduce import MEAN_ACCURACY, ReducedField, fitted_field, keep_components, reduce_field
from ..fields.tables import FieldTables
from ..recipe.schema import Recipe
from .fit_network import fit_network

__all__ = ["fit_field"]


def fit_field(table: FieldTables, recipe: Recipe, tolerance: float) -> FitResult:
    """Compress the tables of one field to a relative error of `tolerance`, and fit their coefficients."""
    field, settings = table.field, recipe.training
    degree = settings.degree_early if field.region == "early" else settings.degree_late
    reduced = reduce_field(table.values, table.weight, table.floor, tolerance)
    exponents = skip_exponents(field.inputs, degree, settings.linear)
    # unpredictable components are CLASS's integration noise, different in every model
    kept = cross_validate(table.inputs, reduced.coefficients, exponents, settings.seed).predictable
    # arrays keep their shapes if there is at least one
    kept[0] = True
    reduced = keep_components(reduced, kept, MEAN_ACCURACY * tolerance)
    fit = fit_network(table.inputs, reduced.coefficients, field.inputs, degree, settings)
    share = _varying_share(reduced)
    return FitResult(fitted_field(field, reduced, fit.network), float(np.median(reduced.error)), share * fit.skip_error,
                    share * fit.error)


def _varying_share(reduced: ReducedField) -> float:
    """Rms of the coefficients relative to that of the whole field, its mean included."""
    varying = float((reduced.coefficients**2).sum(axis=1).mean())
    whole = float((reduced.mean_core**2).sum()) + varying
    return float(np.sqrt(varying / whole)) if whole > 0.0 else 0.0
