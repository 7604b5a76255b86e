"""All edits, by the file of CLASS that they change: one module of edits for each of CLASS's."""
from __future__ import annotations

from ..anchors import Edit
from . import build, classy, fourier, harmonic, input, lensing, perturbations, transfer

__all__ = ["EDITS"]

EDITS: dict[str, tuple[Edit, ...]] = {
    **perturbations.EDITS, **fourier.EDITS, **transfer.EDITS, **harmonic.EDITS, **lensing.EDITS, **input.EDITS,
    **classy.EDITS, **build.EDITS,
}
