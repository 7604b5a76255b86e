"""All edits, by the file of CLASS that they change: one module of edits for each of CLASS's.

Nothing of CLASS's code may stand here but the lines that anchor an edit; new code belongs in shim/ and fast/.
"""
from __future__ import annotations

from pathlib import Path

from ..anchors import Edit
from . import background, build, classy, fourier, harmonic, input, lensing, perturbations, thermodynamics, transfer

__all__ = ["EDITS", "edits_for"]

EDITS: dict[str, tuple[Edit, ...]] = {
    **input.EDITS, **background.EDITS, **thermodynamics.EDITS, **perturbations.EDITS, **fourier.EDITS, **transfer.EDITS,
    **harmonic.EDITS, **lensing.EDITS, **classy.EDITS, **build.EDITS,
}


def edits_for(root: Path) -> dict[str, tuple[Edit, ...]]:
    """The edits of this tree: before 3.3 classy is built elsewhere."""
    if (root / "setup.py").is_file() or not (root / "python/setup.py").is_file():
        return EDITS
    return {name: edits for name, edits in EDITS.items() if name != "setup.py"} | build.OLD_EDITS
