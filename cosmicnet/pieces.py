"""The pieces whose sum, with factors known exactly, are the source functions.

CosmicNet I, eq. 2.3, in CLASS's variables (Newtonian gauge, perturbations_sources()):

    S_T0 = g monopole + g' doppler + exp(-kappa) isw
    S_T1 = k exp(-kappa) shear
    S_T2 = g polarization,  S_P = sqrt(6) S_T2
    phi_plus_psi = weyl
    delta_m = k^2 a matter,  delta_cb = k^2 a matter_cb

with monopole = F_0 + phi + theta_b'/k^2, doppler = theta_b/k^2 (Mpc), isw = 2 phi' (1/Mpc),
shear = psi - phi, polarization = Pi/2, weyl = phi + psi, a the scale factor. The factors carry
everything that changes fast in time (recombination, reionisation), so they are never learned.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIECES", "SOURCES", "Piece", "split_sources", "time_factor"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """One piece: the source it adds to, its factor in time (a column of the history), its power of k."""

    source: str
    factor: str | None
    power_of_k: int


PIECES: dict[str, Piece] = {
    "monopole": Piece("t0", "visibility", 0),
    "doppler": Piece("t0", "visibility_prime", 0),
    "isw": Piece("t0", "exp_minus_kappa", 0),
    "shear": Piece("t1", "exp_minus_kappa", 1),
    "polarization": Piece("t2", "visibility", 0),
    "weyl": Piece("phi_plus_psi", None, 0),
    "matter": Piece("delta_m", "scale_factor", 2),
    "matter_cb": Piece("delta_cb", "scale_factor", 2),
}

# The tables that networks can fill; p follows from t2.
SOURCES: tuple[str, ...] = ("t0", "t1", "t2", "p", "phi_plus_psi", "delta_m", "delta_cb")


def time_factor(piece: Piece, history: Mapping[str, Array]) -> Array:
    """The factor of a piece at the times of `history`, shape (tau.size,)."""
    if piece.factor is None:
        return np.ones_like(history["scale_factor"])
    return history[piece.factor]


def split_sources(integrated: Mapping[str, Array], k: Array) -> dict[str, Array]:
    """Divide integrated sources into pieces, each of shape (tau.size, k.size).

    `integrated` is what SourceRequest.integrate_on() returned: the tables, theta_b, phi_prime and
    the history columns, on the same grids.
    """
    doppler, isw = integrated["theta_b"], 2.0 * integrated["phi_prime"]
    rest_of_t0 = (
        integrated["t0"]
        - integrated["visibility_prime"][:, None] * doppler
        - integrated["exp_minus_kappa"][:, None] * isw
    )
    pieces = {
        "monopole": rest_of_t0 / integrated["visibility"][:, None],
        "doppler": doppler,
        "isw": isw,
    }
    for name, piece in PIECES.items():
        if name not in pieces:
            factor = time_factor(piece, integrated)[:, None] * k**piece.power_of_k
            pieces[name] = integrated[piece.source] / factor
    return pieces
