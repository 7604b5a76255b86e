"""The tables of all training models, one field at a time, with the weights of times and wavenumbers.

Each model is resampled once into a compressed file of its own. Fields are then read one after the other, so that memory
holds one field of all models, however large the training set.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from cosmicnet.coordinates import WAVENUMBER_COORDINATES, Scales
from cosmicnet.fields import Field, inputs_of
from cosmicnet.pieces import PIECES, split_sources

from ..models.dataset import IntegratedModel, read_model
from ..work.digest import code_digest
from ..work.files import get_arrays, get_numbers, put, put_numbers, read_hdf5, remove_unfinished, write_hdf5
from ..work.parallel import ended, progress, single_threaded_pool
from .continuation import continue_alike
from .nodes import NODES
from .resample import distinct_times, resample

__all__ = [
    "BEYOND", "K_SOUND_HORIZON_MAX", "FieldTables", "ResampledModel", "collect", "read_field",
    "resample_model", "table_path", "write_tables",
]

Array = NDArray[np.float64]

# Errors of a field are relative to its own size, but at least to this fraction of the source that it adds to; and the
# source counts as at least this fraction of its maximum over k.
FRACTION_OF_SOURCE = 0.02
FRACTION_OF_MAXIMUM = 2e-3

# CMB spectra need the photon sources up to this k r_s(rec). Beyond it the grid does not resolve their oscillations.
# They would dominate the fit, and get this much less weight.
K_SOUND_HORIZON_MAX = 150.0
BEYOND = 1e-4

# A late source extends over all late times and cancels along the line of sight. It counts 1/sqrt(50 Mpc k) =
# 1/sqrt(x/3) of one that has the same mean square within the 50 Mpc of recombination.
SMOOTH_ABOVE = 3.0

# Groups of numbers in the file of a resampled model, and the sources whose sizes it has.
GROUPS, SIZED = ("cosmology", "setup", "precision", "scales"), ("t0", "t2")
REMEDY = "delete it and start again"


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
class ResampledModel:
    """Metadata of a resampled model; its tables stay in the file `path`.

    sizes: rms over time of a source (t0 or t2) at the nodes of a wavenumber coordinate, by the two names.
    """

    path: Path
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    scales: Scales
    sizes: dict[tuple[str, str], Array]


def collect(
    paths: Sequence[Path], folder: Path, fields: Sequence[Field], processes: int, scheduler: str | None = None,
    make: Callable[[Path, Path, Sequence[Field]], None] | None = None,
) -> list[ResampledModel]:
    """Resample the models that have no current table in `folder`, by `make` or resample_model(); DatasetError for an
    unreadable model."""
    tables = {path: table_path(folder, path) for path in paths}
    missing = [path for path in paths if not _is_current(tables[path], path)]
    if missing:
        with progress("resampling models", len(paths), len(paths) - len(missing)) as advance, \
                single_threaded_pool(processes, scheduler) as pool:
            futures = {pool.submit(make or resample_model, path.resolve(), tables[path], tuple(fields)): path
                       for path in missing}
            for _, future in ended(futures):
                future.result()
                advance()
        remove_unfinished(tables[paths[0]].parent)
    return [_summary(tables[path]) for path in paths]


def read_field(field: Field, models: Sequence[ResampledModel]) -> FieldTables:
    """One field of all models, from their files; DatasetError for an unreadable one."""
    values, weights = [], []
    for model in models:
        with read_hdf5(model.path, REMEDY) as file:
            values.append(file[f"fields/{field.name}"][()])
            weights.append(file[f"weights/{field.name}"][()])
    return FieldTables(
        field=field,
        values=continue_alike(field, np.array(values), [m.scales for m in models]),
        inputs=np.array([inputs_of({**m.setup, **m.cosmology}, field.inputs) for m in models]),
        weight=np.sqrt(np.mean(np.array(weights) ** 2, axis=0)),
        floor=_floor(field, models),
    )


def _is_current(table: Path, model: Path) -> bool:
    """Whether a table exists and is no older than its model: another recipe may have used the folder before."""
    return table.exists() and table.stat().st_mtime_ns >= model.stat().st_mtime_ns and h5py.is_hdf5(table)


def table_path(folder: Path, path: Path) -> Path:
    """The file of the resampled model `path`; its folder is made. Each version of the code has a folder of its own."""
    target = folder.resolve() / code_digest(__name__)[:12]
    target.mkdir(parents=True, exist_ok=True)
    return target / path.name


def resample_model(path: Path, target: Path, fields: Sequence[Field]) -> None:
    """Write all fields of one model on their nodes; DatasetError for an unreadable model."""
    model = distinct_times(read_model(path))
    write_tables(target, model, split_sources(model.integrated, model.k, model.tau),
                 Scales.of(model.cosmology, model.precision), fields)


def write_tables(
    target: Path, model: IntegratedModel, pieces: Mapping[str, Array], scales: Scales, fields: Sequence[Field]
) -> None:
    """Write the fields of a model with these pieces, on its own grids, on the fields' nodes."""
    history = {name: a for name, a in model.integrated.items() if a.ndim == 1}
    ln_x = np.log(model.k * scales.sound_horizon_rec)
    with write_hdf5(target) as file:
        for f in fields:
            resampled = resample(f, pieces[f.piece], model.k, model.tau, history, scales)
            put(file, f"fields/{f.name}", resampled.values, axes=f"{f.time}, {f.wavenumber}")
            put(file, f"weights/{f.name}", resampled.weight, axes=f.time)
        for source in SIZED:
            size = np.sqrt(trapezoid(model.integrated[source] ** 2, model.tau, axis=0))
            for name in WAVENUMBER_COORDINATES:
                put(file, f"sizes/{source}/{name}", np.interp(NODES[name], ln_x, size), axes=name)
        for group, numbers in zip(GROUPS, (model.cosmology, model.setup, model.precision, asdict(scales)), strict=True):
            put_numbers(file, group, numbers)


def _summary(path: Path) -> ResampledModel:
    with read_hdf5(path, REMEDY) as file:
        cosmology, setup, precision, scales = (get_numbers(file, group) for group in GROUPS)
        sizes = {(source, name): size.astype(float) for source in SIZED
                 for name, size in get_arrays(file, f"sizes/{source}").items()}
        return ResampledModel(path, cosmology, setup, precision, Scales(**scales), sizes)


def _floor(field: Field, models: Sequence[ResampledModel]) -> Array:
    """The least size to which errors of a field are relative: errors below it are hidden by the rest of its source."""
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
    size[np.exp(NODES[field.wavenumber]) > K_SOUND_HORIZON_MAX * (1.0 + 1e-9)] /= BEYOND
    return np.asarray(FRACTION_OF_SOURCE * size)
