"""Patch one CLASS source tree: PyPI's own or the user's."""
from __future__ import annotations

import json
from pathlib import Path

from .anchors import apply_edits
from .digest import EQUATIONS, changed_files, source_digest, table_digests
from .edits import EDITS

__all__ = ["OWN_FILES", "OWN_FOLDER", "PatchError", "patch_tree"]

HERE = Path(__file__).parent
# Our own files by their place in the tree, beside the codes of others that CLASS includes.
OWN_FOLDER = "external/cosmicnet"
OWN_FILES = {
    f"{OWN_FOLDER}/{file.relative_to(HERE).as_posix()}": file
    for room in ("shim", "fast") for file in sorted((HERE / room).rglob("*.*"))
}


class PatchError(RuntimeError):
    """The folder is no CLASS tree, or it is patched already."""


def patch_tree(root: Path) -> dict[str, str]:
    """Apply every edit to the CLASS tree at `root`; return the files touched.

    All anchors are checked before the first byte is written, so a tree that does not fit stays
    as it was.

    Raises PatchError if `root` is not a CLASS tree, is patched already or not in UTF-8, AnchorError if an
    anchor is missing or not unique.
    """
    missing = [name for name in {**EDITS, **dict.fromkeys(EQUATIONS)} if not (root / name).is_file()]
    if missing:
        raise PatchError(f"{root} is not a CLASS source tree with classy: no {', '.join(missing)}")
    if (root / OWN_FOLDER).exists():
        raise PatchError(f"{root} is patched already; start again from a clean tree")
    identity = {
        "@SOURCE_DIGEST@": source_digest(root), "@CHANGED_FILES@": json.dumps(list(changed_files(root))),
        "@TABLE_DIGESTS@": json.dumps(table_digests(root)),
    }
    edited = {name: apply_edits(_read(root / name), edits, name) for name, edits in EDITS.items()}
    for name, text in edited.items():
        (root / name).write_text(text, encoding="utf-8")
    for target, file in OWN_FILES.items():
        text = file.read_text(encoding="utf-8")
        for placeholder, value in identity.items():
            text = text.replace(placeholder, value)
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        (root / target).write_text(text, encoding="utf-8")
    return {**dict.fromkeys(edited, "edited"), **dict.fromkeys(OWN_FILES, "added")}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PatchError(f"{path} is not in UTF-8 ({error}); convert it first") from error
