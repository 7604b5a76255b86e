"""All edits, by the file of CLASS that they change: one module of edits for each of CLASS's."""
from __future__ import annotations

from ..anchors import Edit
from . import background, build, classy, fourier, harmonic, input, lensing, perturbations, thermodynamics, transfer

__all__ = ["EDITS"]

EDITS: dict[str, tuple[Edit, ...]] = {
    **input.EDITS, **background.EDITS, **thermodynamics.EDITS, **perturbations.EDITS, **fourier.EDITS, **transfer.EDITS,
    **harmonic.EDITS, **lensing.EDITS, **classy.EDITS, **build.EDITS,
}
