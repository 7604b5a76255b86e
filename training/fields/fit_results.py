"""The fit of a field, and its file: a fit of all fields that was killed resumes.

The name of a file holds a hash of everything that determines the fit: a fit of another recipe or of other models is
never read. A damaged file is fitted again.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from cosmicnet.evaluation import FittedField
from cosmicnet.fields import Field

from ..work.digest import json_digest
from ..work.files import read_arrays, write_arrays

__all__ = ["FitResult", "error_table", "fit_once", "fit_path", "read_fit", "write_fit"]


@dataclass(frozen=True)
class FitResult:
    """A fitted field and its weighted relative rms errors: of the compression (median model), and on held-out models
    of the skip connection alone and of the whole network."""

    fitted: FittedField
    compression_error: float
    skip_error: float
    network_error: float


def fit_once(folder: Path, field: Field, identity: Mapping[str, Any], fit: Callable[[], FitResult]) -> FitResult:
    """The fit of a field, read where it was finished before; identity: everything that determines it, as JSON."""
    path = fit_path(folder, field, identity)
    result = read_fit(path, field)
    if result is None:
        result = fit()
        write_fit(path, result)
    return result


def fit_path(folder: Path, field: Field, identity: Mapping[str, Any]) -> Path:
    """The file of a fit, named by a hash of its identity."""
    return folder / f"{field.name}-{json_digest(identity)[:24]}.safetensors"


def write_fit(path: Path, fit: FitResult) -> None:
    errors = (fit.compression_error, fit.skip_error, fit.network_error)
    write_arrays(path, fit.fitted.arrays(), {"errors": errors, "layers": len(fit.fitted.network.weights)})


def read_fit(path: Path, field: Field) -> FitResult | None:
    """The fit in this file; None if there is none or it is damaged."""
    try:
        arrays, entries = read_arrays(path)
        return FitResult(FittedField.from_arrays(field, arrays, entries["layers"]), *entries["errors"])
    except (OSError, KeyError, TypeError, ValueError):
        return None


def error_table(results: Sequence[FitResult], models: int) -> Table:
    """For the terminal."""
    table = Table("field", "functions", "components", "compression", "polynomial alone", "network",
                  title=f"weighted relative errors on held-out models, of {models}")
    for result in results:
        rows, columns = result.fitted.mean_core.shape
        errors = (result.compression_error, result.skip_error, result.network_error)
        table.add_row(result.fitted.field.name, f"{rows} x {columns}", str(len(result.fitted.components)),
                      *(f"{error:.1e}" for error in errors))
    return table
