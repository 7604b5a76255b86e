"""Spectra of one cosmology from classy, kept in a file that needs no pickle."""
from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.files import write_whole
from cosmicnet.running_class import running_class

from .run_class import Parameters, new_class

__all__ = [
    "L_MAX", "ONE_LINE_OF_SIGHT", "OUTPUT_SETTINGS", "PK_K_H_PER_MPC", "PK_REDSHIFTS", "Multipoles", "Spectra",
    "cached_spectra", "compute_spectra", "lensed_multipoles",
]

Array = NDArray[np.float64]

L_MAX = 2508
# Where two modes take the same one, what is compared are the sources.
ONE_LINE_OF_SIGHT: Parameters = {"fast_line_of_sight": "yes"}
PK_REDSHIFTS: Array = np.array([0.0, 1.0, 2.0])
PK_K_H_PER_MPC: Array = np.geomspace(1e-4, 5.0, 300)

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


@dataclass(frozen=True)
class Spectra:
    """Lensed C_l, linear P(k) and sigma8 of one cosmology.

    ell : multipoles from 2, shape (n_l,). tt, te, ee : lensed C_l in units of T_cmb^2, and pp : C_l of
    the lensing potential, all without l(l+1) factors, shape (n_l,). pk : linear P(k, z) of total matter
    in Mpc^3 on PK_REDSHIFTS x PK_K_H_PER_MPC, shape (n_z, n_k). sigma8 : shape ().
    """

    ell: Array
    tt: Array
    te: Array
    ee: Array
    pp: Array
    pk: Array
    sigma8: Array

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
        )

    def save(self, path: Path) -> None:
        """Write an npz file."""
        content = io.BytesIO()
        np.savez(content, **{field.name: getattr(self, field.name) for field in fields(self)})
        write_whole({path: content.getvalue()})

    @classmethod
    def load(cls, path: Path) -> Spectra:
        """Read what `save` wrote; raises OSError, ValueError, KeyError or BadZipFile on anything else."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def compute_spectra(parameters: Parameters) -> Spectra:
    """Run CLASS on `parameters` and OUTPUT_SETTINGS together, and release its memory."""
    cosmology = new_class({**OUTPUT_SETTINGS, **parameters})
    cosmology.compute()
    try:
        return Spectra.of(cosmology)
    finally:
        cosmology.empty()


def lensed_multipoles(parameters: Parameters, l_max: int) -> Multipoles:
    """Run CLASS on `parameters`, which ask for lensed spectra, and release its memory."""
    cosmology = new_class(parameters)
    cosmology.compute()
    try:
        found = cosmology.lensed_cl(l_max)
    finally:
        cosmology.empty()
    return Multipoles(**{field.name: np.asarray(found[field.name][2:], dtype=float) for field in fields(Multipoles)})


def cached_spectra(parameters: Parameters, folder: Path) -> Spectra:
    """Like `compute_spectra`, but a model that is already in `folder` is read from there."""
    path = folder / f"{_cache_key(parameters)}.npz"
    try:
        return Spectra.load(path)
    except Exception:  # of NumPy and zipfile, many kinds
        # absent, or damaged from outside: the next lines write it afresh
        spectra = compute_spectra(parameters)
        spectra.save(path)
        return spectra


def _cache_key(parameters: Parameters) -> str:
    """Everything that the spectra depend on: the grids, the settings, the version of CLASS and of the patch, whose fast
    line of sight they may have taken, and CLASS's equations, which may be the user's own."""
    identity = {
        "class": version("classy"),
        "equations": running_class().source_digest,
        "settings": {**OUTPUT_SETTINGS, **parameters},
        "pk_redshifts": PK_REDSHIFTS.tolist(),
        "pk_k_h_per_mpc": PK_K_H_PER_MPC.tolist(),
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]
