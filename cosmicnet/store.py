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
from .files import write_whole
from .installed import MANIFEST, installed_sets, user_folder
from .manifest import Manifest
from .network import Network
from .paper.emulator import PaperEmulator

__all__ = ["DEFAULT_SET", "NetworkSet", "load_network_set", "save_network_set"]

ARRAYS = "arrays.safetensors"
DEFAULT_SET = "lcdm"
# Of the small models of derived quantities, among the arrays.
DERIVED = "derived"

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
        derived = Network.from_arrays(DERIVED, arrays, 0)
        shape = derived(np.array([manifest.domain[name][0] for name in manifest.derived_inputs])).shape
        if shape != (len(manifest.derived),):
            raise ValueError(f"derived quantities: {shape} in the arrays, {len(manifest.derived)} named")
        companion = load_network_set(manifest.companion) if manifest.companion else None
        emulator = EMULATORS[manifest.architecture].from_arrays(
            manifest, arrays, companion.emulator if companion else None)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise NetworkFileError(
            f"{folder}: {ARRAYS} and {MANIFEST} do not belong together: {error!r}") from error
    return NetworkSet(manifest, emulator, derived, companion)


def save_network_set(folder: Path, network_set: NetworkSet) -> Manifest:
    """Write a set, both files or neither; return the manifest with its hash and what the networks are for."""
    emulator = network_set.emulator
    arrays = {**network_set.derived.arrays(DERIVED), **emulator.arrays()}
    content = save({name: np.asarray(a, order="C") for name, a in arrays.items()})
    manifest = replace(network_set.manifest, fields=emulator.specifications(), architecture=emulator.architecture)
    manifest = replace(manifest, sha256=_digest(manifest.to_json(), content))
    write_whole({folder / ARRAYS: content, folder / MANIFEST: json.dumps(manifest.to_json(), indent=1) + "\n"})
    return manifest


def _digest(manifest: Mapping[str, Any], arrays: bytes) -> str:
    """SHA-256 of a set: the bytes of its arrays, then all entries of its manifest but the hash itself."""
    entries = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(arrays + json.dumps(entries, sort_keys=True).encode()).hexdigest()
