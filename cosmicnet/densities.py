"""Inputs of networks that do not depend on the parametrization of a cosmology: ratios of densities at several times.

At fixed omega/T_cmb^3, temperatures, times and lengths around recombination scale with T_cmb. Densities are therefore
in units of the photon density. Neutrinos and dark energy are described by their share of the energy at several times,
curvature by its share today.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from .background import Background

__all__ = ["DENSITIES", "Z_REC", "dark_energy_to_matter", "for_domain", "massive_number"]

Values = Mapping[str, float]

# CLASS's default temperature of massive neutrinos, in units of T_cmb
T_NCDM = 0.71611

# Redshifts at which neutrinos and dark energy are sampled; recombination is one.
Z_REC = 1090.0
OF_NEUTRINOS = (0.0, 8.0, 50.0, 300.0, Z_REC)
OF_DARK_ENERGY = (0.0, 0.5, 2.0, 10.0, 100.0)


def _matter(c: Values) -> float:
    return c["omega_b"] + c["omega_cdm"]


def _ln_temperature(c: Values) -> float:
    return float(np.log(c["T_cmb"] / 2.7255))


def _ln_scaled(density: Callable[[Values], float], c: Values) -> float:
    return float(np.log(density(c))) - 3.0 * _ln_temperature(c)


def dark_energy_to_matter(z: float, today: float, w0: float, wa: float) -> float:
    """The ratio of their densities for w = w0 + wa (1 - a), where it is `today` at z = 0."""
    a = 1.0 / (1.0 + z)
    return float(today * (a ** (-3.0 * (w0 + wa)) * np.exp(-3.0 * wa * (1.0 - a))))


def _dark_energy(z: float, c: Values) -> float:
    """Density in units of baryons and cold dark matter."""
    background = Background.of(c)
    return dark_energy_to_matter(z, background.dark_energy / background.matter, background.w0, background.wa)


def _ln_dark_energy(z: float, c: Values) -> float:
    return float(np.log1p(_dark_energy(z, c)))


def _neutrino_mass(z: float, c: Values) -> float:
    """Density due to the masses of neutrinos, in units of baryons and cold dark matter."""
    a, background = np.array([1.0 / (1.0 + z)]), Background.of(c)
    return float((background.massive_energy(a) - background.massive_energy(0.0 * a))[0] / (background.matter * a[0]))


def for_domain(values: Values) -> dict[str, float]:
    """Quantities that bound a domain and do not depend on the order of species: the largest mass and the sum weighted
    by degeneracy (eV), the range of T_ncdm (CLASS's default without a species), dark energy at recombination."""
    ends = ["" if number == 1 else f"_{number}" for number in range(1, int(values["N_ncdm"]) + 1)]
    masses = [values["m_ncdm" if not end else f"m_ncdm_in_eV{end}"] for end in ends]
    temperatures = [values[f"T_ncdm{end}"] for end in ends] or [T_NCDM]
    # written so that NaN is kept
    return {
        "m_ncdm_largest": float(np.max(masses, initial=0.0)),
        "m_ncdm_sum": float(sum(mass * values[f"deg_ncdm{end}"] for mass, end in zip(masses, ends, strict=True))),
        "T_ncdm_smallest": float(np.min(temperatures)), "T_ncdm_largest": float(np.max(temperatures)),
        "dark_energy_to_matter_rec": _dark_energy(Z_REC, values),
    }


def massive_number(c: Values) -> float:
    """Contribution of the massive species to N_eff while they are relativistic."""
    background = Background.of(c)
    massless = 7.0 / 8.0 * (4.0 / 11.0) ** (4.0 / 3.0) * background.photons
    return float(background.massive_energy(np.zeros(1))[0] / massless)


DENSITIES: dict[str, Callable[[Values], float]] = {
    "ln_baryons": partial(_ln_scaled, lambda c: c["omega_b"]),
    "ln_matter": partial(_ln_scaled, _matter),
    "ln_T_cmb": _ln_temperature,
    "YHe": lambda c: c["YHe"],
    # results of recombination, in units of the sound horizon and of its conformal time
    "ln_diffusion_length": lambda c: float(np.log(c["diffusion_length_rec"] / c["sound_horizon_rec"])),
    "ln_visibility_width": lambda c: -float(np.log(c["visibility_max"] * c["tau_rec"])),
    # 1 for HyRec, 0 for RECFAST; 1 for the equations of a fluid, 0 for its PPF approximation or none
    "recombination": lambda c: c["recombination"],
    "fluid_equations": lambda c: c["has_fld"] * (1.0 - c["use_ppf"]),
    "massive_neutrinos": massive_number,
    **{f"neutrino_mass_z{z:g}": partial(_neutrino_mass, z) for z in OF_NEUTRINOS},
    **{f"ln_dark_energy_to_matter_z{z:g}": partial(_ln_dark_energy, z) for z in OF_DARK_ENERGY},
    "dark_energy_to_matter_rec": partial(_dark_energy, Z_REC),
    "curvature_to_matter": lambda c: c["Omega0_k"] * (c["H0"] / 100.0) ** 2 / _matter(c),
}
