"""The parts of the patch: their requirements, and the parts that fit a tree.

The hook is needed; every other part applies by itself where its anchors fit and its code compiles.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .anchors import HOOK, AnchorError, Edit

__all__ = ["FOLDERS", "PARTS", "Applied", "apply_parts", "fitted", "release_of"]

# Each part in the words of a message about its absence.
PARTS = {
    "background": "the fast background and thermal history",
    "tensors": "the fast tensor modes",
    "line_of_sight": "the fast line of sight",
    "lensing": "the fast lensing",
    "non_linear": "the fast HMcode",
    "later": "keeping the sources where only A_s, n_s and the like change",
    "refusals": "errors in place of crashes of stock CLASS",
    "library": "line of sight, lensing and HMcode from arrays",
    "sources": "source tables of networks in C++",
    "spectra": "raw_cl() and lensed_cl() without a loop in Python",
}
# Parts with files of their own, which the Makefile compiles.
FOLDERS = {"background": "fast/background", "tensors": "fast/tensors", "line_of_sight": "fast/line_of_sight",
           "lensing": "fast/lensing", "non_linear": "fast/hmcode", "sources": "fast/sources"}
# The edit of the Makefile.
COMPILED = "fast"
NEEDS = {"tensors": ("line_of_sight",), "lensing": ("line_of_sight",), "library": ("lensing", "non_linear")}

# Members of structures that older releases lack, by the header that would declare them, and the values that they had
# there as constants.
CONSTANTS = {
    "ppr->non_accurate_lensing_boundary": "16", "ppr->lensing_C2_order": "2", "ppr->lensing_C0_order": "0",
    # files had their whole paths
    "ppr->base_path": '""',
}
LISTED = re.compile(r" ?\bput(?:_species|_table)?\((?:(\w+),)?(\w+)\)")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)

Misfits = dict[str, list[str]]


class Applied:
    """The edited files of a tree with some parts; `misfits`: for each other part, why it does not fit."""

    def __init__(self, files: dict[str, str], parts: frozenset[str], misfits: Misfits) -> None:
        self.files, self.parts, self.misfits = files, parts, misfits


def apply_parts(originals: Mapping[str, str], edits: Mapping[str, tuple[Edit, ...]],
                dropped: Mapping[str, list[str]]) -> Applied:
    """All edits of the parts that fit, without those that were `dropped`.

    AnchorError where the hook does not fit; it names every anchor that does not, of the other parts too.
    """
    misfits: Misfits = {part: list(reasons) for part, reasons in dropped.items()}
    while True:
        parts = _available(misfits)
        files, found = {}, dict[str, list[str]]()
        for name, of_file in edits.items():
            text = originals[name]
            for edit in of_file:
                if edit.part not in parts:
                    continue
                try:
                    text = edit.apply(text, name)
                except AnchorError as error:
                    found.setdefault(edit.part, []).append(str(error))
            files[name] = text
        if not found:
            return Applied(files, parts - {HOOK, COMPILED}, misfits)
        for part, reasons in found.items():
            # nothing is compiled without the edit of the Makefile
            for lost in (FOLDERS if part == COMPILED else (part,)):
                misfits.setdefault(lost, []).extend(reasons)
        if HOOK in found:
            raise AnchorError("\n".join(reason for reasons in misfits.values() for reason in reasons))


def _available(misfits: Misfits) -> frozenset[str]:
    parts = {part for part in PARTS if part not in misfits}
    for part, needs in NEEDS.items():
        missing = [needed for needed in needs if needed not in parts]
        if part in parts and missing:
            parts.discard(part)
            misfits[part] = [f"{PARTS[part]} needs {PARTS[needed]}" for needed in missing]
    return frozenset({HOOK, *parts, *([COMPILED] if parts & FOLDERS.keys() else [])})


def fitted(text: str, headers: str) -> str:
    """One of our own files without the members of structures that these headers do not have."""
    words = set(re.findall(r"\w+", COMMENT.sub(" ", headers)))
    for member, value in CONSTANTS.items():
        if member.partition("->")[2] not in words:
            text = text.replace(member, value)
    # `put` of the lists in class_state.h: networks that need a missing number refuse the request
    return LISTED.sub(lambda found: found[0] if found[2] in words or found[2].isupper() else "", text)


def release_of(root: Path) -> str:
    """The release as the tree writes it, such as 3.4.1."""
    common = root / "include/common.h"
    text = common.read_text(encoding="utf-8", errors="replace") if common.is_file() else ""
    found = re.search(r'#define\s+_VERSION_\s+"v?([^"]+)"', text)
    return found[1] if found else "of an unknown release"
