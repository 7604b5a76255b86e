"""HDF5 files that are written whole or not at all, that are the same whenever they are written, and that begin with a
checksum of all the rest: HDF5's own come too late, since a damaged name can end the process or read for ever."""
from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError

__all__ = ["DatasetError", "checked_file", "put", "put_numbers", "remove_halves", "whole_file"]

# Rows of a chunk: some 300 kB for the usual number of wavenumbers.
CHUNK_ROWS = 64

# Small files, and times of day only where they are asked for.
FORMAT = h5py.h5f.LIBVER_V110

# Bytes before the HDF5 file, which the library leaves to us: the checksum of what follows, in words.
USER_BLOCK, SHA256 = 512, b"SHA-256 of all that follows byte 512: "


# The end of the name of a file that is being written.
HALF = ".tmp"


class DatasetError(CosmicnetError):
    """A training model that cannot be read or written."""


@contextmanager
def whole_file(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file for writing: made in memory, where it is small, then written under another name and renamed, so that
    a kill or a full disk leaves no half file. Raises DatasetError if it cannot be written."""
    access, creation = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5p.create(h5py.h5p.FILE_CREATE)
    memory = io.BytesIO()
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, memory)
    access.set_libver_bounds(FORMAT, FORMAT)
    creation.set_obj_track_times(False)
    creation.set_userblock(USER_BLOCK)
    with h5py.File(h5py.h5f.create(b"memory", h5py.h5f.ACC_TRUNC, creation, access)) as file:
        yield file
    # of this process: another one may have been given the same model
    temporary = path.with_name(f"{path.name}.{os.getpid()}{HALF}")
    content = memory.getbuffer()
    content[:USER_BLOCK] = _user_block(content)
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def checked_file(path: Path) -> Iterator[h5py.File]:
    """A file of whole_file() for reading. Raises ValueError if it is not as it was written, OSError if it cannot be
    read."""
    there = path.stat()
    _check(path, there.st_mtime_ns, there.st_size)
    with h5py.File(path, "r") as file:
        yield file


@lru_cache(maxsize=1_000_000)
def _check(path: Path, mtime_ns: int, size: int) -> None:
    """Once for each process, since all fields are read from the same files."""
    content = memoryview(path.read_bytes())
    if bytes(content[:USER_BLOCK]) != _user_block(content):
        raise ValueError("its checksum is not that of what it holds")


def _user_block(content: memoryview) -> bytes:
    digest = hashlib.sha256(content[USER_BLOCK:]).hexdigest().encode()
    return (SHA256 + digest + b"\n").ljust(USER_BLOCK, b"\0")


def remove_halves(folder: Path) -> None:
    """Remove what killed processes left of files of which there are whole ones now."""
    for half in folder.glob(f"*.h5.*{HALF}"):
        half.unlink(missing_ok=True)


def put(file: h5py.File, name: str, array: NDArray[Any], **attributes: str) -> None:
    """A dataset in chunks of some rows, compressed, with a checksum for each chunk. The fill value is for what the last
    chunk has beyond the end, which is any memory otherwise, so that no file would be like another."""
    chunks = (min(CHUNK_ROWS, array.shape[0]), *array.shape[1:]) if array.ndim > 1 else array.shape
    *above, own_name = name.split("/")
    dataset = _group(file, above).create_dataset(own_name, data=array, chunks=chunks, shuffle=True, compression="gzip",
                                                 compression_opts=1, fletcher32=True, fillvalue=0)
    dataset.attrs.update(attributes)
    # at once, and not when Python collects the object, or chunks would lie in the file in any order
    file.flush()


def put_numbers(file: h5py.File, name: str, numbers: Mapping[str, float]) -> None:
    """A group that has these as its attributes."""
    _group(file, [name]).attrs.update(numbers)


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
