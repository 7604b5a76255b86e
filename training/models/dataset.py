"""Training models on disk: one HDF5 file each, with names, units, axes and a version.

One file per model: workers on several machines cannot write to the same one, and a killed process spoils at most one.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ..work.files import DatasetError, get_arrays, get_numbers, put, put_numbers, read_hdf5, write_hdf5

__all__ = [
    "FORMAT_VERSION", "TrainingModel", "failure_path", "model_path", "put_integrated", "read_model", "require_format",
    "write_model",
]

Array = NDArray[np.float64]

FORMAT_VERSION = 1

# Kept in double precision: the monopole is a small difference of these.
DOUBLE = ("t0", "t1", "t2", "theta_b", "phi_prime")

GROUPS = ("parameters", "cosmology", "setup", "precision")


@dataclass(frozen=True)
class TrainingModel:
    """One integrated cosmology.

    parameters: as sampled. cosmology, setup, precision: as in SourceRequest. k (1/Mpc), tau (Mpc). integrated: the
    result of SourceRequest.integrate_on().
    """

    parameters: dict[str, float]
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    k: Array
    tau: Array
    integrated: dict[str, Array]


def model_path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.h5"


def failure_path(model: Path) -> Path:
    """The file with CLASS's message for a model that it cannot compute."""
    return model.with_suffix(".failed")


def write_model(path: Path, model: TrainingModel) -> None:
    """Write one model; OSError if it cannot be written."""
    with write_hdf5(path) as file:
        file.attrs.update(format_version=FORMAT_VERSION, content="source functions of one cosmology by CLASS")
        for group in GROUPS:
            put_numbers(file, group, getattr(model, group))
        put_integrated(file, model.k, model.tau, model.integrated)


def read_model(path: Path) -> TrainingModel:
    """Read one model; DatasetError if the file is damaged or of another version."""
    with read_hdf5(path, "delete it and generate again") as file:
        require_format(file, path)
        groups = {group: get_numbers(file, group) for group in GROUPS}
        integrated = {name: table.astype(float) for name, table in get_arrays(file, "integrated").items()}
        return TrainingModel(**groups, k=file["k"][()], tau=file["tau"][()], integrated=integrated)


def put_integrated(file: h5py.File, k: Array, tau: Array, integrated: Mapping[str, Array]) -> None:
    """Write the result of SourceRequest.integrate_on(), in single precision where that is enough, and its grids."""
    put(file, "k", k, unit="1/Mpc")
    put(file, "tau", tau, unit="Mpc")
    for name, array in integrated.items():
        small = array.ndim == 2 and name not in DOUBLE
        put(file, f"integrated/{name}", array.astype(np.float32) if small else array,
            axes="tau, k" if array.ndim == 2 else "tau")


def require_format(file: h5py.File, path: Path) -> None:
    """Raise DatasetError if a model is of another version of the format."""
    if (version := int(file.attrs.get("format_version", 0))) != FORMAT_VERSION:
        raise DatasetError(f"{path} has format version {version}, but this cosmicnet reads {FORMAT_VERSION}: generate "
                           "the models again in another folder")
