"""Training models on disk: one HDF5 file each, with names, units, axes and a version.

One file per model: workers on several machines cannot write to the same one, and a killed process spoils at most one.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from ..work.files import DatasetError, get_arrays, get_numbers, put, put_numbers, read_hdf5, write_hdf5

__all__ = [
    "REMEDY", "IntegratedModel", "TrainingModel", "failure_path", "get_tables", "model_path", "put_integrated",
    "read_model", "read_numbers", "reading", "write_model", "writing",
]

Array = NDArray[np.float64]

FORMAT_VERSION = 1

# Kept in double precision: the monopole is a small difference of these.
DOUBLE = ("t0", "t1", "t2", "theta_b", "phi_prime")

GROUPS = ("parameters", "cosmology", "setup", "precision")
REMEDY = "delete it and generate again"


class IntegratedModel(Protocol):
    """The part common to all kinds of training models."""

    @property
    def cosmology(self) -> dict[str, float]: ...
    @property
    def setup(self) -> dict[str, float]: ...
    @property
    def precision(self) -> dict[str, float]: ...
    @property
    def k(self) -> Array: ...
    @property
    def tau(self) -> Array: ...
    @property
    def integrated(self) -> dict[str, Array]: ...


@dataclass(frozen=True)
class TrainingModel:
    """One integrated cosmology.

    parameters: as sampled. cosmology, setup, precision: as in SourceRequest. k (1/Mpc), tau (Mpc). integrated: the
    result of SourceRequest.integrate_on().
    """

    parameters: dict[str, str | float | int]
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
    with writing(path, model, "source functions of one cosmology by CLASS", GROUPS):
        pass


def read_model(path: Path) -> TrainingModel:
    """Read one model; DatasetError if the file is damaged or of another version."""
    with reading(path, GROUPS, REMEDY) as (_, entries):
        return TrainingModel(**entries)


def read_numbers(path: Path) -> dict[str, dict[str, float]]:
    """The numbers of one model by group, without its tables; DatasetError as of read_model()."""
    with read_hdf5(path, REMEDY) as file:
        _require_version(path, file)
        return {group: get_numbers(file, group) for group in GROUPS}


@contextmanager
def writing(
    path: Path, model: IntegratedModel, content: str, groups: Sequence[str], **attributes: Any
) -> Iterator[h5py.File]:
    """A new file with these groups of numbers and the integrated tables of a model, open for more. OSError if it cannot
    be written."""
    with write_hdf5(path) as file:
        file.attrs.update(format_version=FORMAT_VERSION, content=content, **attributes)
        for group in groups:
            put_numbers(file, group, getattr(model, group))
        put_integrated(file, model.k, model.tau, model.integrated)
        yield file


@contextmanager
def reading(path: Path, groups: Sequence[str], remedy: str) -> Iterator[tuple[h5py.File, dict[str, Any]]]:
    """A file of writing() and its entries by name; DatasetError with the remedy if it is damaged or of another
    version of the format."""
    with read_hdf5(path, remedy) as file:
        _require_version(path, file)
        entries: dict[str, Any] = {group: get_numbers(file, group) for group in groups}
        entries |= {"k": file["k"][()], "tau": file["tau"][()], "integrated": get_tables(file, "integrated")}
        yield file, entries


def _require_version(path: Path, file: h5py.File) -> None:
    if (version := int(file.attrs.get("format_version", 0))) != FORMAT_VERSION:
        raise DatasetError(f"{path} has format version {version}, but this cosmicnet reads {FORMAT_VERSION}: "
                           "generate the models again in another folder")


def get_tables(file: h5py.File, group: str) -> dict[str, Array]:
    """The arrays of a group in double precision."""
    return {name: table.astype(float) for name, table in get_arrays(file, group).items()}


def put_integrated(file: h5py.File, k: Array, tau: Array, integrated: Mapping[str, Array]) -> None:
    """Write the result of SourceRequest.integrate_on(), in single precision where that is enough, and its grids."""
    put(file, "k", k, unit="1/Mpc")
    put(file, "tau", tau, unit="Mpc")
    for name, array in integrated.items():
        small = array.ndim == 2 and name not in DOUBLE
        put(file, f"integrated/{name}", array.astype(np.float32) if small else array,
            axes="tau, k" if array.ndim == 2 else "tau")
