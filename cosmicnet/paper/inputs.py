"""The inputs of Table 1 of the paper, from CLASS's numbers before the perturbations.

Equation numbers are those of CosmicNet I. Lengths and times are comoving Mpc unless the name has another unit.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from ..coordinates import SPEED_OF_LIGHT

__all__ = ["COSMOLOGY", "SCALES", "TIMES", "Inputs", "Waves", "physical_inputs"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

COSMOLOGY = ("omega_b", "omega_cdm", "H0", "tau_reio")
SCALES = ("r_s_rec", "d_s_rec", "r_a_rec", "d_a_rec", "r_d_rec")

# By source, without the inputs that section 2.2.2 leaves out.
TIMES: dict[str, tuple[str, ...]] = {
    "t0": ("g", "g_prime", "exp_minus_kappa", "log10_tau_rec", "log10_tau_reio", "log10_tau"),
    "t1": ("exp_minus_kappa", "log10_tau_rec", "log10_tau_reio", "log10_tau"),
    "t2": ("g", "log10_tau_rec", "log10_tau_reio", "log10_tau"),
}

# omega of photons for T_cmb = 1 K: 4 sigma_B/c^3 T^4 over the critical density of h = 1.
OMEGA_PHOTONS_PER_KELVIN4 = 4.48130e-7

# Time and width of the transition of S_T2's inputs to free streaming (eq. 2.11c).
SWITCH_OVER_TAU_REC = 4.0
SWITCH_WIDTH_MPC = 100.0
# tanh is within single precision of its limits beyond this many widths
SWITCH_REACH = 9.0

# Where the damping envelope is smaller, it is taken as zero.
DAMPED = 1e-8

# The largest values of the spherical Bessel functions j_1 and j_2.
PEAK_J1, PEAK_J2 = 0.43618173, 0.30679189
# Below this argument the closed forms lose digits, and four terms of the series are exact to single precision.
SERIES_BELOW = 0.8

# Points between the big bang and the first time, for the beginning of the damping integral.
OPAQUE_POINTS = 65


@dataclass(frozen=True)
class Inputs:
    """The inputs of one cosmology, not rescaled.

    times: name as in TIMES to its value at each tau, shape (tau.size,). cosmology, scales: in the order of COSMOLOGY
    and SCALES. tau, sound_horizon, damping (1/k_D^2, Mpc^2): shape (tau.size,).
    """

    times: dict[str, Array]
    cosmology: Array
    scales: Array
    tau_rec: float
    tau: Array
    sound_horizon: Array
    damping: Array

    def at(self, rows: slice) -> Inputs:
        """The inputs at some of the times."""
        return replace(self, times={name: values[rows] for name, values in self.times.items()}, tau=self.tau[rows],
                       sound_horizon=self.sound_horizon[rows], damping=self.damping[rows])


def physical_inputs(
    cosmology: Mapping[str, float], t_cmb: float, tau: Array, history: Mapping[str, Array]
) -> Inputs:
    """Everything that does not depend on k; arguments as in a SourceRequest, t_cmb in K."""
    tau_rec, a_rec = cosmology["tau_rec"], 1.0 / (1.0 + cosmology["z_rec"])
    damping = _damping(cosmology, t_cmb, tau, history)
    tau_reio = float(np.interp(-np.log1p(cosmology["z_reio"]), np.log(history["scale_factor"]), tau))
    ones = np.ones_like(tau)
    times = {
        "g": history["visibility"], "g_prime": history["visibility_prime"],
        "exp_minus_kappa": history["exp_minus_kappa"], "log10_tau_rec": np.log10(tau_rec) * ones,
        "log10_tau_reio": np.log10(tau_reio) * ones, "log10_tau": np.log10(tau),
    }
    r_s, r_a = cosmology["sound_horizon_rec"], cosmology["angular_distance_rec"]
    r_d = 2.0 * np.pi * float(np.sqrt(np.interp(tau_rec, tau, damping)))
    return Inputs(times, np.array([cosmology[name] for name in COSMOLOGY]),
                  np.array([r_s, r_s * a_rec, r_a, r_a * a_rec, r_d]), tau_rec, tau,
                  history["sound_horizon"], damping)


@dataclass(frozen=True)
class Waves:
    """The inputs of one cosmology that depend on k (1/Mpc); what several networks take is computed once.

    Time is the last axis: whatever is the same for all times then acts on whole rows of memory.
    """

    inputs: Inputs
    k: Array

    @cached_property
    def damping(self) -> Single:
        """exp(-k^2/k_D^2), shape (undamped, 1, tau.size), at the first wavenumbers; at the others it is damped at all
        times."""
        # the integral of the damping grows with time
        undamped = int(np.searchsorted(self.k**2 * self.inputs.damping[0], -np.log(DAMPED)))
        exponent = _outer(-(self.k[:undamped] ** 2), self.inputs.damping)
        return np.asarray(np.exp(exponent, out=exponent)[:, None])

    def oscillations(self, source: str) -> Single:
        """cos_in and sin_in of a source (eq. 2.11 for t2), shape (k.size, 2, tau.size)."""
        return self._streaming if source == "t2" else self._acoustic

    @cached_property
    def _acoustic(self) -> Single:
        phase = _outer(self.k, self.inputs.sound_horizon)
        result = np.empty((self.k.size, 2, self.inputs.tau.size), dtype=np.float32)
        np.cos(phase, out=result[:, 0])
        np.sin(phase, out=result[:, 1])
        return result

    @cached_property
    def _streaming(self) -> Single:
        """Sound waves, and after the switch the Bessel functions of free streaming."""
        tau, tau_rec = self.inputs.tau, self.inputs.tau_rec
        switch, reach = SWITCH_OVER_TAU_REC * tau_rec, SWITCH_REACH * SWITCH_WIDTH_MPC
        first, last = np.searchsorted(tau, [max(switch - reach, tau_rec), switch + reach], side="right")
        if first == tau.size:
            return self._acoustic
        late = (0.5 * (np.tanh((tau - switch) / SWITCH_WIDTH_MPC) + 1.0)).astype(np.float32)
        acoustic, result = self._acoustic, np.empty((self.k.size, 2, tau.size), dtype=np.float32)
        bessel = _bessel_1_2(_outer(self.k, tau[first:] - tau_rec))
        for channel, (j, peak) in enumerate(zip(bessel, (PEAK_J1, PEAK_J2), strict=True)):
            np.multiply(j, late[first:] / np.float32(peak), out=result[:, channel, first:])
        result[:, :, :first] = acoustic[:, :, :first]
        result[:, :, first:last] += (np.float32(1.0) - late[first:last]) * acoustic[:, :, first:last]
        return result


def _outer(k: Array, lengths: Array) -> Single:
    """All products, rounded to single precision at the end."""
    result = np.empty((k.size, lengths.size), dtype=np.float32)
    return np.asarray(np.multiply(k[:, None], lengths, out=result, casting="same_kind"))


def _bessel_1_2(x: Single) -> tuple[Single, Single]:
    """Spherical Bessel functions j_1 and j_2 of x >= 0."""
    y = np.maximum(x, np.float32(SERIES_BELOW))
    inverse, sine_over_y = np.reciprocal(y), np.sin(y)
    sine_over_y *= inverse
    j1 = np.cos(y, out=y)
    np.subtract(sine_over_y, j1, out=j1)
    j1 *= inverse
    # 3/y j_1 - sin(y)/y, in the memory of 1/y
    j2 = np.multiply(inverse, np.float32(3.0), out=inverse)
    j2 *= j1
    j2 -= sine_over_y
    small = x < np.float32(SERIES_BELOW)
    z = x[small]
    z2 = z**2
    j1[small] = z / 3.0 * (1.0 - z2 / 10.0 * (1.0 - z2 / 28.0 * (1.0 - z2 / 54.0)))
    j2[small] = z2 / 15.0 * (1.0 - z2 / 14.0 * (1.0 - z2 / 36.0 * (1.0 - z2 / 66.0)))
    return j1, j2


def _damping(cosmology: Mapping[str, float], t_cmb: float, tau: Array, history: Mapping[str, Array]) -> Array:
    """1/k_D^2 (eq. 2.7) in Mpc^2 at each tau.

    Before the first tau everything is ionized, so kappa' is proportional to a^-2, and there are only matter and
    radiation, so a is a quadratic function of tau.
    """
    baryons_over_photons = 0.75 * cosmology["omega_b"] / (OMEGA_PHOTONS_PER_KELVIN4 * t_cmb**4)

    def integrand(a: Array, scattering_rate: Array) -> Array:
        r = baryons_over_photons * a
        return np.asarray((r**2 + 16.0 / 15.0 * (1.0 + r)) / (6.0 * scattering_rate * (1.0 + r) ** 2))

    a, rate = history["scale_factor"], history["scattering_rate"]
    quadratic = 0.25 * (cosmology["omega_b"] + cosmology["omega_cdm"]) * (100.0 / SPEED_OF_LIGHT) ** 2
    linear = a[0] / tau[0] - quadratic * tau[0]
    before = np.linspace(0.0, tau[0], OPAQUE_POINTS)[1:]
    a_before = linear * before + quadratic * before**2
    first = float(trapezoid(np.concatenate([[0.0], integrand(a_before, rate[0] * (a[0] / a_before) ** 2)]),
                            np.concatenate([[0.0], before])))
    f = integrand(a, rate)
    return first + np.concatenate([[0.0], np.cumsum(0.5 * (f[1:] + f[:-1]) * np.diff(tau))])
