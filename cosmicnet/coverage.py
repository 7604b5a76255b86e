"""Does a network set cover a request? Decided before anything is computed."""
from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from .background import Background
from .class_parameters import CLASS_PARAMETERS
from .densities import for_domain
from .fields import inputs_of
from .manifest import Manifest
from .region import Ellipsoid, LinearConstraint
from .request import Request
from .running_class import RunningClass
from .store import NetworkSet

__all__ = [
    "Lasting", "finer_precision", "other_expansion", "outside_domain", "outside_ranges", "values_for_domain",
    "why_not_covered", "without_numbers",
]

NUMBER = re.compile(r"[-+]?\b\d[\d.]*(?:e[-+]?\d+)?|\bnan\b|\binf\b")

# Settings of one massive species; the first has no number.
OF_SPECIES = re.compile(r"(?:(?:deg|T|ksi)_ncdm|m_ncdm_in_eV|got_files|ncdm_\w+?)(?:_(?P<number>[2-9]))?$")

# Relative tolerance at the ends of a domain.
ROUNDING = 1e-12

# A request beyond the largest k of a set by more than this factor is not covered at any cosmology of the domain. (k of
# a given k_max in h/Mpc changes with H0, k of a given l_max with the acoustic scale.)
K_VARIES, L_VARIES = 2.0, 1.25

# Relative tolerance for settings, which pass through text and units; and a wider one for numbers of the cosmology that
# were the same in all models, where such differences do not matter to spectra.
SETTING_TOLERANCE, FIXED_TOLERANCE = 1e-8, 2e-4

# Newtonian and synchronous, as CLASS numbers them.
GAUGES = (0.0, 1.0)

# Relative tolerance for the conformal time between two times of a request, and for the sound horizon: CLASS's own
# accuracy for massive neutrinos, which is proportional to tol_ncdm_bg.
EXPANSION_TOLERANCE, PER_TOL_NCDM_BG = 1e-6, 0.1
# The error of a coarser background integration is at most this factor times its tolerance, up to the second number.
PER_TOL_BACKGROUND, COARSEST = 20.0, 2e-5
# Tolerance for the conformal age: splines through the rows of CLASS's fast background are off by up to 2e-8 close to
# today. Over this part of the age before today that is negligible.
TIME_TOLERANCE, LATE_PART = 3e-8, 0.02
# Tolerance for the density of a fluid, which CLASS integrates.
FLUID_TOLERANCE = 1e-2
# Derived quantities of a set's guard that are computed from the expansion; the set has fits of the others.
OF_EXPANSION = ("tau_rec", "sound_horizon_rec", "conformal_age")

# Differences that follow from another one: the cause, and the beginnings of the names of its consequences.
CONSEQUENCES = {
    "N_ncdm": ("deg_ncdm", "T_ncdm", "ksi_ncdm", "ncdm_", "got_files", "m_ncdm", "omega_ncdm", "N_ur", "delta_cb"),
    "has_fld": ("use_ppf", "c_gamma_over_c_fld", "cs2_fld", "fluid_equation_of_state", "w0_fld", "wa_fld"),
    "has_ur": ("N_ur", "three_"), "has_idm": ("has_idm_", "omega_cdm"), "has_dcdm": ("has_dr", "omega_cdm"),
}


class Lasting(str):
    """A reason that holds for every cosmology with the same settings and output."""


def without_numbers(reason: str) -> str:
    """The kind of a reason of why_not_covered(): its text without numbers."""
    return NUMBER.sub("#", reason)


def why_not_covered(request: Request, networks: NetworkSet, running: RunningClass | None) -> Iterator[str]:
    """Yield one sentence per reason, each with the name, the value and the covered values.

    running: the CLASS of the request; None for another program, whose equations and precision parameters are not
    CLASS's.
    """
    manifest, values = networks.manifest, values_for_domain(request)
    if running is not None:
        yield from map(Lasting, _other_class(running, manifest))
    settings = dict(_wrong_settings(request, manifest, has_precision=running is not None))
    ranges = outside_ranges(values, manifest)
    consequences = tuple(name for cause in settings for name in CONSEQUENCES.get(cause, ()))
    lasting = {name: Lasting(reason) for name, reason in settings.items()}
    known = [reason for name, reason in (lasting | ranges).items()
             if name in CONSEQUENCES or not name.startswith(consequences)]
    yield from known
    if not ranges:
        yield from _outside_region(values, manifest)
    yield from map(Lasting, _missing_sources(request, networks, consequences))
    if not known:
        yield from _other_physics(request, values, networks)
    yield from _outside_grids(request, networks)
    others = networks.emulator.for_companion(request)
    if networks.companion is not None and others is not None:
        name = networks.companion.manifest.name
        for reason in why_not_covered(others, networks.companion, running):
            yield type(reason)(f"for {' and '.join(others.tables)}, from the networks '{name}': {reason}")


def _other_class(running: RunningClass, trained: Manifest) -> Iterator[str]:
    if _release(running.version) != _release(trained.class_version):
        yield f"this is CLASS {running.version}, but the networks were trained with CLASS {trained.class_version}"
    elif running.source_digest != trained.source_digest:
        shown = ", ".join(running.changed_files[:3]) + ", ..." * (len(running.changed_files) > 3)
        yield (f"this CLASS has changes in {shown or 'no file'}, but the networks were trained with "
               f"{'the released one' if shown else 'a changed one'} or with other changes")


def _release(version: str) -> str:
    """The release of CLASS in a version as CLASS ('v3.4.1') or its package ('3.4.1.0+cosmicnet.1') writes it.

    The patch level (after +) is left out: it does not change what CLASS computes.
    """
    return re.sub(r"(\.0)+$", "", version.removeprefix("v").partition("+")[0])


def _wrong_settings(request: Request, manifest: Manifest, has_precision: bool) -> Iterator[tuple[str, str]]:
    """Names of settings and precision parameters with which the networks' sources would be wrong, and why."""
    got = {**request.cosmology, **request.setup}
    for name, value in manifest.setup.items():
        if got.get(name) == value:
            continue
        if _is_of_absent_species(name, request.setup) or (name == "gauge" and _is_gauge_invariant(request.setup)):
            continue
        if name == "has_ur" and "N_eff" in manifest.domain:
            # any split of N_eff: without massless neutrinos as with few of them
            continue
        tolerance = SETTING_TOLERANCE if name in request.setup else FIXED_TOLERANCE
        if not _agree(got.get(name, math.nan), value, tolerance):
            yield name, _other_value(name, got, value)
    for name, value in manifest.precision.items() if has_precision else ():
        if request.precision.get(name) == value:
            continue
        if _is_of_no_species(name, request.setup):
            continue
        if not _is_precise_enough(name, request.precision.get(name, math.nan), value):
            yield name, f"precision parameter {_other_value(name, request.precision, value)}"


def _is_of_absent_species(name: str, setup: Mapping[str, float]) -> bool:
    """Whether a setting is that of a massive species which the request does not have."""
    of_species = OF_SPECIES.match(name)
    return of_species is not None and int(of_species["number"] or 1) > setup["N_ncdm"]


def _is_gauge_invariant(setup: Mapping[str, float]) -> bool:
    """Whether the tables that networks fill are the same in both gauges (perturbations_sources())."""
    return setup.get("gauge") in GAUGES and setup.get("has_matter_source_in_current_gauge") == 0.0


def _other_value(name: str, got: Mapping[str, float], trained: float) -> str:
    if name not in got:
        return f"{name} is not there, but the networks were trained with {trained:.10g}"
    parameter = CLASS_PARAMETERS.get(name)
    meaning = f" ({parameter.meaning})" if parameter and parameter.meaning else ""
    return f"{name} = {got[name]:.10g}, but the networks were trained with {trained:.10g}{meaning}"


def _agree(got: float, value: float, tolerance: float) -> bool:
    """False for NaN."""
    return abs(got - value) <= tolerance * abs(value)


def _is_precise_enough(name: str, requested: float, trained: float) -> bool:
    """Whether networks of this precision are at least as precise as the request."""
    parameter = CLASS_PARAMETERS.get(name)
    if _agree(requested, trained, SETTING_TOLERANCE):
        return True
    if parameter is None or not parameter.finer:
        return False
    finest = trained if parameter.finest is None else parameter.finest
    return requested >= finest if parameter.finer == "smaller" else requested <= finest


def finer_precision(request: Request, manifest: Manifest) -> dict[str, float]:
    """Precision parameters of the networks that are finer than those of a request that they cover."""
    return {name: value for name, value in manifest.precision.items()
            if name in request.precision and not _agree(request.precision[name], value, SETTING_TOLERANCE)
            # the effect of the others is computed at run time, as requested
            and not _is_of_no_species(name, request.setup) and CLASS_PARAMETERS[name].finest is None}


def _is_of_no_species(name: str, setup: Mapping[str, float]) -> bool:
    """Whether a precision parameter is that of massive neutrinos which are not there."""
    return "ncdm" in name and setup.get("N_ncdm") == 0


def _missing_sources(request: Request, networks: NetworkSet, consequences: tuple[str, ...]) -> Iterator[str]:
    given = networks.emulator.sources
    others = [name for name in request.tables if name not in given and name not in consequences]
    if others:
        yield (f"the output needs more source functions ({', '.join(others)}) than the networks give "
               f"({', '.join(given)}); mTk, dTk and vTk are not covered")
    if request.initial_conditions != 1:
        yield f"{request.initial_conditions} initial conditions, but the networks give the adiabatic one only"


def outside_domain(request: Request, manifest: Manifest) -> Iterator[str]:
    """Yield one sentence for each range that the cosmology is outside of, and for the other bounds of the domain."""
    values = values_for_domain(request)
    yield from outside_ranges(values, manifest).values()
    if manifest.domain.keys() <= values.keys():
        yield from _outside_region(values, manifest)


def outside_ranges(values: Mapping[str, float], manifest: Manifest) -> dict[str, str]:
    """Entries of the domain that `values` lack or have outside of the domain's range, each with a sentence.

    values: of values_for_domain()."""
    found = {}
    for name, (low, high) in manifest.domain.items():
        # written so that NaN is outside; an end of a range is inside after CLASS has converted units
        if not low - ROUNDING * abs(low) <= values.get(name, math.nan) <= high + ROUNDING * abs(high):
            found[name] = (
                f"{name} = {values[name]:.6g} is outside [{low:g}, {high:g}]" if name in values else
                f"there is no {name} here, but the networks were trained with [{low:g}, {high:g}]")
    return found


def _outside_region(values: Mapping[str, float], manifest: Manifest) -> Iterator[str]:
    for constraint in map(LinearConstraint.parse, manifest.constraints):
        if not constraint.holds(values):
            got = ", ".join(f"{name} = {values[name]:.6g}" for name in constraint.coefficients)
            yield f"{got} does not obey {constraint.text}"
    if manifest.ellipsoid:
        ellipsoid = Ellipsoid.from_json(manifest.ellipsoid)
        if not ellipsoid.holds(values):
            yield (f"{', '.join(ellipsoid.names)} are {ellipsoid.distance(values):.3g} standard deviations from the "
                   f"middle of the domain, but the networks reach {ellipsoid.sigmas:g}")


def values_for_domain(request: Request) -> dict[str, float]:
    """Values for the domain: numbers of the cosmology, settings that the training varied, the acoustic scale."""
    values = {**request.setup, **request.cosmology}
    if "N_ncdm" in values:
        values |= for_domain(values)
    if "angular_distance_rec" in values:
        values["100*theta_s"] = 100.0 * values["sound_horizon_rec"] / values["angular_distance_rec"]
    return values


def _other_physics(request: Request, values: Mapping[str, float], networks: NetworkSet) -> Iterator[str]:
    """Find physics that is not among the settings but changes the background or the thermal history: compare CLASS's
    numbers with those that the parameters imply."""
    manifest = networks.manifest
    if not manifest.derived.keys().isdisjoint((*OF_EXPANSION, "z_rec")):
        yield from other_expansion(request)
    expected = networks.derived(inputs_of(values, tuple(manifest.derived_inputs)))
    different = []
    for (name, tolerance), value in zip(manifest.derived.items(), expected, strict=True):
        got = request.cosmology.get(name, math.nan)
        # if a quantity is an exact function of the parameters, the fit has rounding errors alone, which depend on
        # the compiler; written so that NaN is different
        if name not in OF_EXPANSION and not abs(got / value - 1.0) <= max(tolerance, SETTING_TOLERANCE):
            different.append(f"{name} = {got:.8g}, but {value:.8g} (+-{tolerance:g} relative)")
    if different:
        yield (f"{', '.join(different)} is expected for these parameters: something changes the thermal history that "
               f"the networks do not know")


def other_expansion(request: Request) -> Iterator[str]:
    """Yield a sentence if conformal times or the sound horizon are not those of the expansion that the parameters
    imply."""
    cosmology, a = request.cosmology, request.history["scale_factor"]
    tolerance = max(EXPANSION_TOLERANCE, PER_TOL_NCDM_BG * request.precision["tol_ncdm_bg"],
                    min(PER_TOL_BACKGROUND * request.precision.get("tol_background_integration", 0.0), COARSEST))
    implied = Background.of({**request.setup, **cosmology})
    if request.setup["has_fld"]:
        late = max(int(np.searchsorted(request.tau, (1.0 - LATE_PART) * request.tau[-1])) - 1, 0)
        closed = implied.with_last_step(a[[late, -1]], float(request.tau[-1] - request.tau[late]))
        # written so that NaN is kept
        if not abs(closed.dark_energy / implied.dark_energy - 1.0) > FLUID_TOLERANCE:
            implied = closed
    tau, _ = implied.times(a)
    tau_rec, sound_rec = (float(column[0]) for column in implied.times(np.array([1.0 / (1.0 + cosmology["z_rec"])])))
    differences = np.abs(np.diff(tau) - np.diff(request.tau))
    steps = np.maximum(differences - TIME_TOLERANCE * request.tau[-1], 0.0) / np.diff(request.tau)
    worst = int(np.argmax(np.where(np.isnan(steps), np.inf, steps)))
    errors = {
        f"conformal time from z = {1.0 / a[worst] - 1.0:.4g} to {1.0 / a[worst + 1] - 1.0:.4g}": steps[worst],
        "conformal time of the first sources": tau[0] / request.tau[0] - 1.0,
        "tau_rec": tau_rec / cosmology["tau_rec"] - 1.0,
        "sound_horizon_rec": sound_rec / cosmology["sound_horizon_rec"] - 1.0,
    }
    # written so that NaN is different
    different = [f"{name} differs by {abs(error):.1e}" for name, error in errors.items() if not abs(error) <= tolerance]
    if different:
        yield (f"{different[0]} (relative) from what the parameters imply: something that the networks do not know "
               f"acts on the expansion of the universe, such as Omega_Lambda beside a fluid")


def _outside_grids(request: Request, networks: NetworkSet) -> Iterator[str]:
    manifest = networks.manifest
    k_last = float(request.k[-1])
    # these are written so that NaN is outside
    if not k_last <= manifest.k_max:
        # CLASS's last wavenumber is up to one step beyond the requested k, and depends on the cosmology
        always = manifest.k_max / 10.0 ** (1.0 / request.precision.get("k_per_decade_for_pk", 10.0))
        kind = Lasting if k_last > K_VARIES * manifest.k_max else str
        yield kind(f"k up to {k_last:.4g}/Mpc is needed, but the networks reach {manifest.k_max:g}/Mpc "
                   f"(P_k_max_1/Mpc and nonlinear_min_k_max up to {always:.3g} are covered, which is "
                   f"{100.0 * always / request.cosmology['H0']:.3g} h/Mpc here)")
    if "t0" in request.tables or "p" in request.tables:
        reach, covered = _reach_of_cmb(request), manifest.k_max_cmb_times_sound_horizon
        if not reach <= covered:
            kind = Lasting if reach > L_VARIES * covered else str
            yield kind(f"l_max is too large: the CMB sources need k r_s(rec) up to {reach:.4g}, but the networks reach "
                       f"{covered:g}{_largest_l(request, covered)}")
    if not (np.all(request.k > 0) and np.all(np.isfinite(request.k))):
        yield "k has values that are not positive numbers"
        return
    yield from networks.emulator.why_out_of_reach(request, manifest.k_max)


def _reach_of_cmb(request: Request) -> float:
    return float(request.k[request.k_size_cmb - 1]) * request.cosmology["sound_horizon_rec"]


def _largest_l(request: Request, covered: float) -> str:
    """In words, the largest l for which sources up to this k r_s(rec) are enough (perturbations_get_k_list()).

    CLASS's k is proportional to l over the comoving distance of recombination."""
    precision, cosmology = request.precision, request.cosmology
    if "angular_distance_rec" not in cosmology or "k_max_tau0_over_l_max" not in precision:
        return ""
    age, distance = cosmology["conformal_age"], cosmology["angular_distance_rec"]
    # the last k is up to one step beyond the one that is needed
    k = (covered - 2.0 * math.pi * precision["k_step_sub"]) / cosmology["sound_horizon_rec"]
    largest = k * age * distance / (age - cosmology["tau_rec"]) / precision["k_max_tau0_over_l_max"]
    return (f" (at this cosmology l_max_scalars, with lensing l_max_scalars + delta_l_max, up to "
            f"{math.floor(largest)} is covered)")
