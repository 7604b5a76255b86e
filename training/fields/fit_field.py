"""Fit one field: compress its tables and fit the network of the coefficients. Fits are kept in files, so that a fit of
all fields that was killed resumes.

The name of a file holds a hash of everything that determines the fit, and the file a hash of its content: a fit of
another recipe or of other models is never read, and a damaged file is fitted again.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cosmicnet.evaluation import FittedField
from cosmicnet.fields import Field
from cosmicnet.files import write_whole
from cosmicnet.splines import SplineBasis

from ..recipe.schema import Recipe
from ..work.digest import arrays_digest, json_digest
from .fit_network import NetworkFit, fit_network
from .nodes import NODES
from .polynomial import cross_validate, skip_exponents
from .reduce import ReducedField, keep_components, reduce_field
from .tables import FieldTables

__all__ = ["FitResult", "fit_field", "fit_path", "read_fit", "write_fit"]

# The bases are reduced again for the mean and the kept components, this much finer than the tolerance: an error of the
# mean is the same in every cosmology.
MEAN_ACCURACY = 0.1

# One entry of metadata, because safetensors writes several in any order.
ENTRY = "fit"


@dataclass(frozen=True)
class FitResult:
    """A fitted field and its weighted relative rms errors: of the compression (median model), and on held-out models
    of the skip connection alone and of the whole network."""

    fitted: FittedField
    compression_error: float
    skip_error: float
    network_error: float


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
    return FitResult(_emulator(field, reduced, fit), float(np.median(reduced.error)), share * fit.skip_error,
                    share * fit.error)


def _emulator(field: Field, reduced: ReducedField, fit: NetworkFit) -> FittedField:
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    return FittedField(
        field=field,
        network=fit.network,
        mean_core=reduced.mean_core.reshape(shape),
        components=reduced.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[field.time], reduced.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[field.wavenumber], reduced.wavenumber_basis))


def _varying_share(reduced: ReducedField) -> float:
    """Rms of the coefficients relative to that of the whole field, its mean included."""
    varying = float((reduced.coefficients**2).sum(axis=1).mean())
    whole = float((reduced.mean_core**2).sum()) + varying
    return float(np.sqrt(varying / whole)) if whole > 0.0 else 0.0


def fit_path(folder: Path, field: Field, identity: Mapping[str, Any]) -> Path:
    """The file of a fit; identity: everything that determines it, as JSON."""
    return folder / f"{field.name}-{json_digest(identity)[:24]}.safetensors"


def write_fit(path: Path, fit: FitResult) -> None:
    arrays = {name: np.ascontiguousarray(array) for name, array in fit.fitted.arrays().items()}
    errors = (fit.compression_error, fit.skip_error, fit.network_error)
    metadata = {"errors": errors, "layers": len(fit.fitted.network.weights), "sha256": arrays_digest(arrays)}
    write_whole({path: save(arrays, metadata={ENTRY: json.dumps(metadata)})})


def read_fit(path: Path, field: Field) -> FitResult | None:
    """The fit in this file; None if there is none or it is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads(file.metadata()[ENTRY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        if metadata["sha256"] != arrays_digest(arrays):
            return None
        return FitResult(FittedField.from_arrays(field, arrays, metadata["layers"]), *metadata["errors"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
