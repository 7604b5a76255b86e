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
from scipy.interpolate import CubicSpline

__all__ = ["Background"]

Array = NDArray[np.float64]

# Constants of nature in SI units, with CLASS's values.
LIGHT, NEWTON, BOLTZMANN, PLANCK = 2.99792458e8, 6.67428e-11, 1.3806504e-23, 6.62606896e-34
EV, MPC = 1.602176487e-19, 3.085677581282e22
# H0 = 100 km/s/Mpc, in 1/Mpc
HUNDRED = 1e5 / LIGHT

# The numbers of a request, beside those of massive species, that the expansion depends on.
OF_BACKGROUND = ("H0", "T_cmb", "N_ur", "omega_b", "omega_cdm", "Omega0_k", "w0_fld", "wa_fld")

# Nodes of the integrals over momenta (in units of the temperature) and over each step in a; both are exact to 1e-8.
MOMENTA, LARGEST_MOMENTUM = 60, 36.0
NODES_PER_STEP = 3
STEP_NODES, STEP_WEIGHTS = np.polynomial.legendre.leggauss(NODES_PER_STEP)
# The energy of massive neutrinos is tabulated in steps of the inverse hyperbolic sine of the mass, up to a mass beyond
# which it is proportional to the mass.
MASS_STEP, LARGEST_MASS = 0.01, 1e7
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
        species = tuple(_species(values, number) for number in range(1, int(values["N_ncdm"]) + 1))
        return _background(*(values[name] for name in OF_BACKGROUND), species)

    def slope(self, a: Array) -> Array:
        """da/dtau = a^2 H in 1/Mpc."""
        total = self.radiation + self.matter * a + self.curvature * a**2 + self.massive_energy(a)
        dark: Array = self.dark_energy * (a * a) ** 2
        if self.w0 != -1.0 or self.wa != 0.0:
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
        middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
        at = middle[:, None] + half[:, None] * STEP_NODES
        steps = half[:, None] * STEP_WEIGHTS / self.slope(at)
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


def _species(values: Mapping[str, float], number: int) -> tuple[float, float, float]:
    """Degeneracy, temperature in units of T_cmb, and mass (eV) of one massive species."""
    end = "" if number == 1 else f"_{number}"
    mass = values["m_ncdm" if number == 1 else f"m_ncdm_in_eV{end}"]
    return values[f"deg_ncdm{end}"], values[f"T_ncdm{end}"], mass


@lru_cache(maxsize=8)
def _background(
    hubble: float, t_cmb: float, n_ur: float, omega_b: float, omega_cdm: float, omega_k: float, w0: float, wa: float,
    species: tuple[tuple[float, float, float], ...],
) -> Background:
    """Background.of() from the numbers OF_BACKGROUND; many inputs of networks use the same one."""
    h2 = (hubble / 100.0) ** 2
    photons = omega_photons(t_cmb)
    per_species = 7.0 / 8.0 * photons
    massless = n_ur * (4.0 / 11.0) ** (4.0 / 3.0) * per_species
    massive = tuple((degeneracy * temperature**4 * per_species, mass * EV / (BOLTZMANN * temperature * t_cmb))
                    for degeneracy, temperature, mass in species)
    matter, curvature = omega_b + omega_cdm, omega_k * h2
    others = photons + massless + matter + curvature + sum(d * float(_energy(np.array([y]))[0]) for d, y in massive)
    return Background(photons, photons + massless, omega_b, matter, curvature, h2 - others, w0, wa, massive)


@lru_cache(maxsize=1)
def _energy_table() -> CubicSpline:
    """The energy of a Fermi-Dirac distribution over sqrt(1 + mass^2), by the inverse hyperbolic sine of the mass."""
    nodes, weights = np.polynomial.legendre.leggauss(MOMENTA)
    q = 0.5 * LARGEST_MOMENTUM * (nodes + 1.0)
    in_energy = weights * q**2 / (np.exp(q) + 1.0)
    x = np.arange(0.0, np.arcsinh(LARGEST_MASS) + MASS_STEP, MASS_STEP)
    energy = np.sqrt(q**2 + np.sinh(x[:, None]) ** 2) @ (in_energy / np.sum(in_energy * q))
    return CubicSpline(x, energy / np.cosh(x), bc_type=((1, 0.0), "not-a-knot"))


def _energy(mass: Array) -> Array:
    """Energy of massive neutrinos relative to that without mass; mass: in units of the temperature."""
    table = _energy_table()
    return np.asarray(table(np.minimum(np.arcsinh(mass), table.x[-1])) * np.sqrt(1.0 + mass**2))
