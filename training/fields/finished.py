"""Networks of single fields that are already trained, kept so that a training that was killed goes on.

The name of a file has a hash of all that determines what is in it, and the file a hash of what is in it: another
recipe, or another set of models, finds nothing, and a damaged file counts as none.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cosmicnet.evaluation import FieldEmulator
from cosmicnet.fields import Field
from cosmicnet.files import write_whole
from cosmicnet.network import Network
from cosmicnet.normalization import Normalization
from cosmicnet.splines import SplineBasis

__all__ = ["Finished", "finished_path", "key_of", "read_finished", "write_finished"]


ENTRY = "finished"


@dataclass(frozen=True)
class Finished:
    """A field's emulator and its row of the report."""

    emulator: FieldEmulator
    row: tuple[str, ...]


def key_of(identity: Mapping[str, Any]) -> str:
    """SHA-256 of what determines a field: inputs, settings, versions; any JSON, floats to the last digit."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def finished_path(folder: Path, field: Field, key: str) -> Path:
    return folder / f"{field.name}-{key[:24]}.safetensors"


def write_finished(path: Path, finished: Finished) -> None:
    """Write a field; OSError where that is impossible."""
    arrays = _arrays(finished.emulator)
    # one entry: safetensors writes several in any order
    content = save(arrays, metadata={ENTRY: json.dumps({"row": finished.row, "sha256": _digest(arrays)})})
    write_whole({path: content})


def read_finished(path: Path, field: Field) -> Finished | None:
    """What was written, or None where there is nothing or it is damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads(file.metadata()[ENTRY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        if metadata["sha256"] != _digest(arrays):
            return None
        return Finished(_emulator(field, arrays), tuple(metadata["row"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _arrays(f: FieldEmulator) -> dict[str, NDArray[Any]]:
    network = f.network
    layers = {f"{kind}_{i}": a for kind, members in (("weight", network.weights), ("bias", network.biases))
              for i, a in enumerate(members)}
    arrays = {
        "input_offset": network.input_map.offset, "input_scale": network.input_map.scale,
        "output_offset": network.output_map.offset, "output_scale": network.output_map.scale,
        "exponents": network.exponents, "skip": network.skip, **layers,
        "mean_core": f.mean_core, "components": f.components,
        "time_knots": f.time_basis.knots, "time_basis": f.time_basis.coefficients,
        "wavenumber_knots": f.wavenumber_basis.knots, "wavenumber_basis": f.wavenumber_basis.coefficients,
    }
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _emulator(field: Field, arrays: Mapping[str, NDArray[Any]]) -> FieldEmulator:
    layers = sum(name.startswith("weight_") for name in arrays)
    return FieldEmulator(
        field=field,
        network=Network(
            input_map=Normalization(arrays["input_offset"], arrays["input_scale"]),
            exponents=arrays["exponents"], skip=arrays["skip"],
            weights=tuple(arrays[f"weight_{i}"] for i in range(layers)),
            biases=tuple(arrays[f"bias_{i}"] for i in range(layers)),
            output_map=Normalization(arrays["output_offset"], arrays["output_scale"])),
        mean_core=arrays["mean_core"], components=arrays["components"],
        time_basis=SplineBasis(arrays["time_knots"], arrays["time_basis"]),
        wavenumber_basis=SplineBasis(arrays["wavenumber_knots"], arrays["wavenumber_basis"]))
