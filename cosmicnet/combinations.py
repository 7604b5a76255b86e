"""Tables that are combinations of the pieces: potentials, and the velocity of matter, for number counts.

With weyl = phi + psi and shear = psi - phi in the Newtonian gauge,

    phi = (weyl - shear)/2,  psi = (weyl + shear)/2,  phi_prime = isw/2.

Einstein's equation for the momentum, 3/2 a^2 sum (rho + p) theta = k^2 (phi' + a H psi) in CLASS's units, gives the
velocity of everything, and so that of matter: theta of radiation is 3 j_1(x)/x times as large, with x = k tau, which
holds for free streaming while matter dominates; later its share is below 1e-3. The velocities of cold matter and of all
matter differ by the rate at which their densities move apart.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .background import HUNDRED, Background
from .pieces import PIECES, time_factor, wavenumber_factor

__all__ = ["COMBINATIONS", "VELOCITIES", "combined"]

Array = NDArray[np.float64]
Table = NDArray[np.floating[Any]]

# The pieces of which each table is made.
COMBINATIONS: dict[str, tuple[str, ...]] = {
    "phi": ("weyl", "shear"),
    "psi": ("weyl", "shear"),
    "phi_prime": ("isw",),
    "theta_m": ("weyl", "shear", "isw"),
    "theta_cb": ("weyl", "shear", "isw", "matter", "matter_cb"),
}
# Tables that need the velocity of every component; the pieces do not have that of a fluid.
VELOCITIES = ("theta_m", "theta_cb")

# Below the first x radiation moves with matter, beyond the second it streams without.
STREAMING = (1e-2, 60.0)


def combined(
    names: Collection[str], pieces: Mapping[str, Table], k: Array, tau: Array, history: Mapping[str, Array],
    background: Background, curvature: float,
) -> dict[str, Table]:
    """Tables by name, each (tau.size, k.size), from pieces of this shape; history: columns at tau (Mpc); k in 1/Mpc."""
    def with_factors(piece: str) -> Table:
        factor = wavenumber_factor(PIECES[piece], k, curvature) if PIECES[piece].power_of_k else 1.0
        return np.asarray(time_factor(PIECES[piece], history)[:, None] * pieces[piece] * factor)

    found: dict[str, Table] = {}
    if not {"phi", "psi", *VELOCITIES}.isdisjoint(names):
        weyl = with_factors("weyl")
        found |= {"phi": 0.5 * (weyl - pieces["shear"]), "psi": 0.5 * (weyl + pieces["shear"])}
    if not {"phi_prime", *VELOCITIES}.isdisjoint(names):
        found["phi_prime"] = 0.5 * pieces["isw"]
    if not set(VELOCITIES).isdisjoint(names):
        found["theta_m"] = _velocity_of_matter(found["psi"], found["phi_prime"], k, tau, history["scale_factor"],
                                               background)
    if "theta_cb" in names:
        apart = with_factors("matter_cb") - with_factors("matter")
        found["theta_cb"] = found["theta_m"] - np.gradient(apart, tau, axis=0, edge_order=2)
    return {name: found[name] for name in names}


def _velocity_of_matter(
    psi: Table, phi_prime: Table, k: Array, tau: Array, a: Array, background: Background
) -> Table:
    """theta_m in 1/Mpc, in the Newtonian gauge."""
    expansion = background.slope(a) / a
    # (rho + p) a^2, in 1/Mpc^2
    matter = HUNDRED**2 * (background.matter / a + background.massive_enthalpy(a) / a**2)
    radiation = HUNDRED**2 * 4.0 / 3.0 * background.radiation / a**2
    x = np.clip(np.outer(tau, k), *STREAMING)
    moving = matter[:, None] + radiation[:, None] * 3.0 * (np.sin(x) - x * np.cos(x)) / x**3
    return np.asarray(k**2 * (phi_prime + expansion[:, None] * psi) / (1.5 * moving))
