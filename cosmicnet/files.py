"""Files that are written whole or not at all, and JSON that may be damaged."""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["TOO_DEEP", "UNFINISHED", "parse_json", "write_whole"]

# The end of the name of a file that is being written.
UNFINISHED = ".tmp"
# The error for brackets nested beyond Python's limit, whose own words are of recursion.
TOO_DEEP = "brackets are nested too deeply"


def write_whole(contents: Mapping[Path, bytes | str]) -> None:
    """Write all files beside their places, then rename them; folders are made.

    After a kill or on a full disk every file is the old or the new one. The OSError of a full disk names the file.
    """
    # another process may be writing the same file: the last one wins
    unfinished = {path: path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}") for path in contents}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                unfinished[path].write_bytes(content.encode() if isinstance(content, str) else content)
            except OSError as error:
                error.filename = str(path)
                raise
        for path, temporary in unfinished.items():
            os.replace(temporary, path)
    finally:
        for temporary in unfinished.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def parse_json(content: bytes | str) -> Any:
    """The value of a JSON text. ValueError for anything else, also for brackets nested beyond Python's limit."""
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
