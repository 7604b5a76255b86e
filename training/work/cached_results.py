"""Results of CLASS that take minutes, kept as arrays in files that need no pickle."""
from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cosmicnet.files import write_whole
from cosmicnet.running_class import running_class

from .digest import json_digest

__all__ = ["cached"]

Arrays = TypeVar("Arrays")


def cached(kind: type[Arrays], identity: Mapping[str, Any], folder: Path, compute: Callable[[], Arrays]) -> Arrays:
    """A dataclass of arrays: read from `folder` if it was computed before, else computed and written there.

    identity: everything that determines it, besides CLASS's equations and the version of the patch, whose fast modules
    it may have used.
    """
    whole = {"class": version("classy"), "equations": running_class().source_digest, **identity}
    path = folder / f"{json_digest(whole)[:24]}.npz"
    names = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return kind(**{name: arrays[name] for name in names})
    except Exception:  # NumPy and zipfile raise many kinds
        # absent, or damaged from outside: the next lines write it afresh
        result, content = compute(), io.BytesIO()
        np.savez(content, **{name: getattr(result, name) for name in names})
        write_whole({path: content.getvalue()})
        return result
