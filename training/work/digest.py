"""Hashes of everything that determines a file in the work folder, the code included: if one changes, the file is made
again. And hashes of contents, which reveal damage."""
from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["arrays_digest", "code_digest", "content_digest", "json_digest"]

PACKAGE = "cosmicnet."
# Modules of the package whose code determines no table and no fit: settings, errors and workers come from these, and
# results go to these. A module that begins to matter must leave this list, or finished fits are taken for those of the
# new code.
NO_PART = frozenset({
    "class_parameters", "coverage", "emulator", "errors", "evaluation", "files", "manifest", "running_class", "store",
    "training.evaluate.boxes", "training.evaluate.domain", "training.fields.describe", "training.fields.guard",
    "training.models.cosmologies", "training.models.plan", "training.paper.dataset", "training.recipe.schema",
    "training.recipe.toml", "training.two_levels.recipe", "training.work.digest", "training.work.files",
    "training.work.parallel", "training.work.run_class",
})

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


def content_digest(content: bytes) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """SHA-256 of the code of these modules and of those that they import, NO_PART apart, without comments, docstrings
    and layout."""
    with _PARSING:
        trees: dict[str, ast.Module] = {}
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name not in trees:
                trees[name] = ast.parse(_source(name))
                waiting += _imported(name, trees[name])
        return _digest_of(trees[name] for name in sorted(trees))


def _source(name: str) -> str:
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None, name
    return Path(spec.origin).read_text(encoding="utf-8")


def _imported(name: str, tree: ast.Module) -> Iterator[str]:
    """The modules of the package that a module imports and that determine results."""
    above = name.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found = ".".join([*(above[:-node.level] if node.level else ()), *([node.module] if node.module else [])])
            if found.startswith(PACKAGE) and found.removeprefix(PACKAGE) not in NO_PART:
                yield found


def _digest_of(trees: Iterable[ast.Module]) -> str:
    digest = hashlib.sha256()
    for tree in trees:
        digest.update(_without_words(tree).encode() + b"\0")
    return digest.hexdigest()


def _without_words(tree: ast.Module) -> str:
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
