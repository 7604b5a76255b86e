"""The tables of a wide set: models of both levels on the nodes of its fields."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coordinates import Scales, curvature_of
from cosmicnet.fields import Field
from cosmicnet.pieces import split_sources
from cosmicnet.wide_fields import WIDE_BOUNDARIES

from ..fields.tables import write_tables
from ..work.run_class import probe
from .grids import WideGrids
from .record import read_wide_model

__all__ = ["resample_wide_model"]

Array = NDArray[np.float64]

# Pieces that are asked for beyond the largest wavenumber of most models. There this power of k times the piece is
# nearly a parabola in ln k.
POWERS = {"weyl": 2, "matter": 2, "matter_cb": 2}
# ln k from its last value back that the parabola is fitted to
FITTED = 2.0


def resample_wide_model(path: Path, target: Path, fields: Sequence[Field]) -> None:
    """Write all fields of one model on their nodes; DatasetError for an unreadable model."""
    model = read_wide_model(path)
    # what inputs are made of is asked for again: this CLASS may report more than the one that integrated the model
    cosmology = probe({"output": "tCl", "reio_parametrization": "reio_none", **model.settings},
                      lambda request: dict(request.cosmology))
    # without massive neutrinos CLASS has one kind of matter
    integrated = {"delta_cb": model.integrated["delta_m"], **model.integrated}
    pieces = split_sources(integrated, model.k, model.tau, curvature_of({**model.setup, **model.cosmology}))
    k, pieces = _continued(model.k, pieces)
    scales = Scales.of(model.cosmology, model.precision, WIDE_BOUNDARIES)
    # sizes of sources: beyond the last wavenumber they are not asked for
    sources = {name: _repeated(table, k.size) for name, table in integrated.items()}
    write_tables(target, replace(model, cosmology=cosmology, k=k, integrated=sources), pieces, scales, fields)


def _continued(k: Array, pieces: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Wavenumbers to the last of the grids, and pieces there: those of POWERS by a parabola, the others constant."""
    last = WideGrids().k_last
    if k[-1] > 0.99 * last:
        return k, dict(pieces)
    more = np.geomspace(k[-1], last, 6)[1:]
    known = np.log(k) > np.log(k[-1]) - FITTED
    longer = np.concatenate([k, more])
    result = {}
    for name, table in pieces.items():
        if name in POWERS:
            power = POWERS[name]
            parabola = np.polyfit(np.log(k[known]), (table[:, known] * k[known] ** power).T, 2)
            beyond = np.stack([np.polyval(row, np.log(more)) for row in parabola.T]) / more**power
            result[name] = np.concatenate([table, beyond], axis=1)
        else:
            result[name] = _repeated(table, longer.size)
    return longer, result


def _repeated(table: Array, columns: int) -> Array:
    """The last column once more until there are so many; a column of times is left alone."""
    if table.ndim == 1:
        return table
    return np.concatenate([table, np.repeat(table[:, -1:], columns - table.shape[1], axis=1)], axis=1)
