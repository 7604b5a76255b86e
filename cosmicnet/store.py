"""Read and write network sets: a folder with manifest.json and arrays.safetensors, no pickle."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from .emulator import Emulator, FieldsEmulator
from .errors import NetworkFileError
from .files import parse_json, write_whole
from .installed import MANIFEST, installed_sets
from .manifest import Manifest
from .network import Network
from .paper.emulator import PaperEmulator

__all__ = ["DEFAULT_SET", "NetworkSet", "load_network_set", "read_manifest", "save_network_set"]

Stamps = tuple[tuple[int, int], ...]

ARRAYS = "arrays.safetensors"
DEFAULT_SET = "lcdm"
# Name of the arrays of the guard's polynomials.
GUARD = "derived"

EMULATORS: dict[str, type[Emulator]] = {
    FieldsEmulator.architecture: FieldsEmulator, PaperEmulator.architecture: PaperEmulator}


@dataclass(frozen=True)
class NetworkSet:
    """A loaded set: its manifest, the emulator of its architecture, the small models of derived quantities, and the
    set that manifest.companion names."""

    manifest: Manifest
    emulator: Emulator
    derived: Network
    companion: NetworkSet | None = None


def load_network_set(name_or_folder: str | os.PathLike[str]) -> NetworkSet:
    """Load a set by name (installed_sets) or folder; cached until its files change.

    Raises NetworkFileError: not found, incomplete, damaged (hash), unknown format.
    """
    return _load(*_found(name_or_folder))


def read_manifest(name_or_folder: str | os.PathLike[str]) -> Manifest:
    """The manifest of a set alone, unverified; cached until its files change. Raises NetworkFileError."""
    return _manifest(*_found(name_or_folder))[0]


def _found(name_or_folder: str | os.PathLike[str]) -> tuple[Path, Stamps]:
    """The folder of a set, and time and size of its files."""
    folder, stamps = Path(name_or_folder), []
    is_place = folder.is_absolute()
    if not is_place:
        folder = installed_sets().get(str(name_or_folder)) or folder
    try:
        folder = folder.expanduser()
        for file in (MANIFEST, ARRAYS):
            status = (folder / file).stat()
            stamps.append((status.st_mtime_ns, status.st_size))
    except (OSError, RuntimeError) as error:
        raise NetworkFileError(
            f"neural_network_path = {str(name_or_folder) or repr('')}: no installed set and no folder with {MANIFEST} "
            f"and {ARRAYS} ({error}); installed are {', '.join(installed_sets()) or 'none'}") from error
    return folder if is_place else folder.resolve(), tuple(stamps)


@lru_cache(maxsize=64)
def _manifest(folder: Path, stamps: Stamps) -> tuple[Manifest, str]:
    """The manifest, and its entries as they enter the hash. `stamps` are part of the cache's key: a set that changed on
    disk is read again."""
    del stamps
    path = folder / MANIFEST
    try:
        data = parse_json(path.read_bytes())
    except OSError as error:
        raise NetworkFileError(f"{folder}: cannot read the networks: {error}") from error
    except ValueError as error:
        raise NetworkFileError(f"{path} is no valid JSON: {error}") from error
    return Manifest.from_json(data, str(path)), _entries(data)


@lru_cache(maxsize=16)
def _load(folder: Path, stamps: Stamps) -> NetworkSet:
    manifest, entries = _manifest(folder, stamps)
    try:
        content = (folder / ARRAYS).read_bytes()
    except OSError as error:
        raise NetworkFileError(f"{folder}: cannot read the networks: {error}") from error
    digest = _digest(entries, content)
    if digest != manifest.sha256:
        raise NetworkFileError(
            f"{folder}: {MANIFEST} or {ARRAYS} is damaged or was changed: SHA-256 {digest}, but {MANIFEST} has "
            f"{manifest.sha256}. Install the networks again.")
    companion = _companion_of(manifest, folder)
    try:
        arrays = {name: np.asarray(a) for name, a in load(content).items()}
        derived = Network.from_arrays(GUARD, arrays, 0)
        shape = derived(np.ones(len(manifest.derived_inputs))).shape
        if shape != (len(manifest.derived),):
            raise ValueError(f"derived quantities: {shape} in the arrays, {len(manifest.derived)} named")
        emulator = EMULATORS[manifest.architecture].from_arrays(
            manifest, arrays, companion.emulator if companion else None)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise NetworkFileError(
            f"{folder}: {ARRAYS} and {MANIFEST} do not belong together: {error!r}") from error
    return NetworkSet(manifest, emulator, derived, companion)


def _companion_of(manifest: Manifest, folder: Path) -> NetworkSet | None:
    """The set that a manifest names as its companion, which has none itself: no circle is followed."""
    if not manifest.companion:
        return None
    if read_manifest(manifest.companion).companion:
        raise NetworkFileError(f"{folder / MANIFEST}: companion = {manifest.companion!r} has a companion itself")
    return load_network_set(manifest.companion)


def save_network_set(folder: Path, network_set: NetworkSet) -> Manifest:
    """Write a set, both files or neither; return the manifest with the hash and the descriptions of the networks."""
    emulator = network_set.emulator
    arrays = {**network_set.derived.arrays(GUARD), **emulator.arrays()}
    content = save({name: np.asarray(a, order="C") for name, a in arrays.items()})
    manifest = replace(network_set.manifest, fields=emulator.specifications(), architecture=emulator.architecture)
    manifest = replace(manifest, sha256=_digest(_entries(manifest.to_json()), content))
    write_whole({folder / ARRAYS: content, folder / MANIFEST: json.dumps(manifest.to_json(), indent=1) + "\n"})
    return manifest


def _entries(manifest: Mapping[str, Any]) -> str:
    """All entries of a manifest but the hash, as they enter it."""
    return json.dumps({name: value for name, value in manifest.items() if name != "sha256"}, sort_keys=True)


def _digest(entries: str, arrays: bytes) -> str:
    """SHA-256 of a set: the bytes of its arrays, then the entries of its manifest."""
    return hashlib.sha256(arrays + entries.encode()).hexdigest()
