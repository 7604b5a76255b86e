"""Training models on disk: one HDF5 file each, compressed and with checksums, written whole or not at all.

One file per model, because a process that is killed while it writes spoils the file it writes to, and workers on
several machines cannot write to the same one. Each file says what it holds: names, units, axes, version.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..work.hdf5 import DatasetError, checked_file, put, put_numbers, whole_file

__all__ = ["TrainingModel", "failure_path", "model_path", "read_model", "write_model"]

Array = NDArray[np.float64]

FORMAT_VERSION = 1

# Kept in double precision: the monopole is a small difference of these.
DOUBLE = ("t0", "t1", "t2", "theta_b", "phi_prime")

GROUPS = ("parameters", "cosmology", "setup", "precision")


@dataclass(frozen=True)
class TrainingModel:
    """One integrated cosmology.

    parameters: as sampled. cosmology, setup, precision: as in SourceRequest. k (1/Mpc), tau (Mpc).
    integrated: what SourceRequest.integrate_on() returned.
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


def failure_path(folder: Path, index: int) -> Path:
    """Where CLASS's message is kept for a model that it cannot compute."""
    return folder / f"{index:05d}.failed"


def write_model(path: Path, model: TrainingModel) -> None:
    """Write one model; DatasetError if it cannot be written."""
    with whole_file(path) as file:
        file.attrs.update(format_version=FORMAT_VERSION, content="source functions of one cosmology by CLASS")
        for group in GROUPS:
            put_numbers(file, group, getattr(model, group))
        put(file, "k", model.k, unit="1/Mpc")
        put(file, "tau", model.tau, unit="Mpc")
        for name, array in model.integrated.items():
            small = array.ndim == 2 and name not in DOUBLE
            put(file, f"integrated/{name}", array.astype(np.float32) if small else array,
                axes="tau, k" if array.ndim == 2 else "tau")


def read_model(path: Path) -> TrainingModel:
    """Read one model; DatasetError if the file is damaged or of another version."""
    try:
        with checked_file(path) as file:
            version = int(file.attrs.get("format_version", 0))
            if version != FORMAT_VERSION:
                raise DatasetError(f"{path} has format version {version}, but this cosmicnet reads {FORMAT_VERSION}: "
                                   f"generate the models again in another folder")
            groups = {group: {name: float(value) for name, value in file[group].attrs.items()} for group in GROUPS}
            # names first: an error within items() would keep h5py's lock for as long as its traceback lives
            integrated = {name: np.asarray(file["integrated"][name][()], dtype=float)
                          for name in list(file["integrated"])}
            return TrainingModel(**groups, k=file["k"][()], tau=file["tau"][()], integrated=integrated)
    except (DatasetError, MemoryError, PermissionError):
        raise
    except Exception as error:  # of h5py, many kinds: the file is of no use
        raise DatasetError(f"{path} cannot be read ({error}); delete it and generate again") from None
