"""Numbers as people write them, and numbers of nature that several rooms use."""
from __future__ import annotations

import math

__all__ = ["MASS_SPLITTINGS", "T_CMB_MUK", "significant"]

# squared mass differences of neutrinos, eV^2, solar and atmospheric
MASS_SPLITTINGS = (7.49e-5, 2.513e-3)
# the temperature of the CMB by which data are calibrated, independent of T_cmb; Cobaya's unit "FIRASmuK2"
T_CMB_MUK = 2.7255e6


def significant(value: float, digits: int = 3) -> str:
    """The number with so many digits, and without an exponent from 1 to a million: 310, not 3.1e+02."""
    short = f"{value:.{digits}g}"
    return f"{float(short):.0f}" if "e+" in short and math.isfinite(value) and abs(value) < 1e6 else short
