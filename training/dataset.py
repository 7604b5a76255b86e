"""Training models on disk: one npz file each (no pickle), written whole or not at all."""
from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError

__all__ = ["DatasetError", "TrainingModel", "model_path", "read_model", "write_model"]

Array = NDArray[np.float64]

# Kept in double precision: the monopole is a small difference of these.
DOUBLE = ("t0", "t1", "t2", "theta_b", "phi_prime")


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
    return folder / f"{index:05d}.npz"


def write_model(path: Path, model: TrainingModel) -> None:
    """Write to a temporary file and rename it, so that a kill or a full disk leaves no half file.

    Raises DatasetError if it cannot be written.
    """
    arrays: dict[str, NDArray[np.generic]] = {"k": model.k, "tau": model.tau}
    for group in ("parameters", "cosmology", "setup", "precision"):
        values: dict[str, float] = getattr(model, group)
        arrays[f"{group}/names"] = np.array(list(values))
        arrays[f"{group}/values"] = np.array(list(values.values()), dtype=float)
    for name, array in model.integrated.items():
        small = array.ndim == 2 and name not in DOUBLE
        arrays[f"integrated/{name}"] = array.astype(np.float32) if small else array
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(temporary, path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_model(path: Path) -> TrainingModel:
    """Read one model; DatasetError if the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            content = {name: data[name] for name in data.files}
        groups = {
            group: {str(name): float(value) for name, value in
                    zip(content[f"{group}/names"], content[f"{group}/values"], strict=True)}
            for group in ("parameters", "cosmology", "setup", "precision")
        }
        integrated = {name.removeprefix("integrated/"): array.astype(float)
                      for name, array in content.items() if name.startswith("integrated/")}
        return TrainingModel(**groups, k=content["k"], tau=content["tau"], integrated=integrated)
    except Exception as error:  # zip, zlib, numpy and key errors alike: the file is of no use
        raise DatasetError(f"{path} cannot be read ({error}); delete it and generate again") from error
