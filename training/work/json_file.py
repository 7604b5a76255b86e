"""Files of text and of JSON that are written whole or not at all; those of JSON have a checksum of what they say."""
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_json", "write_json", "write_text"]

SHA256 = "sha256"


def write_text(path: Path, text: str) -> None:
    """Write beside and rename; of several processes that write the same file the last one stays."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, entries: Mapping[str, Any]) -> None:
    """Write these entries, and the SHA-256 of them."""
    write_text(path, json.dumps({**entries, SHA256: _digest(entries)}, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The entries of a file of write_json(). Raises ValueError if they are not as they were written, OSError if it
    cannot be read."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path}: not a JSON object")
    digest = found.pop(SHA256, None)
    if digest != _digest(found):
        raise ValueError(f"{path}: its checksum is not that of what it says")
    return found


def _digest(entries: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()
