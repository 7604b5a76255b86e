"""Files of the work folder: HDF5, safetensors and JSON, written whole or not at all, the same bytes whenever they are
written.

All hold a SHA-256 of their content. That of an HDF5 file is checked before the library reads it: a damaged name or
address inside can end the process, or make it read for ever.
"""
from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import UNFINISHED, parse_json, write_whole

from .digest import arrays_digest, content_digest, json_digest

__all__ = [
    "DatasetError", "digest_of", "get_arrays", "get_numbers", "put", "put_numbers", "read_arrays", "read_hdf5",
    "read_json", "remove_unfinished", "write_arrays", "write_hdf5", "write_json",
]

# Rows of a chunk: some 300 kB for the usual number of wavenumbers.
CHUNK_ROWS = 64

# Small files without timestamps.
FORMAT = h5py.h5f.LIBVER_V110

# Bytes before the HDF5 file, which the library leaves to us: the checksum of the rest, in words.
USER_BLOCK, USER_BLOCK_TEXT = 512, b"SHA-256 of all that follows byte 512: "

# The entry of a JSON file with the checksum of all others.
SHA256 = "sha256"

# The only entry of a safetensors file's metadata: the library writes several in any order.
ENTRIES = "entries"


class DatasetError(CosmicnetError):
    """A training model that cannot be read."""


@contextmanager
def write_hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file to fill; it is built in memory and written at the end. OSError if it cannot be written."""
    access, creation = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5p.create(h5py.h5p.FILE_CREATE)
    memory = io.BytesIO()
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, memory)
    access.set_libver_bounds(FORMAT, FORMAT)
    creation.set_obj_track_times(False)
    creation.set_userblock(USER_BLOCK)
    with h5py.File(h5py.h5f.create(b"memory", h5py.h5f.ACC_TRUNC, creation, access)) as file:
        yield file
    content = memory.getvalue()[USER_BLOCK:]
    write_whole({path: _user_block(content) + content})


@contextmanager
def read_hdf5(path: Path, remedy: str) -> Iterator[h5py.File]:
    """A file of write_hdf5() to read from. DatasetError with the remedy if it is damaged, not there, or without an
    entry that the block reads."""
    try:
        content = path.read_bytes()
        if content[:USER_BLOCK] != _user_block(content[USER_BLOCK:]):
            raise ValueError("its checksum is not that of its content")
        with h5py.File(path, "r") as file:
            yield file
    except (DatasetError, MemoryError, PermissionError):
        raise
    except Exception as error:  # h5py raises many kinds
        raise DatasetError(f"{path} cannot be read ({error}); {remedy}") from None


def digest_of(path: Path) -> str:
    """The SHA-256 that a file of write_hdf5() has noted; only read_hdf5() compares it with the content."""
    with path.open("rb") as file:
        return file.read(USER_BLOCK).removeprefix(USER_BLOCK_TEXT)[:64].decode("ascii", "replace")


def _user_block(content: bytes) -> bytes:
    return (USER_BLOCK_TEXT + content_digest(content).encode() + b"\n").ljust(USER_BLOCK, b"\0")


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files of killed processes."""
    for path in folder.glob(f"*.h5.*{UNFINISHED}"):
        path.unlink(missing_ok=True)


def put(file: h5py.File, name: str, array: NDArray[Any], **attributes: str) -> None:
    """A compressed dataset in chunks of rows. The fill value stands beyond the end of the last chunk, where the bytes
    would otherwise be random."""
    chunks = (min(CHUNK_ROWS, array.shape[0]), *array.shape[1:]) if array.ndim > 1 else array.shape
    *above, own_name = name.split("/")
    dataset = _group(file, above).create_dataset(own_name, data=array, chunks=chunks, shuffle=True, compression="gzip",
                                                 compression_opts=1, fillvalue=0)
    dataset.attrs.update(attributes)
    # at once, not when Python collects the object: chunks would lie in the file in any order
    file.flush()


def put_numbers(file: h5py.File, name: str, numbers: Mapping[str, float]) -> None:
    """A group with these numbers as its attributes."""
    _group(file, [name]).attrs.update(numbers)


def get_numbers(file: h5py.File, name: str) -> dict[str, float]:
    """Read the numbers of put_numbers()."""
    return {name: float(value) for name, value in file[name].attrs.items()}


def get_arrays(file: h5py.File, name: str) -> dict[str, NDArray[Any]]:
    """The datasets of a group."""
    # names first: an error within items() would keep h5py's lock for as long as its traceback lives
    return {dataset: np.asarray(file[name][dataset][()]) for dataset in list(file[name])}


def _group(file: h5py.File, names: list[str]) -> h5py.Group:
    """The group at the end of this path, made without the time of day."""
    settings = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    settings.set_obj_track_times(False)
    group = file
    for name in names:
        if name not in group:
            h5py.h5g.create(group.id, name.encode(), gcpl=settings)
        group = group[name]
    return group


def write_json(path: Path, entries: Mapping[str, Any]) -> None:
    """Write these entries and their SHA-256."""
    write_whole({path: json.dumps({**entries, SHA256: json_digest(entries)}, indent=1) + "\n"})


def read_json(path: Path) -> dict[str, Any]:
    """The entries of a file of write_json(). ValueError if it is damaged, OSError if it cannot be read."""
    found = parse_json(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path}: not a JSON object")
    digest = found.pop(SHA256, None)
    if digest != json_digest(found):
        raise ValueError(f"{path}: its checksum is not that of its content")
    return found


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], entries: Mapping[str, Any]) -> None:
    """Write arrays and JSON entries, and the SHA-256 of both."""
    ordered = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps({**entries, SHA256: json_digest([arrays_digest(ordered), entries])})
    write_whole({path: save(ordered, {ENTRIES: text})})


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and entries of a file of write_arrays(). ValueError if it is damaged, OSError if it cannot be read."""
    try:
        with safe_open(path, framework="numpy") as file:
            (text,) = file.metadata().values()
            entries = json.loads(text)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        if entries.pop(SHA256) != json_digest([arrays_digest(arrays), entries]):
            raise ValueError("its checksum is not that of its content")
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return arrays, entries
