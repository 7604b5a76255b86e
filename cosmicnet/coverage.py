"""Does a network set cover a request? Decided before anything is computed."""
from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from .class_parameters import CLASS_PARAMETERS
from .errors import NotCovered
from .manifest import Manifest
from .region import Ellipsoid, LinearConstraint
from .request import Request
from .running_class import RunningClass
from .store import NetworkSet

__all__ = [
    "outside_domain", "outside_ranges", "require_covered", "values_for_domain", "why_not_covered", "without_numbers",
]

NUMBER = re.compile(r"[-+]?\b\d[\d.]*(?:e[-+]?\d+)?|\bnan\b|\binf\b")

# Relative, of the ends of a domain.
ROUNDING = 1e-12

# Tables whose kind the shim in classy does not tell: densities and velocities of single species, and metric
# potentials, which CLASS makes for transfer functions and for number counts with redshift-space distortions or
# relativistic terms.
NAMELESS = "unnamed_"

# Settings agree if they are equal to this relative accuracy (they pass through text and units); numbers of the
# cosmology that were the same in all models may differ by more: that is no wrong spectrum.
SETTING_TOLERANCE, FIXED_TOLERANCE = 1e-8, 2e-4


def without_numbers(reason: str) -> str:
    """A reason of why_not_covered() by its kind: of two points it differs in numbers."""
    return NUMBER.sub("#", reason)


def require_covered(request: Request, networks: NetworkSet, running: RunningClass) -> None:
    """Raise NotCovered with all reasons if the networks do not cover the request of this CLASS."""
    reasons = list(why_not_covered(request, networks, running))
    if reasons:
        raise NotCovered(f"the networks '{networks.manifest.name}' do not cover this request: "
                         + "; ".join(reasons))


def why_not_covered(request: Request, networks: NetworkSet, running: RunningClass) -> Iterator[str]:
    """Yield one sentence per reason, each with the name, what was got and what is allowed."""
    yield from _other_class(running, networks.manifest)
    known = [*_wrong_settings(request, networks), *outside_domain(request, networks.manifest)]
    yield from known
    yield from _missing_sources(request, networks)
    if not known:
        yield from _other_physics(request, networks)
    yield from _outside_grids(request, networks)
    others = networks.emulator.for_companion(request)
    if networks.companion is not None and others is not None:
        name = networks.companion.manifest.name
        for reason in why_not_covered(others, networks.companion, running):
            yield f"for {' and '.join(others.tables)}, from the networks '{name}': {reason}"


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


def _wrong_settings(request: Request, networks: NetworkSet) -> Iterator[str]:
    manifest = networks.manifest
    for kind, trained, got in (("", manifest.setup, {**request.cosmology, **request.setup}),
                               ("precision parameter ", manifest.precision, request.precision)):
        for name, value in trained.items():
            if name not in got:
                yield f"there is no {kind}{name} here, but the networks were trained with {value:.10g}"
                continue
            parameter = CLASS_PARAMETERS.get(name)
            finest = parameter.finest if parameter else None
            if finest is not None and finest <= got[name] <= value:
                continue
            is_setting = name in request.setup or name in request.precision
            tolerance = SETTING_TOLERANCE if is_setting else FIXED_TOLERANCE
            # written so that NaN differs
            if not abs(got[name] - value) <= tolerance * abs(value):
                meaning = f" ({parameter.meaning})" if parameter and parameter.meaning else ""
                if finest is not None:
                    meaning = f" (down to {finest:g} is allowed)"
                yield f"{kind}{name} = {got[name]:.10g}, but the networks were trained with {value:.10g}{meaning}"


def _missing_sources(request: Request, networks: NetworkSet) -> Iterator[str]:
    given = networks.emulator.sources
    others = [name for name in request.tables if name not in given]
    if others:
        named = [name for name in others if not name.startswith(NAMELESS)]
        nameless = [f"{len(others) - len(named)} for mTk, vTk or number counts with rsd or gr"]
        missing = ", ".join(named + nameless * (len(named) < len(others)))
        yield (f"the output needs more source functions ({missing}) than the networks give "
               f"({', '.join(given)})")
    if request.initial_conditions != 1:
        yield f"{request.initial_conditions} initial conditions, but the networks give the adiabatic one only"


def outside_domain(request: Request, manifest: Manifest) -> Iterator[str]:
    """Yield one sentence for each range that the cosmology is outside of, and for the other bounds of the domain."""
    values = values_for_domain(request)
    for name in outside_ranges(request, manifest):
        low, high = manifest.domain[name]
        if name in values:
            yield f"{name} = {values[name]:.6g} is outside [{low:g}, {high:g}]"
        else:
            yield f"there is no {name} here, but the networks were trained with [{low:g}, {high:g}]"
    if manifest.domain.keys() <= values.keys():
        yield from _outside_region(values, manifest)


def outside_ranges(request: Request, manifest: Manifest) -> list[str]:
    """What the domain names and the request does not have, or has outside of the domain's range."""
    values = values_for_domain(request)
    # written so that NaN is outside; an end of a range is inside after CLASS has converted units
    return [name for name, (low, high) in manifest.domain.items()
            if not low - ROUNDING * abs(low) <= values.get(name, math.nan) <= high + ROUNDING * abs(high)]


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
    """What a domain may name: the numbers of a cosmology, settings that the training varied, the acoustic scale."""
    values = {**request.setup, **request.cosmology}
    if "angular_distance_rec" in values:
        values["100*theta_s"] = 100.0 * values["sound_horizon_rec"] / values["angular_distance_rec"]
    return values


def _other_physics(request: Request, networks: NetworkSet) -> Iterator[str]:
    """Compare derived quantities with what they are in the trained model: this catches whatever changes
    the background or the thermal history and is not among the settings."""
    manifest = networks.manifest
    values = values_for_domain(request)
    inputs = np.array([values[name] for name in manifest.derived_inputs])
    expected = networks.derived(inputs)
    different = []
    for (name, tolerance), value in zip(manifest.derived.items(), expected, strict=True):
        got = request.cosmology.get(name, math.nan)
        # where a quantity is an exact function of the parameters, the fit's error is rounding, which depends on
        # the compiler; written so that NaN is different
        if not abs(got / value - 1.0) <= max(tolerance, SETTING_TOLERANCE):
            different.append(f"{name} = {got:.8g}, but {value:.8g} (+-{tolerance:g} relative)")
    if different:
        yield (f"{', '.join(different)} is expected for these parameters: something changes the background or "
               f"the thermal history that the networks do not know")


def _outside_grids(request: Request, networks: NetworkSet) -> Iterator[str]:
    manifest = networks.manifest
    k_last = float(request.k[-1])
    # these are written so that NaN is outside
    if not k_last <= manifest.k_max:
        yield f"k up to {k_last:.4g}/Mpc is needed, but the networks reach {manifest.k_max:g}/Mpc"
    if "t0" in request.tables or "p" in request.tables:
        reach = float(request.k[request.k_size_cmb - 1]) * request.cosmology["sound_horizon_rec"]
        if not reach <= manifest.k_max_cmb_times_sound_horizon:
            yield (f"l_max needs k r_s(rec) up to {reach:.4g} in the CMB sources, but the networks reach "
                   f"{manifest.k_max_cmb_times_sound_horizon:g}")
    if not (np.all(request.k > 0) and np.all(np.isfinite(request.k))):
        yield "k has values that are not positive numbers"
        return
    yield from networks.emulator.why_out_of_reach(request, manifest.k_max)
