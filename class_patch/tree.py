"""Patch one CLASS source tree: PyPI's own or the user's."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .anchors import AnchorError
from .digest import EQUATIONS, changed_files, source_digest, table_digests
from .edits import edits_for
from .parts import FOLDERS, Applied, apply_parts, fitted, release_of
from .trial import compile_copy, missing_tools

__all__ = ["OWN_FILES", "OWN_FOLDER", "PatchError", "Patched", "patch_tree", "patch_what_fits", "require_cpp"]

HERE = Path(__file__).parent
# Our own files by their place in the tree, beside the codes of others that CLASS includes.
OWN_FOLDER = "external/cosmicnet"
OWN_FILES = {
    f"{OWN_FOLDER}/{file.relative_to(HERE).as_posix()}": file
    for room in ("shim", "fast") for file in sorted((HERE / room).rglob("*.*"))
}


class PatchError(RuntimeError):
    """The folder is no CLASS tree, is patched already, or does not compile with the patch."""


@dataclass(frozen=True)
class Patched:
    """A patched tree. release: of CLASS. files: each file that was 'edited' or 'added'. missing: the parts of the patch
    that were left out, and why."""

    release: str
    files: Mapping[str, str]
    missing: Mapping[str, list[str]]


def patch_tree(root: Path) -> dict[str, str]:
    """Apply every edit to the CLASS tree at `root`; return the files touched.

    All anchors are checked before the first byte is written, so a tree that does not fit stays
    as it was.

    Raises PatchError if `root` is not a CLASS tree, is patched already or not in UTF-8, AnchorError if
    anchors are missing or not unique; it names all of them.
    """
    originals = _originals(root)
    applied = apply_parts(originals, edits_for(root), {})
    if applied.misfits:
        raise AnchorError("\n".join(reason for reasons in applied.misfits.values() for reason in reasons))
    return _write(root, _content(root, applied), originals)


def patch_what_fits(root: Path) -> Patched:
    """Apply the hook and those of the other parts that fit the tree at `root` and compile there.

    The patched tree is compiled in a copy first; `root` is written at the end. Raises PatchError and AnchorError as
    patch_tree() does, AnchorError only where the hook does not fit.
    """
    originals, edits = _originals(root), edits_for(root)
    if tools := missing_tools(originals["Makefile"]):
        raise PatchError(f"{', '.join(tools)}: not found; CLASS needs them to compile, or its Makefile names them. "
                         "Nothing was changed.")
    dropped: dict[str, list[str]] = {}
    while True:
        applied = apply_parts(originals, edits, dropped)
        require_cpp(root)
        content = _content(root, applied)
        edited = {name: {edit.part for edit in of_file} & applied.parts for name, of_file in edits.items()}
        failed = compile_copy(root, content, edited)
        if "" in failed:
            said = "\n".join(failed[""])
            raise PatchError(f"CLASS {release_of(root)} in {root} does not compile with the patch, or not at all. "
                             f"Nothing was changed. The compiler says:\n{said}")
        if not failed:
            return Patched(release_of(root), _write(root, content, originals), applied.misfits)
        dropped |= failed


def require_cpp(root: Path) -> None:
    """PatchError for releases before 3.2.3, which compile classy as C: the hook is C++."""
    setup = root / ("setup.py" if "setup.py" in edits_for(root) else "python/setup.py")
    if 'language="c++"' not in _read(setup).replace(" ", ""):
        raise PatchError(f"CLASS {release_of(root)} in {root}: {setup.relative_to(root)} compiles classy as C, but the "
                         "hook is C++; CLASS 3.2.3 and later have it. Nothing was changed.")


def _originals(root: Path) -> dict[str, str]:
    """The files that are edited, as they are."""
    edits = edits_for(root)
    missing = [name for name in {**edits, **dict.fromkeys(EQUATIONS)} if not (root / name).is_file()]
    if missing:
        is_class = (root / "include/common.h").is_file()
        what = f"CLASS {release_of(root)} in {root} is older than 3.2.3 or lacks files" if is_class else (
            f"{root} is not a CLASS source tree with classy")
        raise PatchError(f"{what}: no {', '.join(missing)}")
    if (root / OWN_FOLDER).exists():
        raise PatchError(f"{root} is patched already; start again from a clean tree")
    return {name: _read(root / name) for name in edits}


def _content(root: Path, applied: Applied) -> dict[str, str]:
    """The content of all files that the patch edits or adds."""
    identity = {
        "@SOURCE_DIGEST@": source_digest(root), "@CHANGED_FILES@": json.dumps(list(changed_files(root))),
        "@TABLE_DIGESTS@": json.dumps(table_digests(root)), "@PARTS@": json.dumps(sorted(applied.parts)),
    }
    headers = "\n".join([
        *(path.read_text(encoding="utf-8", errors="replace") for path in sorted((root / "include").glob("*.h"))
          if f"include/{path.name}" not in applied.files),
        *(applied.files[name] for name in applied.files if name.startswith("include/")),
        *(path.read_text(encoding="utf-8", errors="replace") for path in sorted(root.glob("external/*/*.h")))])
    added = {}
    left_out = tuple(f"{OWN_FOLDER}/{folder}/" for part, folder in FOLDERS.items() if part not in applied.parts)
    for target, file in OWN_FILES.items():
        if target.startswith(left_out):
            continue
        text = fitted(file.read_text(encoding="utf-8"), headers)
        for placeholder, value in identity.items():
            text = text.replace(placeholder, value)
        added[target] = text
    return {**applied.files, **added}


def _write(root: Path, content: Mapping[str, str], originals: Mapping[str, str]) -> dict[str, str]:
    """Write the files that differ; returns them."""
    touched = {name: "edited" if name in originals else "added" for name, text in content.items()
               if text != originals.get(name)}
    for name in touched:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content[name], encoding="utf-8")
    return touched


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PatchError(f"{path} is not in UTF-8 ({error}); convert it first") from error
