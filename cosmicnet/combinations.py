"""Tables that are combinations of the pieces: potentials, and the velocity of matter, for number counts.

With weyl = phi + psi and shear = psi - phi in the Newtonian gauge,

    phi = (weyl - shear)/2,  psi = (weyl + shear)/2,  phi_prime = isw/2.

The velocity follows from the continuity of matter, delta' = -theta + 3 phi', which holds beside any dark energy. The
pieces have the density in the gauge of CLASS's P(k), delta + 3 a H theta/k^2. With theta' = -a H theta + k^2 psi,

    (k^2 + 3 (a^2 H^2 - (a H)')) theta = k^2 (3 (phi' + a H psi) - (delta + 3 a H theta/k^2)').

The pressure of baryons and massive neutrinos, which the second equation leaves out, acts within the horizon only, where
3 a H theta/k^2 is small.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .background import Background
from .pieces import PIECES, time_factor, wavenumber_factor

__all__ = ["COMBINATIONS", "combined"]

Array = NDArray[np.float64]
Table = NDArray[np.floating[Any]]

# The pieces of which each table is made.
COMBINATIONS: dict[str, tuple[str, ...]] = {
    "phi": ("weyl", "shear"),
    "psi": ("weyl", "shear"),
    "phi_prime": ("isw",),
    "theta_m": ("weyl", "shear", "isw", "matter"),
    "theta_cb": ("weyl", "shear", "isw", "matter_cb"),
}
# The piece whose density moves.
DENSITIES = {"theta_m": "matter", "theta_cb": "matter_cb"}


def combined(
    names: Collection[str], pieces: Mapping[str, Table], k: Array, tau: Array, history: Mapping[str, Array],
    background: Background, curvature: float,
) -> dict[str, Table]:
    """Tables by name, each (tau.size, k.size), from pieces of this shape; history: columns at tau (Mpc); k in 1/Mpc."""
    moving = {name: density for name, density in DENSITIES.items() if name in names}
    found: dict[str, Table] = {}
    if moving or not {"phi", "psi"}.isdisjoint(names):
        weyl = time_factor(PIECES["weyl"], history)[:, None] * pieces["weyl"]
        found |= {"phi": 0.5 * (weyl - pieces["shear"]), "psi": 0.5 * (weyl + pieces["shear"])}
    if moving or "phi_prime" in names:
        found["phi_prime"] = 0.5 * pieces["isw"]
    expansion, slope = (column[:, None] for column in background.expansion(history["scale_factor"]))
    for name, density in moving.items():
        growth = (history["growth_velocity"][:, None] * pieces[density]
                  + history["growth_factor"][:, None] * np.gradient(pieces[density], tau, axis=0, edge_order=2))
        growth *= wavenumber_factor(PIECES[density], k, curvature)
        found[name] = np.asarray(k**2 * (3.0 * (found["phi_prime"] + expansion * found["psi"]) - growth)
                                 / (k**2 + 3.0 * (expansion**2 - slope)))
    return {name: found[name] for name in names}
