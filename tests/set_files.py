"""The files of a network set, as somebody else would make them."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cosmicnet.installed import MANIFEST
from cosmicnet.store import ARRAYS


def put_right_hash(folder: Path) -> None:
    """As the docstring of the manifest has it: of the arrays, then of all other entries."""
    data = json.loads((folder / MANIFEST).read_text())
    if not isinstance(data, dict):
        return
    data.pop("sha256", None)
    content = (folder / ARRAYS).read_bytes() + json.dumps(data, sort_keys=True).encode()
    data["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(data))
