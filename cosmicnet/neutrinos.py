"""Massive neutrinos as sums over species, so that their number, order and spelling do not matter.

A species of mass m and temperature T_ncdm (in units of T_cmb) has the energy of massless ones times
relative_energy(m a/T). One mass, three equal ones, either hierarchy and none at all are points of one space.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Neutrinos", "Species", "relative_energy"]

Array = NDArray[np.float64]

# Boltzmann's constant in eV/K, and T_ncdm of neutrinos that decouple at once.
EV_PER_KELVIN = 8.617333262e-5
T_INSTANTANEOUS = (4.0 / 11.0) ** (1.0 / 3.0)
# omega of photons at 2.7255 K, and the density of one massless species in units of it.
OMEGA_PHOTONS = 2.4729793e-5
NEUTRINO_TO_PHOTON = 7.0 / 8.0 * (4.0 / 11.0) ** (4.0 / 3.0)

# Momenta in units of the temperature, with the weights of q^2/(e^q + 1): Gauss-Laguerre, good to 1e-8.
_MOMENTA, _LAGUERRE = np.polynomial.laguerre.laggauss(60)
_WEIGHTS = _LAGUERRE * _MOMENTA**2 / (1.0 + np.exp(-_MOMENTA))


def relative_energy(mass_over_temperature: Array) -> Array:
    """Energy density of a species in units of that of massless ones, for m a/T of any shape."""
    energies = np.sqrt(_MOMENTA**2 + np.asarray(mass_over_temperature)[..., None] ** 2)
    return np.asarray(energies @ _WEIGHTS / (_MOMENTA @ _WEIGHTS))


@dataclass(frozen=True)
class Species:
    """mass in eV; degeneracy; temperature today in units of that of photons."""

    mass: float
    degeneracy: float
    temperature: float

    @property
    def number(self) -> float:
        """The contribution to N_eff while it is relativistic."""
        return self.degeneracy * (self.temperature / T_INSTANTANEOUS) ** 4


@dataclass(frozen=True)
class Neutrinos:
    """All massive species, T_cmb in K, and the density of baryons and cold dark matter, omega."""

    species: tuple[Species, ...]
    t_cmb: float
    omega_matter: float

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Neutrinos:
        """Of a SourceRequest's `setup` and `cosmology` together."""
        names = [("m_ncdm", "deg_ncdm", "T_ncdm")]
        names += [(f"m_ncdm_in_eV_{n}", f"deg_ncdm_{n}", f"T_ncdm_{n}") for n in range(2, int(values["N_ncdm"]) + 1)]
        species = tuple(Species(*(values[name] for name in of_one)) for of_one in names[:int(values["N_ncdm"])])
        return cls(species, values["T_cmb"], values["omega_b"] + values["omega_cdm"])

    @property
    def number(self) -> float:
        """The contribution to N_eff while all are relativistic."""
        return sum(s.number for s in self.species)

    def energy(self, scale_factor: Array) -> Array:
        """Density times a^4 in units of one massless species."""
        total = np.zeros(np.shape(scale_factor))
        for s in self.species:
            total += s.number * relative_energy(s.mass / (EV_PER_KELVIN * s.temperature * self.t_cmb) * scale_factor)
        return total

    def over_matter(self, scale_factor: Array) -> Array:
        """Density in units of that of baryons and cold dark matter."""
        massless = NEUTRINO_TO_PHOTON * OMEGA_PHOTONS * (self.t_cmb / 2.7255) ** 4 / self.omega_matter
        return massless * self.energy(scale_factor) / scale_factor

    def excess_over_matter(self, z: float) -> float:
        """What the masses add to the density, in units of that of baryons and cold dark matter."""
        a = np.array(1.0 / (1.0 + z))
        return float(self.over_matter(a) * (1.0 - self.number / self.energy(a))) if self.species else 0.0

    def mean_energy(self, z: float) -> float:
        """Energy of a neutrino in units of that of a massless one; 1 without massive species."""
        return float(self.energy(np.array(1.0 / (1.0 + z))) / self.number) if self.species else 1.0
