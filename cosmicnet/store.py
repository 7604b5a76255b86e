"""Read and write network sets: a folder with manifest.json and arrays.safetensors, no pickle."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES
from .emulator import Emulator
from .errors import NetworkFileError
from .evaluation import REGIONS, FieldEmulator
from .fields import INPUTS, Field
from .files import write_whole
from .installed import MANIFEST, installed_sets, user_folder
from .manifest import FIELDS_ARCHITECTURE, PAPER_ARCHITECTURE, Manifest
from .network import Network
from .normalization import Normalization
from .paper.emulator import PaperEmulator
from .paper.storage import paper_arrays, read_paper, specifications
from .pieces import PIECES
from .splines import DEGREE, SplineBasis

__all__ = ["DEFAULT_SET", "NetworkSet", "field_arrays", "field_from_arrays", "load_network_set", "save_network_set"]

ARRAYS = "arrays.safetensors"
DEFAULT_SET = "lcdm"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NetworkSet:
    """A loaded set: its manifest, the emulator of its architecture, the small models of derived quantities, and the
    set that manifest.companion names."""

    manifest: Manifest
    emulator: Emulator | PaperEmulator
    derived: Network
    companion: NetworkSet | None = None


def load_network_set(name_or_folder: str | os.PathLike[str]) -> NetworkSet:
    """Load a set by name (installed_sets) or folder; cached until its files change.

    Raises NetworkFileError: not found, incomplete, damaged (hash), unknown format.
    """
    folder = installed_sets().get(str(name_or_folder), Path(name_or_folder).expanduser())
    stamps = []
    for file in (MANIFEST, ARRAYS):
        try:
            status = (folder / file).stat()
        except OSError as error:
            raise NetworkFileError(
                f"neural_network_path = {name_or_folder}: cannot read {folder / file} ({error.strerror}). "
                f"Give a folder with {MANIFEST} and {ARRAYS}, or the name of a set: "
                f"{', '.join(installed_sets()) or 'none'} (your own are in {user_folder()})") from error
        stamps.append((status.st_mtime_ns, status.st_size))
    return _load(folder.resolve(), tuple(stamps))


@lru_cache(maxsize=8)
def _load(folder: Path, stamps: tuple[tuple[int, int], ...]) -> NetworkSet:
    """`stamps` are part of the cache's key: a set that changed on disk is read again."""
    del stamps
    try:
        text, content = (folder / MANIFEST).read_bytes(), (folder / ARRAYS).read_bytes()
    except OSError as error:
        raise NetworkFileError(f"{folder}: cannot read the networks: {error}") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise NetworkFileError(f"{folder / MANIFEST} is no valid JSON: {error}") from error
    manifest = Manifest.from_json(data, str(folder / MANIFEST))
    digest = _digest(data, content)
    if digest != manifest.sha256:
        raise NetworkFileError(
            f"{folder}: {MANIFEST} or {ARRAYS} is damaged or was changed: SHA-256 {digest}, but {MANIFEST} has "
            f"{manifest.sha256}. Install the networks again.")
    try:
        arrays = {name: np.asarray(a) for name, a in load(content).items()}
        derived = _network("derived", arrays, 0)
        shape = derived(np.array([manifest.domain[name][0] for name in manifest.derived_inputs])).shape
        if shape != (len(manifest.derived),):
            raise ValueError(f"derived quantities: {shape} in the arrays, {len(manifest.derived)} named")
        companion = load_network_set(manifest.companion) if manifest.companion else None
        emulator = _emulator(manifest, arrays, companion)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise NetworkFileError(
            f"{folder}: {ARRAYS} and {MANIFEST} do not belong together: {error!r}") from error
    return NetworkSet(manifest, emulator, derived, companion)


def _emulator(
    manifest: Manifest, arrays: Mapping[str, NDArray[Any]], companion: NetworkSet | None
) -> Emulator | PaperEmulator:
    if manifest.architecture == PAPER_ARCHITECTURE:
        if companion is None or not isinstance(companion.emulator, Emulator):
            raise ValueError(f"companion = {manifest.companion!r}: must be a set of the architecture "
                             f"{FIELDS_ARCHITECTURE}")
        return read_paper(manifest.fields, arrays, companion.emulator)
    fields = [field_from_arrays(Field(**{**spec, "inputs": tuple(spec["inputs"])}), arrays, manifest.dense_layers)
              for spec in manifest.fields]
    for f in fields:
        _require_known(f.field, manifest.derived_inputs)
        _require_consistent(f)
    return Emulator(fields)


def save_network_set(folder: Path, network_set: NetworkSet) -> Manifest:
    """Write a set, both files or neither; return the manifest with its hash and what the networks are for."""
    arrays: dict[str, NDArray[Any]] = dict(_network_arrays("derived", network_set.derived))
    emulator = network_set.emulator
    if isinstance(emulator, PaperEmulator):
        architecture, fields = PAPER_ARCHITECTURE, specifications(emulator)
        arrays |= paper_arrays(emulator)
    else:
        architecture, fields = FIELDS_ARCHITECTURE, [asdict(f.field) for f in emulator.fields]
        arrays |= {name: _compact(name, a) for f in emulator.fields for name, a in field_arrays(f).items()}
    content = save({name: np.asarray(a, order="C") for name, a in arrays.items()})
    manifest = replace(network_set.manifest, fields=fields, architecture=architecture)
    manifest = replace(manifest, sha256=_digest(manifest.to_json(), content))
    write_whole({folder / ARRAYS: content, folder / MANIFEST: json.dumps(manifest.to_json(), indent=1) + "\n"})
    return manifest


def field_arrays(f: FieldEmulator) -> dict[str, NDArray[Any]]:
    """The arrays of a field by name; knots are shared by fields of the same coordinate."""
    name = f.field.name
    return {
        **_network_arrays(name, f.network),
        f"{name}/mean_core": f.mean_core, f"{name}/components": f.components,
        f"{name}/time_basis": f.time_basis.coefficients,
        f"{name}/wavenumber_basis": f.wavenumber_basis.coefficients,
        f"knots/{f.field.region}/{f.field.time}": f.time_basis.knots,
        f"knots/{f.field.wavenumber}": f.wavenumber_basis.knots,
    }


def _digest(manifest: Mapping[str, Any], arrays: bytes) -> str:
    """SHA-256 of a set: the bytes of its arrays, then all entries of its manifest but the hash itself."""
    entries = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(arrays + json.dumps(entries, sort_keys=True).encode()).hexdigest()


def _compact(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Less than double precision for the large tables: 6e-8 relative for the bases, and 5e-4 for the components,
    which are small corrections to the mean."""
    kind: type = np.int64 if array.dtype.kind == "i" else np.float64
    if name.endswith("/components"):
        kind = np.float16
    elif name.endswith(("_basis", "/mean_core")):
        kind = np.float32
    return np.ascontiguousarray(array, dtype=kind)


def field_from_arrays(field: Field, arrays: Mapping[str, NDArray[Any]], dense_layers: int) -> FieldEmulator:
    """The inverse of field_arrays(). KeyError for a missing array."""
    def get(key: str) -> Array:
        return np.asarray(arrays[key], dtype=np.float64)

    name = field.name
    return FieldEmulator(
        field=field,
        network=_network(name, arrays, dense_layers),
        mean_core=get(f"{name}/mean_core"),
        components=np.asarray(arrays[f"{name}/components"], dtype=np.float32),
        time_basis=SplineBasis(get(f"knots/{field.region}/{field.time}"), get(f"{name}/time_basis")),
        wavenumber_basis=SplineBasis(get(f"knots/{field.wavenumber}"), get(f"{name}/wavenumber_basis")),
    )


def _require_known(field: Field, sampled: Sequence[str]) -> None:
    """Raise ValueError for a field that this version of the package cannot evaluate. sampled: parameters of the
    domain that training varied, which may be inputs: a request without one of them is not covered."""
    for entry, value, known in (
        ("piece", field.piece, PIECES), ("region", field.region, REGIONS),
        ("time", field.time, TIME_COORDINATES), ("wavenumber", field.wavenumber, WAVENUMBER_COORDINATES),
        *(("input", name, (*INPUTS, *sampled)) for name in field.inputs),
    ):
        if value not in known:
            raise ValueError(f"field {field.name}: unknown {entry} {value!r}")


def _require_consistent(f: FieldEmulator) -> None:
    """Raise ValueError for arrays of a field that do not fit together."""
    def require(what: str, got: tuple[int, ...], needed: tuple[int, ...]) -> None:
        if got != needed:
            raise ValueError(f"field {f.field.name}: {what} have the shape {got}, must have {needed}")

    (rows, columns), number, inputs = f.mean_core.shape, len(f.components), len(f.field.inputs)
    require("components", f.components.shape, (number, rows * columns))
    require("inputs of the network", f.network.input_map.offset.shape, (inputs,))
    require("outputs of the network", f.network(np.ones(inputs)).shape, (number,))
    for what, basis, functions in (("time", f.time_basis, rows), ("wavenumber", f.wavenumber_basis, columns)):
        require(f"functions of {what}", basis.coefficients.shape, (basis.knots.size - DEGREE - 1, functions))


def _network_arrays(name: str, network: Network) -> dict[str, NDArray[Any]]:
    layers = enumerate(zip(network.weights, network.biases, strict=True))
    dense = {f"{name}/{kind}_{i}": a for i, pair in layers
             for kind, a in zip(("weight", "bias"), pair, strict=True)}
    return {
        f"{name}/input_offset": network.input_map.offset, f"{name}/input_scale": network.input_map.scale,
        f"{name}/output_offset": network.output_map.offset, f"{name}/output_scale": network.output_map.scale,
        f"{name}/exponents": network.exponents, f"{name}/skip": network.skip, **dense,
    }


def _network(name: str, arrays: Mapping[str, NDArray[Any]], layers: int) -> Network:
    return Network(
        input_map=Normalization(arrays[f"{name}/input_offset"], arrays[f"{name}/input_scale"]),
        exponents=arrays[f"{name}/exponents"],
        skip=arrays[f"{name}/skip"],
        weights=tuple(arrays[f"{name}/weight_{i}"] for i in range(layers)),
        biases=tuple(arrays[f"{name}/bias_{i}"] for i in range(layers)),
        output_map=Normalization(arrays[f"{name}/output_offset"], arrays[f"{name}/output_scale"]),
    )
