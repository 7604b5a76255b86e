"""One cosmology of the paper's training: CLASS's numbers, and its sources on the fixed wavenumbers.

Each is an HDF5 file like those of the other networks' training (docs/retrain.md), of which one source can be read
without the others.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..work.files import get_arrays, get_numbers, put, put_numbers, read_hdf5, write_hdf5

__all__ = ["PaperModel", "read_paper_model", "write_paper_model"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

GROUPS = ("cosmology", "setup", "precision")
# Raised with each change of the files' content.
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


def write_paper_model(path: Path, model: PaperModel) -> None:
    """Write one model; OSError if it cannot be written."""
    with write_hdf5(path) as file:
        file.attrs.update(format_version=FORMAT_VERSION, content="sources of one cosmology by CLASS")
        for group in GROUPS:
            put_numbers(file, group, getattr(model, group))
        put(file, "tau", model.tau, unit="Mpc")
        for name, column in model.history.items():
            put(file, f"history/{name}", column, axes="tau")
        for name, table in model.sources.items():
            put(file, f"sources/{name}", table, axes="tau, k")


def read_paper_model(path: Path, sources: tuple[str, ...] = ("t0", "t1", "t2")) -> PaperModel:
    """Read one model and of its tables only `sources`; DatasetError if the file is damaged."""
    with read_hdf5(path, "delete it and generate again") as file:
        if (found := int(file.attrs["format_version"])) != FORMAT_VERSION:
            raise ValueError(f"format {found}, not {FORMAT_VERSION}")
        groups = {group: get_numbers(file, group) for group in GROUPS}
        tables = {name: np.asarray(file["sources"][name][()]) for name in sources}
        return PaperModel(**groups, tau=file["tau"][()], history=get_arrays(file, "history"), sources=tables)
