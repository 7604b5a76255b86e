"""Reading and writing the files of a registry by address: http and https by Python itself, all else by fsspec."""
from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from cosmicnet.errors import CosmicnetError

__all__ = ["RegistryError", "exists", "join", "read_blocks", "write"]

WEB = ("http://", "https://")
BLOCK = 1 << 20
SECONDS = 60.0


class RegistryError(CosmicnetError):
    """A registry that cannot be reached, or whose files differ from its index."""


def join(address: str, *names: str) -> str:
    return "/".join((address.rstrip("/"), *names))


def read_blocks(address: str, most: int, first: int = 0) -> Iterator[bytes]:
    """The bytes of a file from `first` on, in blocks.

    RegistryError where it is not there, cannot be read, or has more than `most` bytes.
    """
    read = first
    try:
        with closing(_opened(address, first)) as file:
            while block := file.read(BLOCK):
                read += len(block)
                if read > most:
                    raise RegistryError(f"{address}: larger than the {most} bytes that are allowed")
                yield block
    # fsspec's file systems raise many kinds
    except RegistryError:
        raise
    except Exception as error:
        raise RegistryError(f"{address} cannot be read: {error}") from error


def _opened(address: str, first: int) -> Any:
    if address.startswith(WEB):
        request = urllib.request.Request(address, headers={"Range": f"bytes={first}-"} if first else {})
        file = urllib.request.urlopen(request, timeout=SECONDS)
        if first and file.status != 206:
            # a server without ranges begins at the first byte
            _skip(file, first)
        return file
    import fsspec  # type: ignore[import-untyped]

    file = fsspec.open(address, "rb").open()
    file.seek(first)
    return file


def _skip(file: Any, number: int) -> None:
    while number and (block := file.read(min(number, BLOCK))):
        number -= len(block)


def exists(address: str) -> bool:
    """Whether there is a file. RegistryError where that cannot be known."""
    try:
        if address.startswith(WEB):
            with urllib.request.urlopen(address, timeout=SECONDS):
                return True
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(address)
        return bool(filesystem.exists(path))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        raise RegistryError(f"{address} cannot be read: {error}") from error
    except Exception as error:
        raise RegistryError(f"{address} cannot be read: {error}") from error


def write(address: str, content: bytes) -> None:
    """Write a file, on file systems under another name first. RegistryError where that is impossible."""
    if address.startswith(WEB):
        raise RegistryError(f"{address}: nothing can be written to a web address; publish to a folder, and upload it")
    import fsspec

    try:
        filesystem, path = fsspec.core.url_to_fs(address)
        filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        if "file" not in filesystem.protocol:
            # object stores write whole files or none
            filesystem.pipe_file(path, content)
            return
        filesystem.pipe_file(f"{path}.tmp", content)
        filesystem.mv(f"{path}.tmp", path)
    except Exception as error:
        raise RegistryError(f"{address} cannot be written: {error}") from error
