"""Spectra of one cosmology from classy."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cached_results import cached
from .run_class import Parameters, new_class

__all__ = [
    "L_MAX", "OUTPUT_SETTINGS", "PK_K_H_PER_MPC", "PK_REDSHIFTS", "Multipoles", "Spectra",
    "cached_spectra", "compute_spectra", "lensed_multipoles",
]

Array = NDArray[np.float64]

L_MAX = 2508
PK_REDSHIFTS: Array = np.array([0.0, 1.0, 2.0])
PK_K_H_PER_MPC: Array = np.geomspace(1e-4, 5.0, 300)
# Where functions that classy derives from P(k, z) are compared: redshifts, k in 1/Mpc, radii in Mpc.
FUNCTION_REDSHIFTS: Array = np.array([0.0, 0.5, 1.0])
FUNCTION_K: Array = np.geomspace(1e-3, 1.0, 13)
FUNCTION_RADII: Array = np.geomspace(3.0, 80.0, 8)

OUTPUT_SETTINGS: Parameters = {
    "output": "tCl,pCl,lCl,mPk",
    "lensing": "yes",
    "l_max_scalars": L_MAX,
    # beyond the largest k compared, so that no interpolation ends there
    "P_k_max_h/Mpc": 6.0,
    "z_max_pk": float(PK_REDSHIFTS[-1]),
}


@dataclass(frozen=True)
class Multipoles:
    """Lensed C_l in units of T_cmb^2, C_l of the lensing potential (pp) and with the temperature (tp), from l = 2.

    All without l(l+1) factors, shape (n_l,).
    """

    ell: Array
    tt: Array
    te: Array
    ee: Array
    pp: Array
    tp: Array


def _empty() -> Array:
    return np.zeros(0)


@dataclass(frozen=True)
class Spectra:
    """Lensed C_l, linear P(k) and sigma8 of one cosmology.

    ell : multipoles from 2, shape (n_l,). tt, te, ee : lensed C_l in units of T_cmb^2, and pp : C_l of
    the lensing potential, all without l(l+1) factors, shape (n_l,). pk : linear P(k, z) of total matter
    in Mpc^3 on PK_REDSHIFTS x PK_K_H_PER_MPC, shape (n_z, n_k). sigma8 : shape ().

    By classy's functions of P(k, z), at FUNCTION_REDSHIFTS and FUNCTION_K or FUNCTION_RADII: growth_rate f(k), tilt
    d ln P/d ln k, sigma_r (all of shape (n_z, n)), effective f_sigma8 (n_z,); weyl: k^2 (phi + psi)/(2 delta_m), whose
    square times P(k) is the power of the Weyl potential. Empty where they were not computed.
    """

    ell: Array
    tt: Array
    te: Array
    ee: Array
    pp: Array
    pk: Array
    sigma8: Array
    growth_rate: Array = field(default_factory=_empty)
    tilt: Array = field(default_factory=_empty)
    sigma_r: Array = field(default_factory=_empty)
    f_sigma8: Array = field(default_factory=_empty)
    weyl: Array = field(default_factory=_empty)

    @classmethod
    def of(cls, cosmology: Any) -> Spectra:
        """Read the spectra from a classy.Class that has computed OUTPUT_SETTINGS."""
        multipoles = cosmology.lensed_cl(L_MAX)
        k = PK_K_H_PER_MPC * cosmology.h()
        pk = cosmology.get_pk_array(k, PK_REDSHIFTS, k.size, PK_REDSHIFTS.size, False)
        return cls(
            ell=multipoles["ell"][2:].astype(float),
            **{name: multipoles[name][2:] for name in ("tt", "te", "ee", "pp")},
            pk=pk.reshape(PK_REDSHIFTS.size, k.size),
            sigma8=np.array(cosmology.sigma8()),
            growth_rate=_on_grid(cosmology.scale_dependent_growth_factor_f, FUNCTION_K),
            tilt=_on_grid(cosmology.pk_tilt, FUNCTION_K),
            sigma_r=_on_grid(cosmology.sigma, FUNCTION_RADII),
            f_sigma8=np.array([cosmology.effective_f_sigma8(z) for z in FUNCTION_REDSHIFTS]),
            weyl=_weyl_over_matter(cosmology),
        )


def _on_grid(function: Callable[[float, float], float], values: Array) -> Array:
    """function(value, z) at FUNCTION_REDSHIFTS, shape (n_z, n)."""
    return np.array([[function(value, z) for value in values] for z in FUNCTION_REDSHIFTS])


def _weyl_over_matter(cosmology: Any) -> Array:
    """At FUNCTION_K and CLASS's times nearest to FUNCTION_REDSHIFTS, shape (n_z, n_k)."""
    _, k, z = cosmology.get_pk_and_k_and_z(nonlinear=False)
    # the grid of P(k, z) is the first wavenumbers and the last times of the sources
    potential, density = (cosmology.get_sources()[0][name][:k.size, -z.size:] for name in ("phi_plus_psi", "delta_m"))
    nearest = [int(np.abs(z - wanted).argmin()) for wanted in FUNCTION_REDSHIFTS]
    ratio = 0.5 * k[:, None] ** 2 * (potential / density)[:, nearest]
    return np.array([np.interp(np.log(FUNCTION_K), np.log(k), column) for column in ratio.T])


def compute_spectra(parameters: Parameters) -> Spectra:
    """Run CLASS on `parameters` and OUTPUT_SETTINGS together, and release its memory."""
    cosmology = new_class({**OUTPUT_SETTINGS, **parameters})
    cosmology.compute()
    try:
        return Spectra.of(cosmology)
    finally:
        cosmology.empty()


def lensed_multipoles(parameters: Parameters, l_max: int) -> Multipoles:
    """Run CLASS on `parameters`, which must request lensed spectra, and release its memory."""
    cosmology = new_class(parameters)
    cosmology.compute()
    try:
        found = cosmology.lensed_cl(l_max)
    finally:
        cosmology.empty()
    return Multipoles(**{entry.name: np.asarray(found[entry.name][2:], dtype=float) for entry in fields(Multipoles)})


def cached_spectra(parameters: Parameters, folder: Path) -> Spectra:
    """Like `compute_spectra`, but a model that is already in `folder` is read from there."""
    settings = {**OUTPUT_SETTINGS, **parameters}
    identity = {"settings": settings, "pk_redshifts": PK_REDSHIFTS.tolist(), "pk_k_h_per_mpc": PK_K_H_PER_MPC.tolist()}
    return cached(Spectra, identity, folder, lambda: compute_spectra(parameters))
