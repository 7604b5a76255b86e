"""The pressure of baryons after reionisation, which keeps them from following matter below a length of some kpc.

Models of training stay neutral, where baryons are cold. The matter of a universe that reionises grows slower than
theirs: to first order in k^2 the solution of

    delta'' + a H delta' = 4 pi G a^2 rho delta - f_b k^2 c_b^2 delta

is delta_neutral (1 - f_b k^2/k_F^2), with the filtering length 1/k_F of Gnedin & Hui (1998), which CLASS's background
and thermal history give (the column filtering_length_squared), and f_b = omega_b/(omega_b + omega_cdm). At k = 64/Mpc
this is 0.7% of P(k) today, and the next order 1e-4.
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .request import Request

__all__ = ["SUPPRESSED", "slow_growth", "suppression"]

Array = NDArray[np.float64]

# The tables of matter and its potential, on small scales.
SUPPRESSED = ("delta_m", "delta_cb", "phi_plus_psi")
# Changes below this are left out.
NEGLIGIBLE = 1e-7


def suppression(k: Array, history: Mapping[str, Array], cosmology: Mapping[str, float]) -> Array:
    """Matter over that of a neutral universe, shape (times, k.size); k in 1/Mpc."""
    lengths = history["filtering_length_squared"]
    fraction = cosmology["omega_b"] / (cosmology["omega_b"] + cosmology["omega_cdm"])
    return np.asarray(1.0 - fraction * lengths[:, None] * k**2)


def slow_growth(request: Request) -> None:
    """Multiply the tables of matter of a neutral universe by suppression(), where it matters.

    Nothing changes where a thermal history does not tell the temperature of baryons (cosmicnet/history.py).
    """
    tables = [request.tables[name] for name in SUPPRESSED if name in request.tables]
    lengths = request.history.get("filtering_length_squared")
    if lengths is None or not tables:
        return
    columns = slice(int(np.searchsorted(request.k**2 * lengths.max(), NEGLIGIBLE)), None)
    rows = slice(int(np.argmax(lengths > 0.0)), None)
    if request.k[columns].size:
        factors = suppression(request.k[columns], {name: column[rows] for name, column in request.history.items()},
                              request.cosmology)
        for table in tables:
            table[rows, columns] *= factors
