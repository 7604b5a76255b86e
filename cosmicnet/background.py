"""The expansion of the universe that a request's parameters imply, for a comparison with CLASS's.

Species are those that networks know: photons, baryons, cold dark matter, massless neutrinos, massive ones with a
Fermi-Dirac distribution, curvature, and dark energy, which closes the budget: a cosmological constant, or a fluid with
w = w0 + wa (1 - a). Anything else that changes the expansion shows as a difference.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Background"]

Array = NDArray[np.float64]

# Constants of nature in SI units, with CLASS's values.
LIGHT, NEWTON, BOLTZMANN, PLANCK = 2.99792458e8, 6.67428e-11, 1.3806504e-23, 6.62606896e-34
EV, MPC = 1.602176487e-19, 3.085677581282e22
# H0 = 100 km/s/Mpc, in 1/Mpc
HUNDRED = 1e5 / LIGHT

# Nodes of the integrals over momenta (in units of the temperature) and over each step in a; both are exact to 1e-8.
MOMENTA, LARGEST_MOMENTUM = 60, 36.0
NODES_PER_STEP = 3
# Scale factors before the first one, relative to it.
BEFORE = np.geomspace(1e-4, 0.9, 24)


def omega_photons(t_cmb: float) -> float:
    """Density of photons, in units of the critical one of h = 1."""
    sigma_b = 2.0 * np.pi**5 * BOLTZMANN**4 / (15.0 * PLANCK**3 * LIGHT**2)
    critical = 3.0 * (1e5 / MPC) ** 2 / (8.0 * np.pi * NEWTON) * LIGHT**2
    return float(4.0 * sigma_b / LIGHT * t_cmb**4 / critical)


@dataclass(frozen=True)
class Background:
    """Densities today in units of the critical one of h = 1: radiation is everything that scales as a^-4.

    massive: for each species, its density if it were massless, and its mass over its temperature today.
    """

    photons: float
    radiation: float
    baryons: float
    matter: float
    curvature: float
    dark_energy: float
    w0: float
    wa: float
    massive: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Background:
        """values: `setup` and `cosmology` of a SourceRequest together; KeyError where a number is missing."""
        h2 = (values["H0"] / 100.0) ** 2
        photons = omega_photons(values["T_cmb"])
        per_species = 7.0 / 8.0 * photons
        massless = values["N_ur"] * (4.0 / 11.0) ** (4.0 / 3.0) * per_species
        massive = tuple(_massive(values, number, per_species) for number in range(1, int(values["N_ncdm"]) + 1))
        matter, curvature = values["omega_b"] + values["omega_cdm"], values["Omega0_k"] * h2
        others = photons + massless + matter + curvature + sum(d * float(_energy(np.array([y]))[0]) for d, y in massive)
        return cls(photons, photons + massless, values["omega_b"], matter, curvature, h2 - others,
                   values["w0_fld"], values["wa_fld"], massive)

    def slope(self, a: Array) -> Array:
        """da/dtau = a^2 H in 1/Mpc."""
        total = self.radiation + self.matter * a + self.curvature * a**2 + self.massive_energy(a)
        dark = self.dark_energy * a ** (1.0 - 3.0 * (self.w0 + self.wa)) * np.exp(-3.0 * self.wa * (1.0 - a))
        return np.asarray(HUNDRED * np.sqrt(total + dark))

    def expansion(self, a: Array) -> tuple[Array, Array]:
        """a H in 1/Mpc, and its derivative by conformal time."""
        step = 1e-4
        later, earlier = (self.slope(a * np.exp(by)) / (a * np.exp(by)) for by in (step, -step))
        now = self.slope(a) / a
        return now, np.asarray(now * (later - earlier) / (2.0 * step))

    def potential_growth(self, history: Mapping[str, Array]) -> Array:
        """(D/a)' in 1/Mpc, to which potentials at late times are proportional; history: of a SourceRequest."""
        a = history["scale_factor"]
        return np.asarray((history["growth_velocity"] - history["growth_factor"] * self.slope(a) / a) / a)

    def massive_energy(self, a: Array) -> Array:
        """Density of all massive neutrinos times a^4."""
        total = np.zeros(np.shape(a))
        for density, mass in self.massive:
            total += density * _energy(mass * a)
        return total

    def sound_speed(self, a: Array) -> Array:
        return np.asarray(1.0 / np.sqrt(3.0 * (1.0 + 0.75 * self.baryons / self.photons * a)))

    def times(self, a: Array) -> tuple[Array, Array]:
        """Conformal time and comoving sound horizon (Mpc) at increasing scale factors, both from the big bang on."""
        edges = np.concatenate([[0.0], a[0] * BEFORE, a])
        tau, sound = (np.cumsum(steps)[BEFORE.size:] for steps in self._steps(edges))
        # as CLASS has it in curved space, to first order in the curvature
        return tau, sound * (1.0 + self.curvature * HUNDRED**2 * sound**2 / 6.0)

    def _steps(self, edges: Array) -> tuple[Array, Array]:
        """Conformal time and distance of sound from each scale factor to the next."""
        nodes, weights = np.polynomial.legendre.leggauss(NODES_PER_STEP)
        middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
        at = middle[:, None] + half[:, None] * nodes
        steps = half[:, None] * weights / self.slope(at)
        return steps.sum(axis=1), (steps * self.sound_speed(at)).sum(axis=1)

    def with_last_step(self, a: Array, duration: float) -> Background:
        """The same with dark energy rescaled to match the `duration` of the step between two scale factors.

        CLASS integrates the density of a fluid from early times, when it may be tiny, and its error there stays a
        factor of the density: up to 1e-2 where w was far below -1.
        """
        result, change = self, 1e-4
        for _ in range(3):
            error = float(result._steps(a)[0][0]) / duration - 1.0
            slope = float(replace(result, dark_energy=result.dark_energy * (1.0 + change))._steps(a)[0][0]) / duration
            result = replace(result, dark_energy=result.dark_energy
                             * (1.0 - change * error / (slope - 1.0 - error)))
        return result


def _massive(values: Mapping[str, float], number: int, per_species: float) -> tuple[float, float]:
    end = "" if number == 1 else f"_{number}"
    mass = values["m_ncdm" if number == 1 else f"m_ncdm_in_eV{end}"]
    temperature = values[f"T_ncdm{end}"]
    return (values[f"deg_ncdm{end}"] * temperature**4 * per_species,
            mass * EV / (BOLTZMANN * temperature * values["T_cmb"]))


@lru_cache(maxsize=1)
def _momenta() -> tuple[Array, Array]:
    """Squares of momenta and their weights in the energy of a Fermi-Dirac distribution, whose sum without mass is 1."""
    nodes, weights = np.polynomial.legendre.leggauss(MOMENTA)
    q = 0.5 * LARGEST_MOMENTUM * (nodes + 1.0)
    in_energy = weights * q**2 / (np.exp(q) + 1.0)
    return q**2, in_energy / np.sum(in_energy * q)


def _energy(mass: Array) -> Array:
    """Energy of massive neutrinos relative to that without mass; mass: in units of the temperature."""
    squares, weights = _momenta()
    return np.asarray(np.sqrt(squares + mass[..., None] ** 2) @ weights)
