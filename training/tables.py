"""All training models as one table per field, with the weights that say what matters."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from cosmicnet.coordinates import WAVENUMBER_COORDINATES, Scales
from cosmicnet.fields import FIELDS, Field, inputs_of
from cosmicnet.pieces import PIECES, split_sources

from .dataset import read_model
from .edges import continue_alike
from .parallel import progress, single_threaded_pool
from .resample import NODES, Resampled, distinct_times, resample

__all__ = ["FieldTables", "collect"]

Array = NDArray[np.float64]

# A field is met to an accuracy relative to this fraction of the source that it adds to, where it is
# smaller than that; and the source counts as at least this fraction of its maximum over k.
FRACTION_OF_SOURCE = 0.02
FRACTION_OF_MAXIMUM = 2e-3

# What is spread over all late times cancels along the line of sight, compared with the same mean square
# within recombination's 50 Mpc, as 1/sqrt(50 Mpc k) = 1/sqrt(x/3).
SMOOTH_ABOVE = 3.0


@dataclass(frozen=True)
class FieldTables:
    """One field in all models: values (models, time nodes, wavenumber nodes), inputs (models, n),
    weight (time nodes,) and floor (wavenumber nodes,) as reduce_field() takes them."""

    field: Field
    values: NDArray[np.float32]
    inputs: Array
    weight: Array
    floor: Array


@dataclass(frozen=True)
class _Model:
    cosmology: dict[str, float]
    scales: Scales
    fields: dict[str, Resampled]
    sizes: dict[tuple[str, str], Array]


def collect(paths: Sequence[Path], processes: int) -> list[FieldTables]:
    """Read and resample all models; fields in the order of FIELDS."""
    models: dict[Path, _Model] = {}
    with progress("resampling models", len(paths)) as advance, single_threaded_pool(processes) as pool:
        futures = {pool.submit(_resample_model, path): path for path in paths}
        for future in as_completed(futures):
            models[futures[future]] = future.result()
            advance()
    return _assemble([models[path] for path in paths])


def _resample_model(path: Path) -> _Model:
    model = distinct_times(read_model(path))
    scales = Scales.of(model.cosmology, model.precision)
    pieces = split_sources(model.integrated, model.k, model.tau)
    history = {name: a for name, a in model.integrated.items() if a.ndim == 1}
    fields = {f.name: resample(f, pieces[f.piece], model.k, model.tau, history, scales) for f in FIELDS}
    ln_x = np.log(model.k * scales.sound_horizon_rec)
    sizes: dict[tuple[str, str], Array] = {}
    for source in ("t0", "t2"):
        size = np.sqrt(trapezoid(model.integrated[source] ** 2, model.tau, axis=0))
        sizes |= {(source, name): np.interp(NODES[name], ln_x, size) for name in WAVENUMBER_COORDINATES}
    return _Model(model.cosmology, scales, fields, sizes)


def _assemble(models: list[_Model]) -> list[FieldTables]:
    return [
        FieldTables(
            field=f,
            values=continue_alike(f, np.array([m.fields[f.name].values for m in models]), [m.scales for m in models]),
            inputs=_inputs(f, models),
            weight=np.sqrt(np.mean([m.fields[f.name].weight ** 2 for m in models], axis=0)),
            floor=_floor(f, models),
        ) for f in FIELDS
    ]


def _inputs(field: Field, models: list[_Model]) -> Array:
    return np.array([inputs_of(m.cosmology, field.inputs) for m in models])


def _floor(field: Field, models: list[_Model]) -> Array:
    """The size below which a field does not matter, because of the rest of its source."""
    source = PIECES[field.piece].source
    if source in ("phi_plus_psi", "delta_m", "delta_cb"):
        return np.zeros(NODES[field.wavenumber].size)
    # t1 enters the temperature beside t0, with a factor k that the shear field lacks
    table = "t0" if source == "t1" else source
    size = np.sqrt(np.mean([m.sizes[table, field.wavenumber] ** 2 for m in models], axis=0))
    if source == "t1":
        horizon = np.mean([m.cosmology["sound_horizon_rec"] for m in models])
        size = size * horizon / np.exp(NODES[field.wavenumber])
    size = np.maximum(size, FRACTION_OF_MAXIMUM * size.max())
    if field.region == "late":
        size = size * np.sqrt(1.0 + np.exp(NODES[field.wavenumber]) / SMOOTH_ABOVE)
    return np.asarray(FRACTION_OF_SOURCE * size)
