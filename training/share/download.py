"""Files of a registry by size and SHA-256: downloads that go on where they were interrupted."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..work.digest import content_digest
from .transport import RegistryError, read_blocks

__all__ = ["HASH", "MOST_BYTES", "File", "download"]

# A larger file is refused: the sets of this package have 1 to 30 MB, models of training 10 MB.
MOST_BYTES = 500_000_000
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class File:
    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> File:
        return cls(len(content), content_digest(content))

    @classmethod
    def from_json(cls, data: Any) -> File:
        """ValueError or TypeError for what is no size and SHA-256 of an allowed file."""
        file = cls(**data)
        if type(file.size) is not int or not 0 < file.size <= MOST_BYTES or not HASH.fullmatch(file.sha256):
            raise ValueError(f"a file of {file.size!r} bytes, or without a SHA-256")
        return file

    def is_at(self, path: Path) -> bool:
        """Whether the file at a path is this one."""
        return path.stat().st_size == self.size and content_digest(path.read_bytes()) == self.sha256


def download(address: str, path: Path, expected: File) -> None:
    """Write a file, going on where an interrupted download ended. A file that is not the expected one is removed."""
    for _ in range(2):
        there = path.stat().st_size if path.exists() else 0
        was_begun = there > 0
        if there < expected.size:
            with open(path, "ab") as file:
                for block in read_blocks(address, expected.size, there):
                    file.write(block)
        if (got := path.stat().st_size) < expected.size:
            raise RegistryError(f"{address}: the connection ended after {got} of {expected.size} bytes; run the "
                                f"command again to go on")
        if expected.is_at(path):
            return
        path.unlink()
        # the part that was there may belong to another file: start again
        if not was_begun:
            break
    raise RegistryError(f"{address} is not the file of the index: other size or SHA-256")
