"""One cosmology of the paper's training: what CLASS knew, and its sources on the fixed wavenumbers.

Each is a safetensors file, written whole or not at all, of which one source can be read without the others.
"""
from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from cosmicnet.training.dataset import DatasetError

__all__ = ["PaperModel", "model_path", "read_model", "write_model"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

GROUPS = ("cosmology", "setup", "precision")
# One entry of the file's metadata for all of them: several would come in no fixed order.
COSMOLOGY = "model"
# Raised whenever what a file holds changes.
FORMAT_VERSION = 1


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
    return folder / f"{index:05d}.safetensors"


def write_model(path: Path, model: PaperModel) -> None:
    """Write to a temporary file of this process and rename it; DatasetError if it cannot be written."""
    arrays = {"tau": model.tau, **{f"history/{name}": column for name, column in model.history.items()},
              **{f"sources/{name}": table for name, table in model.sources.items()}}
    content = save({name: np.ascontiguousarray(a) for name, a in arrays.items()},
                   metadata={COSMOLOGY: json.dumps({"format_version": FORMAT_VERSION,
                                                    **{group: getattr(model, group) for group in GROUPS}})})
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_model(path: Path, sources: tuple[str, ...] = ("t0", "t1", "t2")) -> PaperModel:
    """Read one model and of its tables only `sources`; DatasetError if the file is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            described = json.loads(file.metadata()[COSMOLOGY])
            if (found := described.get("format_version")) != FORMAT_VERSION:
                raise ValueError(f"format {found}, not {FORMAT_VERSION}")
            groups = {group: dict(described[group]) for group in GROUPS}
            history = {name.removeprefix("history/"): file.get_tensor(name)
                       for name in file.keys() if name.startswith("history/")}  # noqa: SIM118, it is no dict
            tables = {name: file.get_tensor(f"sources/{name}") for name in sources}
            return PaperModel(**groups, tau=file.get_tensor("tau"), history=history, sources=tables)
    except Exception as error:  # of safetensors, json and the file system alike: the file is of no use
        raise DatasetError(f"{path} cannot be read ({error}); delete it and generate again") from error
