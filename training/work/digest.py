"""Hashes of everything that determines a file in the work folder, the code included: if one changes, the file is made
again. And hashes of contents, which reveal damage."""
from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["arrays_digest", "code_digest", "json_digest"]

# Python 3.11 counts the depth of a syntax tree once for all threads: parsing in two at a time may raise SystemError.
_PARSING = Lock()


def json_digest(content: Any) -> str:
    """SHA-256 of JSON content, independent of the order of entries."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def arrays_digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of named arrays."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """SHA-256 of the code of these modules without comments, docstrings and layout."""
    with _PARSING:
        return _digest_of(_source(name) for name in modules)


def _source(name: str) -> str:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None, name
    return Path(spec.origin).read_text(encoding="utf-8")


def _digest_of(sources: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(_without_words(source).encode() + b"\0")
    return digest.hexdigest()


def _without_words(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) \
                and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return _written(tree)


def _written(node: Any) -> str:
    """A syntax tree as text, the same in every Python; whether ast.dump writes empty fields differs."""
    if isinstance(node, list):
        return f"[{','.join(map(_written, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = (f"{name}={_written(value)}" for name, value in ast.iter_fields(node) if value not in (None, []))
    return f"{type(node).__name__}({','.join(fields)})"
