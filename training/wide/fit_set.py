"""Fit a wide set: the mean difference of the levels is added to all cheap models, then fields are fitted."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.evaluation import FittedField
from cosmicnet.fields import Field
from cosmicnet.splines import SplineBasis

from ..fields.nodes import NODES
from ..fields.reduce import keep_components, reduce_field
from ..fields.relevance import fit_with_relevances
from ..fields.tables import FieldTables, ResampledModel, collect, read_field
from .tables import OF_MATTER, filled, resample_wide_model

__all__ = ["FieldFit", "Tables", "collect_levels", "fit_wide_field"]

Array = NDArray[np.float64]

# Degrees of the polynomials; early fields have few inputs.
DEGREE_EARLY, DEGREE_LATE = 4, 3
# A component is noise if the fit leaves more than this fraction of its rms.
UNPREDICTABLE = 0.95
MEAN_ACCURACY = 0.1

# Factor on the floors of fields/tables.py; x = k r_s(rec) from which photon sources count less.
FLOOR, ACOUSTIC = 50.0, 30.0


@dataclass(frozen=True)
class Tables:
    """Resampled models of the cheap level, and pairs of both levels of the same cosmology."""

    cheap: list[ResampledModel]
    pairs: list[tuple[ResampledModel, ResampledModel]]


@dataclass(frozen=True)
class FieldFit:
    """A fitted field and its errors relative to the field.

    compression: of the median model. errors: leave-one-out errors per model; `residuals` are those of `coefficients`.
    relevances: of the inputs. common: the mean difference of the levels; left: the scatter of the pairs about it (rms).
    """

    fitted: FittedField
    compression: float
    errors: Array
    coefficients: Array
    residuals: Array
    relevances: Array
    common: float
    left: float


def collect_levels(
    cheap: dict[int, Path], converged: dict[int, Path], folder: Path, fields: Sequence[Field], processes: int
) -> Tables:
    """Resample all models into folder/cheap and folder/converged."""
    both = sorted(cheap.keys() & converged.keys())
    models = {level: dict(zip(paths, collect(list(paths.values()), folder / level, fields, processes,
                                             make=resample_wide_model), strict=True))
              for level, paths in (("cheap", cheap), ("converged", {i: converged[i] for i in both})) if paths}
    return Tables(list(models["cheap"].values()), [(models["cheap"][i], models["converged"][i]) for i in both])


def fit_wide_field(field: Field, tables: Tables, tolerance: float) -> FieldFit:
    """Compress the tables of one field to a relative error of `tolerance`, and fit their coefficients."""
    table = filled(read_field(field, tables.cheap), tables.cheap)
    common, shares = _difference(field, table, tables)
    reduced = reduce_field(table.values + common, table.weight, _floor(table), tolerance)
    fit = fit_with_relevances(table.inputs, reduced.coefficients,
                              DEGREE_EARLY if field.region == "early" else DEGREE_LATE)
    left = np.sqrt((fit.residuals**2).mean(axis=0)) < UNPREDICTABLE * np.sqrt((reduced.coefficients**2).mean(axis=0))
    left[0] = True
    errors = np.sqrt((np.where(left, fit.residuals, reduced.coefficients) ** 2).sum(axis=1))
    reduced = keep_components(reduced, left, MEAN_ACCURACY * tolerance)
    whole = np.sqrt((reduced.mean_core**2).sum() + (reduced.coefficients**2).sum(axis=1).mean())
    network = replace(fit.network, skip=fit.network.skip[:, left], output_map=replace(
        fit.network.output_map, offset=fit.network.output_map.offset[left], scale=fit.network.output_map.scale[left]))
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    emulator = FittedField(
        field=field, network=network, mean_core=reduced.mean_core.reshape(shape),
        components=reduced.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[field.time], reduced.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[field.wavenumber], reduced.wavenumber_basis))
    return FieldFit(emulator, float(np.median(reduced.error)), errors / whole, reduced.coefficients,
                    fit.residuals[:, left], fit.relevances, *shares)


def _floor(table: FieldTables) -> Array:
    """Floor of the size to which errors at each wavenumber are relative: a thousandth of the source's largest; beyond
    ACOUSTIC, where photons have diffused, errors count as the inverse square of k."""
    floor = FLOOR * table.floor
    if table.field.piece in OF_MATTER:
        return floor
    x = np.exp(NODES[table.field.wavenumber])
    size = np.sqrt(((table.values * table.weight[:, None]) ** 2).sum(axis=1).mean(axis=0))
    return np.where(x > ACOUSTIC, np.maximum(size, floor) * (x / ACOUSTIC) ** 2, floor)


def _difference(field: Field, table: FieldTables, tables: Tables) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """The mean difference of the levels over all pairs, and its relative size and that of the rest."""
    if not tables.pairs:
        return np.zeros(table.values.shape[1:], dtype=np.float32), (0.0, 0.0)
    cheap, converged = (read_field(field, models).values for models in zip(*tables.pairs, strict=True))
    differences = converged - cheap
    common = differences.mean(axis=0)
    scale = np.maximum(np.sqrt(((table.values * table.weight[:, None]) ** 2).sum(axis=1).mean(axis=0)), table.floor)
    scale[scale == 0.0] = 1.0

    def size(values: NDArray[np.float32]) -> float:
        return float(np.sqrt(((values * table.weight[:, None] / scale) ** 2).sum(axis=(-1, -2)).mean()))

    whole = size(table.values)
    return common, (size(common[None]) / whole, size(differences - common) / whole)
