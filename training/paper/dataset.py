"""One cosmology of the paper's training: what CLASS knew, and its sources on the fixed wavenumbers.

Each is an HDF5 file like those of the other networks' training (docs/retrain.md), of which one source can be read
without the others.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..work.hdf5 import DatasetError, checked_file, put, put_numbers, whole_file

__all__ = ["PaperModel", "model_path", "read_model", "write_model"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

GROUPS = ("cosmology", "setup", "precision")
# Raised whenever what a file holds changes.
FORMAT_VERSION = 2


@dataclass(frozen=True)
class PaperModel:
    """cosmology, setup, precision, history: as in SourceRequest; tau (Mpc): CLASS's own times.

    sources: name to a table of shape (tau.size, k.size) on the set's fixed wavenumbers.
    """

    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    tau: Array
    history: dict[str, Array]
    sources: dict[str, Single]


def model_path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.h5"


def write_model(path: Path, model: PaperModel) -> None:
    """Write one model; DatasetError if it cannot be written."""
    with whole_file(path) as file:
        file.attrs.update(format_version=FORMAT_VERSION, content="sources of one cosmology by CLASS")
        for group in GROUPS:
            put_numbers(file, group, getattr(model, group))
        put(file, "tau", model.tau, unit="Mpc")
        for name, column in model.history.items():
            put(file, f"history/{name}", column, axes="tau")
        for name, table in model.sources.items():
            put(file, f"sources/{name}", table, axes="tau, k")


def read_model(path: Path, sources: tuple[str, ...] = ("t0", "t1", "t2")) -> PaperModel:
    """Read one model and of its tables only `sources`; DatasetError if the file is damaged."""
    try:
        with checked_file(path) as file:
            if (found := int(file.attrs["format_version"])) != FORMAT_VERSION:
                raise ValueError(f"format {found}, not {FORMAT_VERSION}")
            groups = {group: {name: float(value) for name, value in file[group].attrs.items()} for group in GROUPS}
            # names first: an error within items() would keep h5py's lock for as long as its traceback lives
            history = {name: np.asarray(file["history"][name][()]) for name in list(file["history"])}
            tables = {name: np.asarray(file["sources"][name][()]) for name in sources}
            return PaperModel(**groups, tau=file["tau"][()], history=history, sources=tables)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # of h5py, many kinds: the file is of no use
        raise DatasetError(f"{path} cannot be read ({error}); delete it and generate again") from None
