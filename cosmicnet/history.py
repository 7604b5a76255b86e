"""Requests for source functions from the background and thermal history of any program, given as arrays.

Networks were trained with CLASS. They need the scale factor, the expansion rate and the scattering rate as functions of
conformal time, and the parameters of the cosmology by CLASS's names; the rest is computed here as CLASS does.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from .background import HUNDRED, Background
from .coordinates import angular_distance, curvature_of
from .densities import massive_number
from .errors import CosmicnetError

__all__ = ["GivenRequest", "History", "request_of"]

Array = NDArray[np.float64]

# The history must begin before these: the universe is opaque, and neutrinos are relativistic.
LATEST_START = 1e-5
# Scale factor at which CLASS starts its growth factor as D = 1, D' = 2 a'/a.
GROWTH_START = 1e-14
GROWTH_TOLERANCE = 1e-9

# Sources begin where the mean free path is this part of the Hubble radius, as in CLASS.
START_OF_SOURCES = 0.008
# Steps of time relative to the time scale of the visibility and of the expansion, half of CLASS's.
STEP = 0.05
# Reionisation begins later than this, and recombination is over by then.
NEUTRAL_Z = 60.0
# 1/(kappa' tau) from which on photons stream freely in CLASS.
FREE_STREAMING = 100.0

# Wavenumbers as CLASS samples them: k_min tau_0, k_max tau_0/l_max; steps below and above the acoustic scale in units
# of its wavenumber 2 pi/r_s, and the width of the transition; per decade beyond k of the CMB.
K_MIN_TAU_0, K_MAX_TAU_0_OVER_L_MAX = 0.1, 1.8
STEP_SUPER, STEP_SUB, TRANSITION, REDUCTION = 0.002, 0.05, 0.2, 0.1
PER_DECADE = 40.0
# Smallest k^2/K in closed space, just below that of its first mode.
CLOSED_K_MIN = 8.0 - 1e-4

# Species and effects that are switched off, and choices that only CLASS has, as in the training.
USUAL_SETUP = {
    **dict.fromkeys((
        "has_idm", "has_dcdm", "has_dr", "has_scf", "has_fld", "has_idr", "fluid_equation_of_state",
        "has_exotic_injection", "has_varconst", "has_idm_b", "has_idm_g", "has_idm_dr",
        "has_matter_source_in_current_gauge",
        "has_perturbed_recombination", "has_bi", "has_cdi", "has_nid", "has_niv", "store_perturbations",
        "k_output_values_num", "hierarchy", "recfast_photoion_mode", "Omega0_k", "recombination", "N_ncdm"), 0.0),
    **dict.fromkeys((
        "has_cdm", "has_ur", "has_ad", "gauge", "switch_sw", "switch_eisw", "switch_lisw", "switch_dop", "switch_pol",
        "three_ceff2_ur", "three_cvis2_ur", "use_ppf", "cs2_fld"), 1.0),
    "c_gamma_over_c_fld": 0.4,
}
USUAL_SPECIES = {"ksi_ncdm": 0.0, "ncdm_quadrature_strategy": 0.0, "ncdm_input_q_size": 150.0}
USUAL_COSMOLOGY = {"w0_fld": -1.0, "wa_fld": 0.0, "m_ncdm": 0.0}
# The source functions of spectra of the CMB and of matter.
TABLES = ("t0", "t1", "t2", "phi_plus_psi", "delta_m", "delta_cb")
NEEDED = ("H0", "omega_b", "omega_cdm", "N_ur", "T_cmb", "YHe")


@dataclass(frozen=True)
class History:
    """Background and thermal history of one cosmology.

    tau: conformal time (Mpc), increasing, from the time at which a < 1e-5 to today; scale_factor: 1 today; hubble:
    a'/a (1/Mpc), the derivative with respect to tau; scattering_rate: a n_e sigma_T (1/Mpc). The rows must resolve
    recombination (steps of 1 Mpc or less) and reionisation.
    """

    tau: Array
    scale_factor: Array
    hubble: Array
    scattering_rate: Array

    def __post_init__(self) -> None:
        for name in ("tau", "scale_factor", "hubble", "scattering_rate"):
            column = np.asarray(getattr(self, name), dtype=float)
            object.__setattr__(self, name, column)
            if column.ndim != 1 or column.shape != np.shape(self.tau):
                raise CosmicnetError(
                    f"{name}: has the shape {column.shape}, must have that of tau, {np.shape(self.tau)}")
            if not (np.all(np.isfinite(column)) and np.all(column > 0.0)):
                raise CosmicnetError(f"{name}: must be positive and finite at all times")
            if name in ("tau", "scale_factor") and not np.all(np.diff(column) > 0.0):
                raise CosmicnetError(f"{name}: must increase from row to row")
        if self.tau.size < 100:
            raise CosmicnetError(f"tau: {self.tau.size} rows do not resolve recombination")
        if self.scale_factor[0] > LATEST_START or abs(self.scale_factor[-1] - 1.0) > 1e-6:
            raise CosmicnetError(
                f"scale_factor: goes from {self.scale_factor[0]:.3g} to {self.scale_factor[-1]:.8g}, must begin at "
                f"{LATEST_START:g} or before and end at 1, today")

    @property
    def age(self) -> float:
        """Conformal age in Mpc."""
        return float(self.tau[-1])

    @cached_property
    def rate(self) -> CubicSpline:
        return CubicSpline(self.tau, self.scattering_rate)

    @cached_property
    def _transparency(self) -> CubicSpline:
        """The integral of the scattering rate from the first time on."""
        return self.rate.antiderivative()

    def exp_minus_kappa(self, tau: Array) -> Array:
        return np.asarray(np.exp(self._transparency(tau) - self._transparency(self.age)))

    def visibility(self, tau: Array) -> Array:
        return np.asarray(self.rate(tau) * self.exp_minus_kappa(tau))

    def visibility_prime(self, tau: Array) -> Array:
        return np.asarray((self.rate(tau, 1) + self.rate(tau) ** 2) * self.exp_minus_kappa(tau))

    @cached_property
    def _scale_factor(self) -> CubicSpline:
        return CubicSpline(self.tau, np.log(self.scale_factor))

    @cached_property
    def _hubble(self) -> CubicSpline:
        return CubicSpline(np.log(self.scale_factor), np.log(self.hubble))

    def at_redshift(self, z: float) -> float:
        """Conformal time (Mpc)."""
        return float(np.interp(-np.log1p(z), np.log(self.scale_factor), self.tau))

    @cached_property
    def tau_rec(self) -> float:
        """The largest visibility before reionisation."""
        early = self.tau[self.scale_factor < 1.0 / (1.0 + NEUTRAL_Z)]
        top = int(np.argmax(self.visibility(early)))
        if not 0 < top < early.size - 1:
            raise CosmicnetError("scattering_rate: the visibility has no maximum before z = 60, so there is no "
                                 "recombination")
        return float(brentq(self.visibility_prime, early[top - 1], early[top + 1], xtol=1e-10))

    def growth(self, matter: float, radiation: float) -> tuple[Array, Array]:
        """The growth factor of baryons and cold dark matter, and its derivative by ln a, at the rows; 1 at
        recombination.

        D'' + a'/a D' = 3/2 a^2 rho D. matter, radiation: densities (critical one of h = 1), massive neutrinos with
        the latter.
        """
        ln_a = np.log(self.scale_factor)

        def slope(x: float, y: Array) -> Array:
            source = 1.5 * matter * HUNDRED**2 * np.exp(-x - 2.0 * self._hubble(x))
            return np.array([y[1], source * y[0] - (1.0 + self._hubble(x, 1)) * y[1]])

        found = solve_ivp(slope, (ln_a[0], ln_a[-1]), _early_growth(self.scale_factor[0], radiation / matter), "DOP853",
                          t_eval=ln_a, rtol=GROWTH_TOLERANCE, atol=0.0)
        growth, by_ln_a = found.y
        at_rec = CubicSpline(self.tau, growth)(self.tau_rec)
        return growth / at_rec, by_ln_a / at_rec

    def columns(self, tau: Array, matter: float, radiation: float) -> dict[str, Array]:
        """The columns of a request's history at these times (Mpc)."""
        growth, by_ln_a = self.growth(matter, radiation)
        ln_a = self._scale_factor(tau)
        return {
            "scale_factor": np.exp(ln_a),
            "growth_factor": CubicSpline(self.tau, growth)(tau),
            "growth_velocity": CubicSpline(self.tau, by_ln_a * self.hubble)(tau),
            "scattering_rate": np.asarray(self.rate(tau)),
            "exp_minus_kappa": self.exp_minus_kappa(tau),
            "visibility": self.visibility(tau),
            "visibility_prime": self.visibility_prime(tau),
        }

    def diffusion_length(self, baryons_to_photons: float) -> float:
        """The comoving length (Mpc) over which photons have diffused by recombination."""
        momentum = 0.75 * baryons_to_photons * self.scale_factor
        rate = (16.0 / 15.0 + momentum**2 / (1.0 + momentum)) / (6.0 * (1.0 + momentum) * self.scattering_rate)
        return float(np.sqrt(CubicSpline(self.tau, rate).integrate(self.tau[0], self.tau_rec)))

    def times_of_sources(self) -> Array:
        """Conformal times (Mpc) that resolve visibility and expansion, from opaque times to today."""
        opaque = self.scattering_rate * START_OF_SOURCES > self.hubble
        first = float(self.tau[np.flatnonzero(opaque)[-1]]) if opaque.any() else float(self.tau[0])
        return _stepped(first, self.age, self.tau, STEP / self._rates())

    def _rates(self) -> Array:
        """Inverse time scales (1/Mpc) at the rows: of the visibility around its peaks, and of the late expansion."""
        visible = self.rate(self.tau, 1) / self.scattering_rate
        curved = np.sqrt(np.abs(self.rate(self.tau, 2)) / self.scattering_rate)
        return np.asarray(np.sqrt(self.scattering_rate**2 + visible**2 + curved**2 + self.hubble**2))


@dataclass
class GivenRequest:
    """A Request whose arrays come from elsewhere; see cosmicnet.request."""

    k: Array
    k_size_cmb: int
    tau: Array
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    history: dict[str, Array]
    initial_conditions: int = 1
    tables: dict[str, Array] = field(default_factory=dict)
    # as CLASS reads them; other programs have none
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def curvature(self) -> float:
        """K in 1/Mpc^2, positive in closed space."""
        return curvature_of({**self.setup, **self.cosmology})


def request_of(
    history: History, parameters: Mapping[str, float], *, l_max: int, k_max: float, tau: ArrayLike | None = None,
    background_tolerance: float = 1e-7,
) -> GivenRequest:
    """A request for the source functions of the CMB, lensing and matter.

    parameters: by CLASS's names H0, omega_b, omega_cdm, N_ur, T_cmb, YHe, and where they differ from a cosmological
    constant in flat space without massive neutrinos w0_fld, wa_fld, Omega0_k, N_ncdm and, of each species, m_ncdm
    (eV; of further ones m_ncdm_in_eV_2, ...), deg_ncdm and T_ncdm; recombination: 1 where hydrogen recombines as in
    HyRec, 0 as in RECFAST. l_max: of the spectra; k_max (1/Mpc): of sources of matter and of lensing; tau: times
    (Mpc), chosen here by default. background_tolerance: relative accuracy of the expansion in `history`.
    """
    values = {**USUAL_SETUP, **USUAL_COSMOLOGY, **_species(parameters), **parameters}
    missing = [name for name in NEEDED if name not in values]
    if missing:
        raise CosmicnetError(f"{missing[0]} is missing among the parameters; needed are {', '.join(NEEDED)}")
    wrong = [name for name, value in values.items() if not np.isfinite(value)]
    if wrong:
        raise CosmicnetError(f"{wrong[0]} = {values[wrong[0]]}: must be a number")
    implied = Background.of(values)
    massless = sum(density for density, _ in implied.massive)
    times = history.times_of_sources() if tau is None else np.array(tau, dtype=float)
    numbers = _numbers(history, values, implied)
    # the wavenumber that is seen under the same angle in flat space
    stretch = (history.age - numbers["tau_rec"]) / numbers["angular_distance_rec"]
    k_max_cmb = K_MAX_TAU_0_OVER_L_MAX * l_max / history.age * stretch
    k, size_cmb = wavenumbers(history.age, numbers["sound_horizon_rec"], k_max_cmb, k_max, float(values["H0"]),
                              curvature_of(values))
    of_setup = {name for name in values if name in USUAL_SETUP or "ncdm" in name or name == "T_cmb"} - {"m_ncdm"}
    return GivenRequest(
        k=k, k_size_cmb=size_cmb, tau=times,
        cosmology={**{name: values[name] for name in values if name not in of_setup}, **numbers},
        setup={name: float(values[name]) for name in of_setup},
        precision={"tol_ncdm_bg": 0.0, "tol_background_integration": background_tolerance},
        history=history.columns(times, implied.matter, implied.radiation + massless),
        tables={name: np.empty((times.size, k.size)) for name in TABLES})


def _species(parameters: Mapping[str, float]) -> dict[str, float]:
    """Settings of massive species that only CLASS has."""
    ends = ["" if number == 1 else f"_{number}" for number in range(1, int(parameters.get("N_ncdm", 0)) + 1)]
    files = {"ncdm_psd_from_file" if not end else f"got_files{end}": 0.0 for end in ends}
    return {**{f"{name}{end}": value for end in ends for name, value in USUAL_SPECIES.items()}, **files}


def _numbers(history: History, values: Mapping[str, float], implied: Background) -> dict[str, float]:
    """The numbers that CLASS reports of a cosmology beside its parameters."""
    tau_rec = history.tau_rec
    a_rec = float(np.exp(history._scale_factor(tau_rec)))
    sound = float(implied.times(np.array([a_rec]))[1][0])
    neutral = np.array(history.at_redshift(NEUTRAL_Z))
    streaming = 1.0 / (history.scattering_rate * history.tau) > FREE_STREAMING
    after = history.tau[streaming & (history.tau > tau_rec)]
    return {
        "N_eff": values["N_ur"] + massive_number(values), "conformal_age": history.age, "z_rec": 1.0 / a_rec - 1.0,
        "tau_rec": tau_rec, "sound_horizon_rec": sound,
        "angular_distance_rec": angular_distance(history.age - tau_rec, curvature_of(values)),
        "tau_free_streaming": float(after[0]) if after.size else history.age,
        "tau_reio": float(-np.log(history.exp_minus_kappa(neutral))),
        "visibility_max": float(history.visibility(np.array(tau_rec)) / history.exp_minus_kappa(neutral)),
        "diffusion_length_rec": history.diffusion_length(implied.baryons / implied.photons),
        "omega_ncdm": float(implied.massive_energy(np.ones(1))[0]),
    }


def wavenumbers(
    age: float, sound_horizon: float, k_max_cmb: float, k_max: float, H0: float, curvature: float
) -> tuple[Array, int]:
    """k (1/Mpc) to k_max, and how many of them reach k_max_cmb."""
    acoustic, hubble = 2.0 * np.pi / sound_horizon, H0 / 100.0 * HUNDRED
    # q^2 = k^2 + K, and in closed space q = 3 sqrt(K) at least
    k = [np.sqrt((K_MIN_TAU_0 / age) ** 2 - curvature) if curvature <= 0.0 else np.sqrt(CLOSED_K_MIN * curvature)]
    while k[-1] < k_max_cmb:
        below = 0.5 * (1.0 + np.tanh((k[-1] - acoustic) / acoustic / TRANSITION))
        scale = (k[-1] / hubble) ** 2
        step = (STEP_SUPER + below * (STEP_SUB - STEP_SUPER)) * acoustic
        k.append(k[-1] + step * (scale + 1.0) / (scale + 1.0 / REDUCTION))
    size_cmb = len(k)
    while k[-1] < k_max:
        k.append(k[-1] * 10.0 ** (1.0 / PER_DECADE))
    return np.array(k), size_cmb


def _early_growth(a: float, a_equal: float) -> Array:
    """D and its derivative by ln a of radiation and matter alone (Meszaros 1974), as CLASS starts it in the radiation
    era."""
    def modes(y: float) -> tuple[Array, Array]:
        root = np.sqrt(1.0 + y)
        log = np.log((root + 1.0) / (root - 1.0))
        growing, by_y = 1.0 + 1.5 * y, 1.5
        return (np.array([growing, growing * log - 3.0 * root]),
                np.array([by_y, by_y * log - growing / (y * root) - 1.5 / root]))

    values, slopes = modes(a / a_equal)
    weights = np.array([1.0 - 2.0 * np.log(GROWTH_START / a_equal) + 2.0 * (np.log(4.0) - 3.0), -2.0])
    return np.array([values @ weights, slopes @ weights * a / a_equal])


def _stepped(first: float, last: float, tau: Array, step: Array) -> Array:
    """Times whose distances are `step` at `tau`."""
    number = CubicSpline(tau, 1.0 / step).antiderivative()
    whole = int(np.ceil(number(last) - number(first)))
    inside = np.linspace(number(first), number(last), whole + 1)
    times = np.interp(inside, number(tau), tau)
    times[0], times[-1] = first, last
    return np.asarray(times)
