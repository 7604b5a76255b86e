"""Build `classy` with the cosmicnet hook: fetch CLASS's source, edit it by anchors, build a wheel.

The data flow of this package is `source` (PyPI's sdist, hash-checked) -> `tree` (apply `edits`,
add `shim` and `fast`) -> `_backend` (a PEP 517 wheel). It imports nothing from the rest of cosmicnet.
"""
from .anchors import AnchorError, Edit
from .beside import move_beside
from .source import CLASS_VERSION, PATCH_VERSION, SourceError, fetch_source
from .tree import PatchError, patch_tree

__all__ = [
    "CLASS_VERSION",
    "PATCH_VERSION",
    "AnchorError",
    "Edit",
    "PatchError",
    "SourceError",
    "fetch_source",
    "move_beside",
    "patch_tree",
]
