"""Numbers as people write them."""
from __future__ import annotations

import math

__all__ = ["significant"]


def significant(value: float, digits: int = 3) -> str:
    """The number with so many digits, and without an exponent from 1 to a million: 310, not 3.1e+02."""
    short = f"{value:.{digits}g}"
    return f"{float(short):.0f}" if "e+" in short and math.isfinite(value) and abs(value) < 1e6 else short
