"""Cosmologies drawn from a box in CLASS's parameters, or in physical coordinates.

A box is too simple where neutrinos, dark energy and curvature all vary: the parameters differ with the number of
massive neutrinos, a limit on the acoustic scale removes most of a range of H0, and most requests lie near LCDM. So in
physical coordinates each number of a scrambled Sobol sequence becomes a physical quantity through the inverse of its
distribution, and these become the parameters of CLASS. One of them is the acoustic scale: H0 follows from it by
formulas that are good to half a per cent.
"""
from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator
from scipy.stats import qmc

from ..recipe.schema import require_ordered, require_possible, setting
from ..recipe.toml import Strict
from ..work.numbers import MASS_SPLITTINGS

__all__ = ["Cosmology", "PhysicalRanges", "SampledBox", "draw"]

Array = NDArray[np.float64]
Cosmology = dict[str, Any]
Number = Annotated[float, Field(strict=True)]
Interval = tuple[Number, Number]
# A list is an interval, all else a value for CLASS.
IntervalOrSetting = Interval | Annotated[str | int | float, BeforeValidator(setting)]

# T_ncdm for CLASS's default number density, and for instantaneous decoupling.
T_CLASS, T_INSTANTANEOUS = 0.71611, (4.0 / 11.0) ** (1.0 / 3.0)
# One standard neutrino's share of today's N_eff, in CLASS's convention.
N_EFF = 3.044
# omega of photons at 1 K^4, h^2
OMEGA_PHOTON = 2.4728e-5 / 2.7255**4
NEUTRINO_TO_PHOTON = 7.0 / 8.0 * (4.0 / 11.0) ** (4.0 / 3.0)


# The largest coordinate; those of a Sobol sequence are below one.
LARGEST = 1.0 - 1e-9
# Amplitude of the cosine that moves coordinates to the edges; 0.5 would hardly reach them.
BEYOND = 0.6


class PhysicalRanges(Strict):
    """Sampled ranges, a few per cent wider than the domain of the networks; masses in eV, temperatures in K.

    theta_s_100: 100*theta_s. m_ncdm, sum_of_masses (degeneracies counted) and w0_plus_wa are upper limits.
    """

    omega_b: Interval
    omega_cdm: Interval
    theta_s_100: Interval
    H0: Interval
    Omega_k: Interval
    YHe: Interval
    N_eff: Interval
    T_cmb: Interval
    m_ncdm: Number
    sum_of_masses: Number
    w0_fld: Interval
    wa_fld: Interval
    w0_plus_wa: Number

    @model_validator(mode="after")
    def _ordered(self) -> PhysicalRanges:
        require_ordered(dict(self))
        require_possible(dict(self))
        return self


class SampledBox(Strict):
    """ranges: CLASS parameter to the interval that is sampled. families: further ranges and settings;
    cosmologies take the families in rotation."""

    ranges: dict[str, Interval]
    families: Annotated[list[dict[str, IntervalOrSetting]], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> SampledBox:
        tables: list[dict[str, Any]] = [{**self.ranges}, *self.families]
        for entries in tables:
            require_ordered(entries)
            require_possible(entries)
        return self

    def point(self, number: int, u: _Coordinates) -> Cosmology:
        entries = {**self.ranges, **self.families[number % len(self.families)]}
        return {name: u.uniform(entry) if isinstance(entry, tuple) else entry for name, entry in entries.items()}


def draw(
    ranges: PhysicalRanges | SampledBox, seed: int, at_corners: bool = False,
    edges_from: int | None = None
) -> Iterator[Cosmology]:
    """Parameters of CLASS for one cosmology after the other, without end; the same for the same seed.

    at_corners: all coordinates at their ends. edges_from: the number of the first cosmology that has a third of its
    coordinates at their ends, and most others near them.
    """
    with warnings.catch_warnings():
        # SciPy warns unless the number is a power of two, which matters for integrals only
        warnings.simplefilter("ignore", UserWarning)
        sequence = qmc.Sobol(_Coordinates.NUMBER, seed=seed)
        number = 0
        while True:
            for row in sequence.random(64):
                if at_corners:
                    row = np.clip(np.round(row), 0.0, LARGEST)
                elif edges_from is not None and number >= edges_from:
                    row = np.clip(0.5 - BEYOND * np.cos(np.pi * row), 0.0, LARGEST)
                u = _Coordinates(row.tolist())
                parameters = ranges.point(number, u) if isinstance(ranges, SampledBox) else _cosmology(ranges, u)
                if parameters is not None:
                    number += 1
                    yield parameters


class _Coordinates:
    """The numbers of one point, in [0, 1), taken one after the other."""

    NUMBER = 24

    def __init__(self, values: list[float]) -> None:
        self._values = iter(values)

    def next(self) -> float:
        return next(self._values)

    def uniform(self, ends: tuple[float, float]) -> float:
        return ends[0] + (ends[1] - ends[0]) * self.next()

    def choice(self, *options: tuple[float, Any]) -> Any:
        """One of the options (share, value)."""
        position = self.next()
        for share, value in options:
            position -= share
            if position < 0.0:
                return value
        return options[-1][1]


def _cosmology(ranges: PhysicalRanges, u: _Coordinates) -> Cosmology | None:
    """None where the point lies outside: no H0 of the domain has its acoustic scale, or masses are too large."""
    omega_b, omega_cdm = u.uniform(ranges.omega_b), u.uniform(ranges.omega_cdm)
    theta_s = u.uniform(ranges.theta_s_100) / 100.0
    t_cmb = u.choice((0.4, 2.7255), (0.6, None))
    t_cmb = u.uniform(ranges.T_cmb) if t_cmb is None else _skipped(u, t_cmb)
    n_eff = _denser_around(N_EFF, ranges.N_eff, u.next(), 1.4)
    neutrinos = _neutrinos(ranges, n_eff, u)
    helium = _helium(ranges, omega_b, n_eff, u)
    fluid = _dark_energy(ranges, u)
    omega_k = u.choice((0.35, 0.0), (0.65, None))
    omega_k = _denser_around(0.0, ranges.Omega_k, u.next(), 1.5) if omega_k is None \
        else _skipped(u, omega_k)
    recombination = u.choice((0.8, "HyRec"), (0.2, "RECFAST"))
    if neutrinos is None or fluid is None:
        return None
    universe = _Universe(omega_b, omega_cdm, t_cmb, n_eff, neutrinos, fluid, omega_k)
    h0 = universe.h0_of(theta_s, ranges.H0)
    if h0 is None:
        return None
    return {"omega_b": omega_b, "omega_cdm": omega_cdm, "H0": h0, "T_cmb": t_cmb, "YHe": helium,
            "Omega_k": omega_k, "recombination": recombination, **neutrinos, **fluid}


def _skipped(u: _Coordinates, value: Any) -> Any:
    """The value, with one coordinate used up, so that all others keep their meaning."""
    u.next()
    return value


def _denser_around(middle: float, ends: tuple[float, float], u: float, power: float) -> float:
    """From end to end, half of the points on either side of the middle and more of them near it."""
    side = ends[1] - middle if u > 0.5 else middle - ends[0]
    return middle + math.copysign(abs(2.0 * u - 1.0) ** power, u - 0.5) * side


def _neutrinos(ranges: PhysicalRanges, n_eff: float, u: _Coordinates) -> Cosmology | None:
    """Cosmology of all neutrinos; None where the sum of the masses is too large.

    CLASS takes no negative N_ur: where massive species alone would exceed N_eff, they are colder.
    """
    # models without massive neutrinos cost a third of the others, and teach most of the physics common to all
    degeneracies = u.choice((0.6, ()), (0.12, (1,)), (0.04, (2,)), (0.12, (3,)), (0.03, (1, 1)), (0.02, (2, 1)),
                            (0.015, (1, 2)), (0.055, (1, 1, 1)))
    hierarchy = u.choice((0.5, None), (0.3, "normal"), (0.2, "inverted"))
    raw = [u.next() for _ in range(3)]
    temperature = u.choice((0.6, T_CLASS), (0.15, T_INSTANTANEOUS), (0.25, None))
    share = 0.25 + 0.75 * u.next()
    if not degeneracies:
        return {"N_ur": n_eff}
    number = sum(degeneracies)
    masses = _masses(ranges, degeneracies, hierarchy, raw)
    if sum(d * m for d, m in zip(degeneracies, masses, strict=True)) > ranges.sum_of_masses:
        return None
    if temperature is None or number * _n_eff_of(temperature) > n_eff:
        temperature = T_INSTANTANEOUS * min(n_eff * share / number, 1.1) ** 0.25
    return {"N_ncdm": len(degeneracies), "m_ncdm": _list(masses), "deg_ncdm": _list(degeneracies),
            "T_ncdm": _list([temperature] * len(degeneracies)), "N_ur": n_eff - number * _n_eff_of(temperature)}


def _masses(
    ranges: PhysicalRanges, degeneracies: tuple[int, ...], hierarchy: str | None, raw: list[float]
) -> list[float]:
    if degeneracies == (1, 1, 1) and hierarchy:
        lightest, solar, atmospheric = 0.32 * raw[0] ** 2.5, *MASS_SPLITTINGS
        squares = (0.0, solar, atmospheric) if hierarchy == "normal" else (0.0, atmospheric - solar, atmospheric)
        return [math.sqrt(lightest**2 + square) for square in squares]
    return [ranges.m_ncdm * r**2.2 for r in raw[:len(degeneracies)]]


def _n_eff_of(temperature: float) -> float:
    return float((temperature / T_INSTANTANEOUS) ** 4)


def _list(numbers: Any) -> str:
    return ",".join(f"{number:.10g}" for number in numbers)


def _helium(ranges: PhysicalRanges, omega_b: float, n_eff: float, u: _Coordinates) -> float:
    """Half of them near big-bang nucleosynthesis (a fit of its tables), half anywhere."""
    more = n_eff - N_EFF
    nucleosynthesis = 0.2311 + 0.9502 * omega_b - 11.27 * omega_b**2 + more * (0.01356 + 0.0086 * omega_b) \
        - 0.0009 * more**2
    is_near = u.choice((0.5, True), (0.5, False))
    position = u.next()
    if is_near:
        return nucleosynthesis + 0.006 * (2.0 * position - 1.0)
    return float(ranges.YHe[0] + (ranges.YHe[1] - ranges.YHe[0]) * position)


def _dark_energy(ranges: PhysicalRanges, u: _Coordinates) -> Cosmology | None:
    """A cosmological constant, a fluid near today's posteriors, or a fluid anywhere in the domain; None if dark energy
    is not negligible early."""
    kind = u.choice((0.3, "constant"), (0.35, "near"), (0.35, "anywhere"))
    first, second, is_exact = u.next(), u.next(), u.next() < 0.15
    if kind == "constant":
        return {}
    if kind == "near":
        w0, wa = -1.5 + 1.4 * first, -2.4 + 3.2 * second
    else:
        w0 = ranges.w0_fld[0] + (ranges.w0_fld[1] - ranges.w0_fld[0]) * first
        wa = ranges.wa_fld[0] + (ranges.wa_fld[1] - ranges.wa_fld[0]) * second
    if w0 + wa > ranges.w0_plus_wa:
        return None
    crosses = (1.0 + w0) * (1.0 + w0 + wa) <= 0.0
    return {"Omega_Lambda": 0, "fluid_equation_of_state": "CLP", "w0_fld": w0, "wa_fld": wa,
            "use_ppf": "no" if is_exact and not crosses else "yes"}


class _Universe:
    """Acoustic scales of cosmologies that differ in H0 alone."""

    def __init__(self, omega_b: float, omega_cdm: float, t_cmb: float, n_eff: float, neutrinos: Cosmology,
                 fluid: Cosmology, omega_k: float) -> None:
        self._omega_b, self._omega_cdm, self._omega_k = omega_b, omega_cdm, omega_k
        self._photons = OMEGA_PHOTON * t_cmb**4
        self._t_cmb, self._n_eff = t_cmb, n_eff
        self._neutrinos, self._fluid = neutrinos, fluid

    def h0_of(self, theta_s: float, ends: tuple[float, float]) -> float | None:
        """The smallest H0 with this acoustic scale; None if every such universe lacks dark energy."""
        h0 = np.linspace(*ends, 64)
        theta = np.array([self._theta_s(value / 100.0) for value in h0]) - theta_s
        crossings = np.flatnonzero(theta[:-1] * theta[1:] <= 0.0)
        if not crossings.size:
            return None
        first = int(crossings[0])
        return float(h0[first] - theta[first] * (h0[first + 1] - h0[first]) / (theta[first + 1] - theta[first]))

    def _theta_s(self, h: float) -> float:
        """NaN without dark energy, which no comparison passes."""
        omega_m = self._omega_b + self._omega_cdm
        omega_fld = h * h * (1.0 - self._omega_k) - omega_m - self._radiation(np.ones(1))[0]
        if omega_fld < 0.01 * h * h:
            return math.nan
        # Hu & Sugiyama 1996
        g1 = 0.0783 * self._omega_b**-0.238 / (1.0 + 39.5 * self._omega_b**0.763)
        g2 = 0.560 / (1.0 + 21.1 * self._omega_b**1.81)
        z_rec = 1048.0 * (1.0 + 0.00124 * self._omega_b**-0.738) * (1.0 + g1 * omega_m**g2)
        a = np.concatenate([np.geomspace(1e-8, 1.0 / (1.0 + z_rec), 400), np.geomspace(1.0 / (1.0 + z_rec), 1.0, 400)])
        rate = np.sqrt(self._radiation(a) + omega_m * a + self._omega_k * h * h * a**2
                       + omega_fld * self._dark_energy(a) * a**4)
        # 2997.92 Mpc/h is the speed of light over 100 km/s/Mpc
        step = 2997.92458 * a / rate
        sound = step / np.sqrt(3.0 * (1.0 + 0.75 * self._omega_b / self._photons * a))
        ln_a = np.log(a)
        horizon = np.trapezoid(sound[:400], ln_a[:400]) + sound[0]
        distance = np.trapezoid(step[400:], ln_a[400:])
        curvature = math.sqrt(abs(self._omega_k)) * h / 2997.92458
        if self._omega_k > 0.0:
            distance = math.sinh(curvature * distance) / curvature
        elif self._omega_k < 0.0:
            distance = math.sin(curvature * distance) / curvature
        return float(horizon / distance)

    def _radiation(self, a: Array) -> Array:
        """omega a^4 of photons and all neutrinos."""
        total = np.full(a.shape, self._photons * (1.0 + NEUTRINO_TO_PHOTON * float(self._neutrinos["N_ur"])))
        if "N_ncdm" not in self._neutrinos:
            return total
        columns = (map(float, self._neutrinos[name].split(",")) for name in ("m_ncdm", "deg_ncdm", "T_ncdm"))
        for mass, degeneracy, temperature in zip(*columns, strict=True):
            # mass over momentum; an interpolation between the relativistic and the non-relativistic limit
            ratio = 0.3173 * mass / (8.617333e-5 * temperature * self._t_cmb) * a
            relativistic = self._photons * NEUTRINO_TO_PHOTON * degeneracy * _n_eff_of(temperature)
            total += relativistic * (1.0 + ratio**1.83) ** (1.0 / 1.83)
        return total

    def _dark_energy(self, a: Array) -> Array:
        w0, wa = float(self._fluid.get("w0_fld", -1.0)), float(self._fluid.get("wa_fld", 0.0))
        return np.asarray(a ** (-3.0 * (1.0 + w0 + wa)) * np.exp(-3.0 * wa * (1.0 - a)))
