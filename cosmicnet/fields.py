"""Fields: one piece in one region of time, each in its own coordinates.

A field is smooth and nearly the same in every cosmology, which is why a small network can give it.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIELDS", "INPUTS", "Field", "inputs_of"]

Array = NDArray[np.float64]

INPUTS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "ln_omega_b": lambda c: float(np.log(c["omega_b"])),
    "ln_omega_m": lambda c: float(np.log(c["omega_b"] + c["omega_cdm"])),
    "ln_h": lambda c: float(np.log(c["H0"] / 100.0)),
    "N_ur": lambda c: c["N_ur"],
    "m_ncdm": lambda c: c["m_ncdm"],
}


def inputs_of(cosmology: Mapping[str, float], names: tuple[str, ...]) -> Array:
    """The inputs of a network, shape (len(names),), from a SourceRequest's `cosmology`."""
    return np.array([INPUTS[name](cosmology) for name in names])


@dataclass(frozen=True)
class Field:
    """Where a piece is tabulated and what it depends on.

    region: 'early' until photons may stream freely (Scales.tau_free_streaming), 'late' from then on. Late photon
    multipoles are in 'dark', until Scales.tau_dark_end, and 'reionized', from then on, in both as they are
    if the universe stays neutral, and only outside of CLASS's radiation streaming approximation
    (Scales.is_streaming), within which they are known.
    """

    piece: str
    region: Literal["early", "late", "dark", "reionized"]
    time: str
    wavenumber: str
    inputs: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.region}.{self.piece}"


_EARLY_INPUTS = ("ln_omega_m", "ln_omega_b", "N_ur", "m_ncdm")
_LATE_INPUTS = ("ln_omega_m", "ln_omega_b", "ln_h", "N_ur", "m_ncdm")


def _early(piece: str) -> Field:
    return Field(piece, "early", "tau_over_tau_rec", "ln_x", _EARLY_INPUTS)


def _late(piece: str) -> Field:
    return Field(piece, "late", "ln_u", "ln_x", _LATE_INPUTS)


def _photons(piece: str, region: Literal["dark", "reionized"]) -> Field:
    return Field(piece, region, f"ln_v_{region}", f"ln_x_{region}", _LATE_INPUTS)


FIELDS: tuple[Field, ...] = (
    *(_early(piece) for piece in (
        "monopole", "doppler", "isw", "shear", "polarization", "weyl", "matter", "matter_cb")),
    *(_late(piece) for piece in (
        "acceleration", "doppler", "isw", "shear", "weyl", "matter", "matter_cb")),
    *(_photons(piece, region) for region in ("dark", "reionized") for piece in ("temperature", "polarization")),
)
