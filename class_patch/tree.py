"""Patch one CLASS source tree: PyPI's own or the user's."""
from __future__ import annotations

import shutil
from pathlib import Path

from .anchors import apply_edits
from .edits import EDITS

__all__ = ["SHIM_FILES", "PatchError", "patch_tree"]

SHIM = Path(__file__).parent / "shim"
# Our own files that go into the tree, and where.
FOLDERS = {".h": "include", ".c": "source", ".pxi": "python"}
SHIM_FILES = {
    file.name: f"{FOLDERS[file.suffix]}/{file.name}" for file in sorted(SHIM.iterdir()) if file.suffix in FOLDERS
}


class PatchError(RuntimeError):
    """The folder is no CLASS tree, or it is patched already."""


def patch_tree(root: Path) -> list[str]:
    """Apply every edit to the CLASS tree at `root`; return the files touched.

    All anchors are checked before the first byte is written, so a tree that does not fit stays
    as it was.

    Raises PatchError if `root` is not a CLASS tree, is patched already or not in UTF-8, AnchorError if an
    anchor is missing or not unique.
    """
    missing = [name for name in EDITS if not (root / name).is_file()]
    if missing:
        raise PatchError(f"{root} is not a CLASS source tree with classy: no {', '.join(missing)}")
    if any((root / target).exists() for target in SHIM_FILES.values()):
        raise PatchError(f"{root} is patched already; start again from a clean tree")
    edited = {name: apply_edits(_read(root / name), edits, name) for name, edits in EDITS.items()}
    for name, text in edited.items():
        (root / name).write_text(text, encoding="utf-8")
    for name, target in SHIM_FILES.items():
        shutil.copyfile(SHIM / name, root / target)
    return [*edited, *SHIM_FILES.values()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PatchError(f"{path} is not in UTF-8 ({error}); convert it first") from error
