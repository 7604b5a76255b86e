"""Patch one CLASS source tree: PyPI's own or the user's."""
from __future__ import annotations

import hashlib
from pathlib import Path

from .anchors import apply_edits
from .edits import EDITS

__all__ = ["OWN_FILES", "OWN_FOLDER", "PatchError", "patch_tree", "source_digest"]

HERE = Path(__file__).parent
# Our own files by their place in the tree, beside the codes of others that CLASS includes.
OWN_FOLDER = "external/cosmicnet"
OWN_FILES = {
    f"{OWN_FOLDER}/{file.relative_to(HERE).as_posix()}": file
    for room in ("shim", "fast") for file in sorted((HERE / room).rglob("*.*"))
}

# Files of CLASS, before the patch, that make the source functions. Their digest goes into the build, so that networks
# are not used with equations other than those that they were trained on.
SOURCES_OF_SOURCES = (
    "include/precisions.h", "include/background.h", "include/thermodynamics.h", "include/perturbations.h",
    "source/background.c", "source/thermodynamics.c", "source/perturbations.c",
)
DIGEST_PLACEHOLDER = "@SOURCE_DIGEST@"


class PatchError(RuntimeError):
    """The folder is no CLASS tree, or it is patched already."""


def patch_tree(root: Path) -> dict[str, str]:
    """Apply every edit to the CLASS tree at `root`; return the files touched.

    All anchors are checked before the first byte is written, so a tree that does not fit stays
    as it was.

    Raises PatchError if `root` is not a CLASS tree, is patched already or not in UTF-8, AnchorError if an
    anchor is missing or not unique.
    """
    missing = [name for name in {**EDITS, **dict.fromkeys(SOURCES_OF_SOURCES)} if not (root / name).is_file()]
    if missing:
        raise PatchError(f"{root} is not a CLASS source tree with classy: no {', '.join(missing)}")
    if (root / OWN_FOLDER).exists():
        raise PatchError(f"{root} is patched already; start again from a clean tree")
    digest = source_digest(root)
    edited = {name: apply_edits(_read(root / name), edits, name) for name, edits in EDITS.items()}
    for name, text in edited.items():
        (root / name).write_text(text, encoding="utf-8")
    for target, file in OWN_FILES.items():
        text = file.read_text(encoding="utf-8").replace(DIGEST_PLACEHOLDER, digest)
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        (root / target).write_text(text, encoding="utf-8")
    return {**dict.fromkeys(edited, "edited"), **dict.fromkeys(OWN_FILES, "added")}


def source_digest(root: Path) -> str:
    """SHA-256 of the files of an unpatched tree that make the source functions, whatever their line ends."""
    text = "\0".join(_read(root / name) for name in SOURCES_OF_SOURCES)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PatchError(f"{path} is not in UTF-8 ({error}); convert it first") from error
