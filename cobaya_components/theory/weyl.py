"""Power spectra of the Weyl potential from the source functions phi + psi and delta_m, which networks give.

Cobaya's classy takes CLASS's table of transfer functions (mTk), which networks do not give.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["WEYL", "auto_pairs", "weyl_grids"]

WEYL, MATTER = "Weyl", "delta_tot"
CROSS = (WEYL, MATTER)


def auto_pairs(requirement: Mapping[str, Any]) -> dict[str, Any]:
    """Cobaya's request for P(k), with the spectrum of the Weyl potential in place of its cross spectrum with matter.

    Cobaya's classy has no cross spectra.
    """
    given = requirement.get("vars_pairs") or [(MATTER, MATTER)]
    pairs = [given] if isinstance(next(iter(given)), str) else given
    return {**requirement, "vars_pairs": [(WEYL, WEYL) if set(pair) == set(CROSS) else pair for pair in pairs]}


def weyl_grids(cosmology: Any, key: tuple[Any, ...]) -> dict[tuple[Any, ...], Any]:
    """Cobaya's grids (k in 1/Mpc, z, P of shape (z, k)) of k^2 (phi + psi)/2 and of its cross spectrum with matter.

    key : ("Pk_grid", whether non-linear). As in CLASS, the non-linear correction is that of matter. The cross spectrum
    is negative: the potential is low where matter is dense.
    """
    matter, k, z = cosmology.get_pk_and_k_and_z(nonlinear=key[1], only_clustering_species=False)
    sources, _, _ = cosmology.get_sources()
    # the grid of P(k, z) is the first wavenumbers and the last times of the sources
    potential, density = (sources[name][:k.size, -z.size:] for name in ("phi_plus_psi", "delta_m"))
    ratio = 0.5 * k[:, None]**2 * potential / density
    return {(*key, *pair): (k, z, (matter * ratio**pair.count(WEYL)).T) for pair in ((WEYL, WEYL), CROSS)}
