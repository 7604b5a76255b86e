"""Training models on disk: one HDF5 file each, compressed and with checksums, written whole or not at all.

One file per model, because a process that is killed while it writes spoils the file it writes to, and workers on
several machines cannot write to the same one. Each file says what it holds: names, units, axes, version.
"""
from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError

__all__ = [
    "DatasetError", "TrainingModel", "failure_path", "model_path", "parameters_of", "put", "read_model", "whole_file",
    "write_model",
]

Array = NDArray[np.float64]

FORMAT_VERSION = 1

# Kept in double precision: the monopole is a small difference of these.
DOUBLE = ("t0", "t1", "t2", "theta_b", "phi_prime")

GROUPS = ("parameters", "cosmology", "setup", "precision")

# Rows of a chunk: some 300 kB for the usual number of wavenumbers.
CHUNK_ROWS = 64


class DatasetError(CosmicnetError):
    """A training model that cannot be read or written."""


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
            file.create_group(group).attrs.update(getattr(model, group))
        put(file, "k", model.k, unit="1/Mpc")
        put(file, "tau", model.tau, unit="Mpc")
        for name, array in model.integrated.items():
            small = array.ndim == 2 and name not in DOUBLE
            put(file, f"integrated/{name}", array.astype(np.float32) if small else array,
                axes="tau, k" if array.ndim == 2 else "tau")


def put(file: h5py.File, name: str, array: NDArray[Any], **attributes: str) -> None:
    """A dataset in chunks of some rows, compressed, with a checksum for each chunk. The fill value is for what the last
    chunk has beyond the end, which is any memory otherwise, so that no file would be like another."""
    chunks = (min(CHUNK_ROWS, array.shape[0]), *array.shape[1:]) if array.ndim > 1 else array.shape
    dataset = file.create_dataset(name, data=array, chunks=chunks, shuffle=True, compression="gzip",
                                  compression_opts=1, fletcher32=True, fillvalue=0)
    dataset.attrs.update(attributes)
    # at once, and not when Python collects the object, or chunks would lie in the file in any order
    file.flush()


@contextmanager
def whole_file(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file for writing: made in memory, where it is small, then written under another name and renamed, so that
    a kill or a full disk leaves no half file. Raises DatasetError if it cannot be written."""
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        yield file
    temporary = path.with_suffix(".part")
    try:
        temporary.write_bytes(memory.getbuffer())
        os.replace(temporary, path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_model(path: Path) -> TrainingModel:
    """Read one model; DatasetError if the file is damaged or of another version."""
    try:
        with h5py.File(path, "r") as file:
            version = int(file.attrs.get("format_version", 0))
            if version != FORMAT_VERSION:
                raise DatasetError(f"{path} has format version {version}, but this cosmicnet reads {FORMAT_VERSION}: "
                                   f"generate the models again in another folder")
            groups = {group: {name: float(value) for name, value in file[group].attrs.items()} for group in GROUPS}
            # names first: an error within items() would keep h5py's lock for as long as its traceback lives
            integrated = {name: np.asarray(file["integrated"][name][()], dtype=float)
                          for name in list(file["integrated"])}
            return TrainingModel(**groups, k=file["k"][()], tau=file["tau"][()], integrated=integrated)
    except DatasetError:
        raise
    except Exception as error:  # of h5py, many kinds: the file is of no use
        raise DatasetError(f"{path} cannot be read ({error}); delete it and generate again") from None


def parameters_of(path: Path) -> Mapping[str, float]:
    """The sampled parameters of a model on disk, without its tables; DatasetError as in read_model()."""
    try:
        with h5py.File(path, "r") as file:
            return {name: float(value) for name, value in file["parameters"].attrs.items()}
    except Exception as error:
        raise DatasetError(f"{path} cannot be read ({error}); delete it and generate again") from error
