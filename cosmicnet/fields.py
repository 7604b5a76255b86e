"""Fields: one piece in one region of time and one regime, each in its own coordinates.

A field is smooth and nearly the same in every cosmology, which is why a small network can give it.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .coordinates import Scales

__all__ = ["FIELDS", "INPUTS", "Field", "inputs_of"]

Array = NDArray[np.float64]

INPUTS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "ln_omega_b": lambda c: float(np.log(c["omega_b"])),
    "ln_omega_m": lambda c: float(np.log(c["omega_b"] + c["omega_cdm"])),
    "ln_h": lambda c: float(np.log(c["H0"] / 100.0)),
    "ln_1_plus_z_reio": lambda c: float(np.log1p(c["z_reio"])),
    "N_ur": lambda c: c["N_ur"],
    "m_ncdm": lambda c: c["m_ncdm"],
}


def inputs_of(cosmology: Mapping[str, float], names: tuple[str, ...]) -> Array:
    """The inputs of a network, shape (len(names),), from a SourceRequest's `cosmology`."""
    return np.array([INPUTS[name](cosmology) for name in names])


@dataclass(frozen=True)
class Field:
    """Where a piece is tabulated and what it depends on.

    region: 'early' until photons may stream freely (Scales.tau_free_streaming), 'late' from then on.
    regime: 'all'; or, for the photon multipoles at late times, 'free' and 'streaming', off and on
    CLASS's radiation streaming approximation, across which they jump (Scales.is_streaming).
    """

    piece: str
    region: Literal["early", "late"]
    regime: Literal["all", "free", "streaming"]
    time: str
    wavenumber: str
    inputs: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.region}.{self.regime}.{self.piece}"

    def times(self, tau: Array, scales: Scales) -> NDArray[np.bool_]:
        """Which tau (Mpc) lie in the field's region; shape (tau.size,)."""
        early: NDArray[np.bool_] = tau <= scales.tau_free_streaming
        return early if self.region == "early" else ~early


_EARLY_INPUTS = ("ln_omega_m", "ln_omega_b", "N_ur", "m_ncdm")
_LATE_INPUTS = ("ln_omega_m", "ln_omega_b", "ln_h", "N_ur", "m_ncdm")
_REIO_INPUTS = ("ln_omega_m", "ln_omega_b", "ln_h", "ln_1_plus_z_reio", "N_ur", "m_ncdm")


def _early(piece: str) -> Field:
    return Field(piece, "early", "all", "tau_over_tau_rec", "ln_x", _EARLY_INPUTS)


def _late(piece: str) -> Field:
    return Field(piece, "late", "all", "ln_u", "ln_x", _LATE_INPUTS)


def _photon(piece: str, regime: Literal["free", "streaming"]) -> Field:
    return Field(piece, "late", regime, "ln_v", "ln_x", _REIO_INPUTS)


FIELDS: tuple[Field, ...] = (
    _early("monopole"),
    _early("doppler"),
    _early("isw"),
    _early("shear"),
    _early("polarization"),
    _early("weyl"),
    _early("matter"),
    _early("matter_cb"),
    _photon("monopole", "free"),
    _photon("monopole_damped", "free"),
    _photon("monopole", "streaming"),
    _photon("monopole_damped", "streaming"),
    _late("doppler"),
    _late("isw"),
    _late("shear"),
    # while photons stream freely, CLASS sets their polarization to zero
    _photon("polarization", "free"),
    _photon("polarization_damped", "free"),
    _photon("polarization_damped_twice", "free"),
    _late("weyl"),
    _late("matter"),
    _late("matter_cb"),
)
