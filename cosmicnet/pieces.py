"""The pieces whose sum, with factors known exactly, are the source functions.

CosmicNet I, eq. 2.3, in CLASS's variables (Newtonian gauge, perturbations_sources()):

    S_T0 = g monopole + g' D' doppler + exp(-kappa) isw
    S_T1 = k exp(-kappa) shear
    S_T2 = g polarization,  S_P = sqrt(6) S_T2
    phi_plus_psi = D/a weyl
    delta_m = (k^2 - 3 K) D matter,  delta_cb = (k^2 - 3 K) D matter_cb

with monopole = Theta_0 + phi + theta_b'/k^2, doppler = theta_b/(k^2 D'), isw = 2 phi' (1/Mpc),
shear = psi - phi, polarization = (F_2 + G_0 + G_2)/8, weyl = (phi + psi) a/D, and D the growth factor, 1 at
recombination. The factors carry everything that changes fast in time (recombination, reionisation) and the late
growth, so networks never have to learn them.

At late times, monopole = temperature + acceleration, with temperature = Theta_0 + phi, the photons' part, and
acceleration = theta_b'/k^2, the smooth one of the baryons. Potentials grow as D/a, so that a set may have

    isw = (D/a)' weyl + isw_beyond_growth

at late times, of which the second part is small.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

__all__ = [
    "PIECES", "SOURCES", "Piece", "fill_p", "split_sources", "tables_but_p", "time_factor",
    "wavenumber_factor",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """One piece: the source it adds to, and its factors.

    In time, the factor is the product of the history columns `times` over those in `over`; in
    wavenumber it is k (1/Mpc) to the power `power_of_k`.
    """

    source: str
    times: tuple[str, ...]
    over: tuple[str, ...] = ()
    power_of_k: int = 0


PIECES: dict[str, Piece] = {
    "monopole": Piece("t0", ("visibility",)),
    "temperature": Piece("t0", ("visibility",)),
    "acceleration": Piece("t0", ("visibility",)),
    "doppler": Piece("t0", ("visibility_prime", "growth_velocity")),
    "isw": Piece("t0", ("exp_minus_kappa",)),
    "isw_beyond_growth": Piece("t0", ("exp_minus_kappa",)),
    "shear": Piece("t1", ("exp_minus_kappa",), power_of_k=1),
    "polarization": Piece("t2", ("visibility",)),
    "weyl": Piece("phi_plus_psi", ("growth_factor",), over=("scale_factor",)),
    "matter": Piece("delta_m", ("growth_factor",), power_of_k=2),
    "matter_cb": Piece("delta_cb", ("growth_factor",), power_of_k=2),
}

# The tables that networks can fill; p follows from t2.
SOURCES: tuple[str, ...] = ("t0", "t1", "t2", "p", "phi_plus_psi", "delta_m", "delta_cb")


def time_factor(piece: Piece, history: Mapping[str, Array]) -> Array:
    """The factor of a piece at the times of `history`, shape (tau.size,)."""
    factor = np.ones_like(history["scale_factor"])
    for column in piece.times:
        factor = factor * history[column]
    for column in piece.over:
        factor = factor / history[column]
    return factor


def tables_but_p(tables: Mapping[str, Array]) -> dict[str, Array]:
    """The tables of a request by source, without p; t2 uses the table of p where it has none of its own."""
    others = {name: table for name, table in tables.items() if name != "p"}
    if "p" in tables:
        others.setdefault("t2", tables["p"])
    return others


def fill_p(tables: Mapping[str, Array], rows: slice = slice(None)) -> None:
    """Compute some rows of p, where it is requested, from those of t2."""
    if "p" in tables:
        t2 = tables.get("t2", tables["p"])
        np.multiply(t2[rows], np.sqrt(6.0), out=tables["p"][rows])


def wavenumber_factor(piece: Piece, k: Array, curvature: float) -> Array:
    """The factor of a piece at k (1/Mpc). In Poisson's equation k^2 - 3 K takes the place of k^2."""
    return np.asarray(k**2 - 3.0 * curvature if piece.power_of_k == 2 else k**piece.power_of_k)


def split_sources(
    integrated: Mapping[str, Array], k: Array, tau: Array, curvature: float = 0.0
) -> dict[str, Array]:
    """Divide integrated sources into pieces, each of shape (tau.size, k.size). curvature: K in 1/Mpc^2.

    `integrated` is what SourceRequest.integrate_on() returned: the tables, theta_b, phi_prime and
    the history columns, on the same grids. k in 1/Mpc, tau in Mpc. The piece isw_beyond_growth needs the column
    potential_growth as well (Background.potential_growth()), and is left out without it.
    """
    theta_b = integrated["theta_b"]
    isw = 2.0 * integrated["phi_prime"]
    rest_of_t0 = (
        integrated["t0"]
        - integrated["visibility_prime"][:, None] * theta_b
        - integrated["exp_minus_kappa"][:, None] * isw
    )
    monopole = rest_of_t0 / integrated["visibility"][:, None]
    acceleration = make_interp_spline(tau, theta_b, k=5, axis=0).derivative()(tau)
    pieces = {
        "monopole": monopole,
        "temperature": monopole - acceleration,
        "acceleration": acceleration,
        "doppler": theta_b / integrated["growth_velocity"][:, None],
        "isw": isw,
    }
    for name, piece in PIECES.items():
        if name not in pieces and name != "isw_beyond_growth":
            factor = time_factor(piece, integrated)[:, None] * wavenumber_factor(piece, k, curvature)
            pieces[name] = integrated[piece.source] / factor
    if "potential_growth" in integrated:
        pieces["isw_beyond_growth"] = isw - integrated["potential_growth"][:, None] * pieces["weyl"]
    return pieces
