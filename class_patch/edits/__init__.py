"""All edits, by the file of CLASS that they change."""
from __future__ import annotations

from ..anchors import Edit
from . import (
    cclassy_pxd,
    classy_pyx,
    fourier_c,
    fourier_h,
    harmonic_c,
    harmonic_h,
    input_c,
    lensing_c,
    makefile,
    perturbations_c,
    perturbations_h,
    setup_py,
    transfer_c,
    transfer_h,
)

__all__ = ["EDITS"]

EDITS: dict[str, tuple[Edit, ...]] = {
    "include/perturbations.h": perturbations_h.EDITS,
    "source/perturbations.c": perturbations_c.EDITS,
    "include/fourier.h": fourier_h.EDITS,
    "source/fourier.c": fourier_c.EDITS,
    "include/transfer.h": transfer_h.EDITS,
    "source/transfer.c": transfer_c.EDITS,
    "include/harmonic.h": harmonic_h.EDITS,
    "source/harmonic.c": harmonic_c.EDITS,
    "source/lensing.c": lensing_c.EDITS,
    "source/input.c": input_c.EDITS,
    "python/cclassy.pxd": cclassy_pxd.EDITS,
    "python/classy.pyx": classy_pyx.EDITS,
    "setup.py": setup_py.EDITS,
    "Makefile": makefile.EDITS,
}
