"""Fields: one piece in one region of time, each in its own coordinates.

A field is smooth and nearly the same in every cosmology, which is why a small network can give it.
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Boundaries
from .densities import DENSITIES, Z_REC, dark_energy_to_matter
from .pieces import PIECES

__all__ = [
    "DEFAULT_BOUNDARIES", "DENSITY_FIELDS", "FIELDS", "GUARD_INPUTS", "INPUTS", "PARAMETERS", "REGIONS", "Field",
    "fields_for", "inputs_of",
]

Array = NDArray[np.float64]
Region = Literal["early", "late", "dark", "reionized"]

REGIONS: tuple[str, ...] = get_args(Region)


def _dark_energy(c: Mapping[str, float], z: float) -> float:
    """rho_fld/(rho_b + rho_cdm) in flat space without radiation; 1e-9 at recombination for a cosmological constant."""
    omega_m = c["omega_b"] + c["omega_cdm"]
    omega_fld = (c["H0"] / 100.0) ** 2 - omega_m - c["omega_ncdm"]
    return dark_energy_to_matter(z, omega_fld / omega_m, c["w0_fld"], c["wa_fld"])


INPUTS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "ln_omega_b": lambda c: float(np.log(c["omega_b"])),
    "ln_omega_m": lambda c: float(np.log(c["omega_b"] + c["omega_cdm"])),
    "ln_h": lambda c: float(np.log(c["H0"] / 100.0)),
    "N_ur": lambda c: c["N_ur"],
    "m_ncdm": lambda c: c["m_ncdm"],
    "N_eff": lambda c: c["N_eff"],
    "N_massive": lambda c: c["N_eff"] - c["N_ur"],
    "w0_fld": lambda c: c["w0_fld"],
    "w0_plus_wa": lambda c: c["w0_fld"] + c["wa_fld"],
    # the only share of dark energy on which early fields depend
    "dark_energy_rec": lambda c: _dark_energy(c, Z_REC),
    "ln_dark_energy_z2": lambda c: float(np.log1p(_dark_energy(c, 2.0))),
    "ln_dark_energy_z10": lambda c: float(np.log1p(_dark_energy(c, 10.0))),
    "ln_dark_energy_z100": lambda c: float(np.log1p(_dark_energy(c, 100.0))),
    **DENSITIES,
}

# Parameters behind the inputs above. Every other sampled parameter is an input by its own name.
PARAMETERS = ("omega_b", "omega_cdm", "H0", "N_ur", "T_ncdm", "m_ncdm", "omega_ncdm", "w0_fld", "wa_fld")

# Inputs that a further parameter adds to those of FIELDS.
_MORE_EARLY = {"T_ncdm": ("N_massive",), "w0_fld": ("dark_energy_rec",), "wa_fld": ("dark_energy_rec",)}
_OF_DARK_ENERGY = (
    "w0_fld", "w0_plus_wa", "ln_dark_energy_z2", "ln_dark_energy_z10", "ln_dark_energy_z100")
_MORE_LATE = {"T_ncdm": ("N_massive",), "w0_fld": _OF_DARK_ENERGY, "wa_fld": _OF_DARK_ENERGY}


def inputs_of(values: Mapping[str, float], names: tuple[str, ...]) -> Array:
    """The inputs of a network, shape (len(names),), from a SourceRequest's `setup` and `cosmology` together."""
    return np.array([INPUTS[name](values) if name in INPUTS else values[name] for name in names])


@dataclass(frozen=True)
class Field:
    """Region and coordinates in which a piece is tabulated, and the inputs on which it depends.

    region: 'early' until photons may stream freely (Scales.tau_free_streaming), 'late' from then on. Late photon
    multipoles are in 'dark' until Scales.tau_dark_end, and in 'reionized' from then on. Both hold the photons of a
    universe that stays neutral, where CLASS does not approximate them as streaming (Scales.is_streaming).
    """

    piece: str
    region: Region
    time: str
    wavenumber: str
    inputs: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.region}.{self.piece}"

    def require_known(self, sampled: Collection[str]) -> None:
        """Raise ValueError if this version of the package cannot evaluate the field. sampled: parameters of the domain
        that the training varied, which may be inputs: a request without one of them is not covered."""
        for entry, value, known in (
            ("piece", self.piece, PIECES), ("region", self.region, REGIONS),
            ("time", self.time, TIME_COORDINATES), ("wavenumber", self.wavenumber, WAVENUMBER_COORDINATES),
            *(("input", name, (*INPUTS, *sampled)) for name in self.inputs),
        ):
            if value not in known:
                raise ValueError(f"field {self.name}: unknown {entry} {value!r}")


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


def fields_for(parameters: Collection[str]) -> tuple[Field, ...]:
    """FIELDS with the inputs that distinguish cosmologies with these parameters (names as in a recipe)."""
    return tuple(replace(f, inputs=_inputs_for(f, parameters)) for f in FIELDS)


def _inputs_for(field: Field, parameters: Collection[str]) -> tuple[str, ...]:
    more = _MORE_EARLY if field.region == "early" else _MORE_LATE
    # massless and relativistic massive neutrinos act alike: inputs are their sum and the massive ones' share
    own = ("N_eff" if name == "N_ur" and "T_ncdm" in parameters else name for name in field.inputs)
    added = (name for parameter in parameters for name in more.get(parameter, ()))
    # another parameter may act on any piece, at any time
    others = (parameter for parameter in parameters if parameter not in PARAMETERS)
    return tuple(dict.fromkeys((*own, *added, *others)))


# Beyond k tau = 45 photons count as streaming from this time on. They still scatter at tau/tau_rec = 1.3, where CLASS's
# default settings begin: without their multipoles there EE is off by 2.5e-4 (rms) at l of 1500 to 2300.
DEFAULT_BOUNDARIES = Boundaries(free_streaming=1.8, streaming=45.0)

_EARLY_DENSITIES = ("ln_baryons", "ln_matter", "N_eff", "YHe", "ln_T_cmb", "recombination", "ln_diffusion_length",
                    "ln_visibility_width", "neutrino_mass_z1090", "dark_energy_to_matter_rec")
GUARD_INPUTS = ("ln_baryons", "ln_matter", "N_eff", "YHe", "ln_T_cmb", "recombination", "massive_neutrinos",
                "neutrino_mass_z1090", "dark_energy_to_matter_rec")
"""Inputs that determine recombination."""

# matter counts massive neutrinos that are still relativistic
_EARLY_MATTER_DENSITIES = (*_EARLY_DENSITIES, "massive_neutrinos")
_LATE_DENSITIES = (*_EARLY_DENSITIES, "neutrino_mass_z300", "neutrino_mass_z50", "neutrino_mass_z8", "neutrino_mass_z0",
         "ln_dark_energy_to_matter_z100", "ln_dark_energy_to_matter_z10", "ln_dark_energy_to_matter_z2",
         "ln_dark_energy_to_matter_z0.5", "ln_dark_energy_to_matter_z0", "curvature_to_matter", "w0_fld", "w0_plus_wa",
         "fluid_equations", "massive_neutrinos")


def _of_densities(field: Field) -> Field:
    if field.region == "late" and field.piece == "isw":
        field = replace(field, piece="isw_beyond_growth")
    inputs: tuple[str, ...] = _LATE_DENSITIES
    if field.region == "early":
        inputs = _EARLY_MATTER_DENSITIES if field.piece == "matter" else _EARLY_DENSITIES
    time = "tau_over_tau_rec_wide" if field.region == "early" else field.time
    wavenumber = "ln_x_far" if field.wavenumber == "ln_x" else field.wavenumber
    return replace(field, time=time, wavenumber=wavenumber, inputs=inputs)


DENSITY_FIELDS: tuple[Field, ...] = tuple(_of_densities(field) for field in FIELDS)
"""FIELDS with densities as inputs: for any neutrinos, helium, dark energy, temperature and curvature."""
