"""Which parts of the patch fit which release and fork? `python -m cosmicnet.class_patch.forks FOLDER` writes a table.

FOLDER holds one CLASS tree in each sub-folder; nothing in it is changed, nothing is downloaded. Each tree is compiled
with the patch in a copy; with --anchors only the anchors are tried.
"""
from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from .anchors import AnchorError
from .edits import edits_for
from .parts import PARTS, apply_parts, release_of
from .tree import PatchError, patch_what_fits, require_cpp

__all__ = ["table"]

TITLES = {"background": "background", "tensors": "tensors", "line_of_sight": "line of sight", "lensing": "lensing",
          "non_linear": "HMcode", "later": "fast parameters", "refusals": "refusals", "library": "library",
          "sources": "networks", "spectra": "spectra"}


def table(folder: Path, anchors_only: bool) -> str:
    """The table in Markdown, one row for each tree in the order of their names."""
    rows = ["| tree | release | hook | " + " | ".join(TITLES[part] for part in PARTS) + " |",
            "|---|---|---|" + "---|" * len(PARTS)]
    for root in sorted(path for path in folder.iterdir() if path.is_dir()):
        missing = _missing(root, anchors_only)
        hook = "no" if missing is None else "yes"
        cells = ["" if missing is None else "no" if part in missing else "yes" for part in PARTS]
        rows.append(f"| {root.name} | {release_of(root)} | {hook} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _missing(root: Path, anchors_only: bool) -> set[str] | None:
    """Parts that a tree does without; None where the hook does not fit."""
    try:
        if anchors_only:
            require_cpp(root)
            edits = edits_for(root)
            originals = {name: (root / name).read_text(encoding="utf-8") for name in edits}
            return set(apply_parts(originals, edits, {}).misfits)
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "class"
            shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".git"))
            return set(patch_what_fits(copy).missing)
    except (AnchorError, PatchError, OSError, UnicodeDecodeError) as error:
        print(f"{root.name}: {error}", flush=True)
        return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--anchors", action="store_true")
    options = parser.parse_args()
    print(table(options.folder, options.anchors), end="")
