"""Build `classy` with the cosmicnet hook: fetch CLASS's source, edit it by anchors, build a wheel.

The data flow of this package is `source` (PyPI's sdist, hash-checked) -> `tree` (apply `edits`,
add `shim` and `fast`) -> `_backend` (a PEP 517 wheel). It imports nothing from the rest of cosmicnet,
which the built classy loads when it runs.
"""
from .anchors import AnchorError, Edit
from .beside import move_beside
from .parts import PARTS, release_of
from .source import CLASS_VERSION, PATCH_VERSION, fetch_source
from .tree import Patched, PatchError, patch_tree, patch_what_fits
from .trial import missing_tools

__all__ = [
    "CLASS_VERSION",
    "PARTS",
    "PATCH_VERSION",
    "AnchorError",
    "Edit",
    "PatchError",
    "Patched",
    "fetch_source",
    "missing_tools",
    "move_beside",
    "patch_tree",
    "patch_what_fits",
    "release_of",
]
