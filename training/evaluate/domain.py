"""Unseen cosmologies of a set's domain: throughout, at its corners, and on the edges of its constraints.

domain_of() gives the domain of any set, whatever kind of recipe made it.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coverage import outside_domain
from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid, LinearConstraint
from cosmicnet.request import at_request

from ..models.cosmologies import PhysicalRanges, SampledBox
from ..models.cosmologies import draw as draw_cosmologies
from ..models.sampling import SampledRegion, sample, unit_cube
from ..recipe.schema import COMPUTED, DERIVED_PARAMETERS, TAU_REIO

__all__ = ["PRIMORDIAL", "Draw", "SetDomain", "domain_bounds", "domain_of", "points_of_domain", "unseen_points"]

Array = NDArray[np.float64]

# The first cosmologies of one sequence, by their number and a seed; the same at every call.
Draw = Callable[[int, int], list[dict[str, Any]]]

PRIMORDIAL: Mapping[str, float] = {"A_s": 2.1e-9, "n_s": 0.966}
"""Sources do not depend on the primordial spectrum."""

# Settings of a recipe that an evaluation chooses itself.
OF_INTEGRATION = ("output", "lensing", "l_max_scalars", "P_k_max_1/Mpc", "P_k_max_h/Mpc", "reio_parametrization",
                  "perturbations_sampling_stepsize")

# The sum that a constraint limits, so that dark energy is negligible early.
EARLY_DARK_ENERGY = {"w0_fld": 1.0, "wa_fld": 1.0}
# Where the domain does not limit a sampled parameter itself, corners leave out this part of its range at each end.
MARGIN = 0.2
# Points to try for each one wanted: a domain may lack whole corners.
TRIED = 50


def domain_bounds(manifest: Manifest) -> dict[str, tuple[float, float]]:
    """The box around the domain, with tau_reio cut to TAU_REIO, without derived parameters."""
    bounds = {name: ends for name, ends in manifest.domain.items() if name not in DERIVED_PARAMETERS}
    if COMPUTED in bounds:
        low, high = bounds[COMPUTED]
        bounds[COMPUTED] = (max(low, TAU_REIO[0]), min(high, TAU_REIO[1]))
    if manifest.ellipsoid:
        ellipsoid = Ellipsoid.from_json(manifest.ellipsoid)
        half = ellipsoid.sigmas * np.sqrt(np.diag(ellipsoid.covariance))
        for name, middle, width in zip(ellipsoid.names, ellipsoid.mean, half, strict=True):
            low, high = bounds[name]
            bounds[name] = (max(low, float(middle - width)), min(high, float(middle + width)))
    return bounds


def _fixed_settings(manifest: Manifest) -> dict[str, Any]:
    """Settings of the recipe such as species, and a primordial spectrum."""
    settings = manifest.recipe.get("class_settings", {})
    return {**{name: value for name, value in settings.items() if name not in OF_INTEGRATION}, **PRIMORDIAL}


class SetDomain(Protocol):
    """Cosmologies of a set's domain.

    edges: by the text of a constraint, points where it is an equality; without edges that are among the corners.
    """

    def points(self, number: int, seed: int) -> list[dict[str, Any]]: ...
    def corners(self, number: int, seed: int) -> list[dict[str, Any]]: ...
    @property
    def edges(self) -> Mapping[str, Draw]: ...


def domain_of(manifest: Manifest) -> SetDomain:
    return _SampledDomain(manifest) if "levels" in manifest.recipe else _BoxedDomain(manifest)


def unseen_points(manifest: Manifest, number: int, seed: int) -> list[dict[str, Any]]:
    """The first `number` points of one sequence over the domain, all its parameters varied, the same at every call.

    CosmicnetError for a set without the settings of its models, or a domain without points.
    """
    return domain_of(manifest).points(number, seed)


@dataclass(frozen=True)
class _SampledDomain:
    """Drawn as the training models were: of a recipe of two levels. Edges of constraints are among its corners."""

    manifest: Manifest

    def points(self, number: int, seed: int) -> list[dict[str, Any]]:
        return [{**point, **PRIMORDIAL} for point in points_of_domain(self.manifest, number, seed, TAU_REIO)]

    def corners(self, number: int, seed: int) -> list[dict[str, Any]]:
        points = points_of_domain(self.manifest, number, seed, TAU_REIO, at_corners=True)
        return [{**point, **PRIMORDIAL} for point in points]

    @property
    def edges(self) -> Mapping[str, Draw]:
        return {}


@dataclass(frozen=True)
class _BoxedDomain:
    """A box or an ellipsoid with constraints: of a recipe of one level."""

    manifest: Manifest

    def points(self, number: int, seed: int) -> list[dict[str, Any]]:
        return _points(self.manifest, unit_cube("sobol", len(domain_bounds(self.manifest)), seed), number)

    def corners(self, number: int, seed: int) -> list[dict[str, Any]]:
        return _corner_points(self.manifest, number, seed)

    @property
    def edges(self) -> Mapping[str, Draw]:
        return {text: partial(_edge_points, self.manifest, LinearConstraint.parse(text))
                for text in self.manifest.constraints}


def points_of_domain(
    manifest: Manifest, number: int, seed: int, tau_reio: tuple[float, float], at_corners: bool = False
) -> list[dict[str, Any]]:
    """The first `number` cosmologies of one sequence that lie in the domain, the same at every call; fewer, if the
    domain is a small part of the sampled region.

    at_corners: each coordinate at one of its ends. tau_reio: range.
    """
    found: list[dict[str, Any]] = []
    optical_depths = np.random.default_rng(seed)
    for cosmology in islice(draw_cosmologies(_ranges(manifest, at_corners), seed, at_corners), TRIED * number):
        point = {**cosmology, "tau_reio": float(optical_depths.uniform(*tau_reio))}
        if _is_inside(point, manifest):
            found.append(point)
        if len(found) == number:
            break
    return found


def _is_inside(point: Mapping[str, Any], manifest: Manifest) -> bool:
    from classy import CosmoComputationError

    try:
        return bool(at_request({"output": "tCl", "l_max_scalars": 10, **point},
                               lambda request: not list(outside_domain(request, manifest))))
    except CosmoComputationError:
        return False


def _ranges(manifest: Manifest, at_corners: bool) -> PhysicalRanges | SampledBox:
    """The domain in terms of the sampled parameters; wider where it limits quantities that follow from them."""
    domain, sampled = manifest.domain, manifest.recipe["sampling"]
    if sampled.get("box"):
        box = SampledBox.model_validate(sampled["box"])
        ends = {name: domain[name] for name in box.ranges.keys() & domain.keys()}
        own = _inner if at_corners else dict
        return SampledBox(ranges=own(box.ranges) | ends, families=[own(family) for family in box.families])
    limits = [c.limit for c in map(LinearConstraint.parse, manifest.constraints) if c.coefficients == EARLY_DARK_ENERGY]
    return PhysicalRanges(
        **{name: domain[name] for name in ("omega_b", "omega_cdm", "H0", "YHe", "N_eff", "T_cmb", "w0_fld", "wa_fld")},
        theta_s_100=domain["100*theta_s"], Omega_k=domain["Omega0_k"], m_ncdm=domain["m_ncdm_largest"][1],
        sum_of_masses=domain["m_ncdm_sum"][1], w0_plus_wa=min(limits))


def _inner(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The middle of each range, for parameters that the domain limits only through quantities that follow from them."""
    def middle(low: float, high: float) -> tuple[float, float]:
        return low + MARGIN * (high - low), high - MARGIN * (high - low)

    return {name: middle(*entry) if isinstance(entry, tuple) else entry for name, entry in entries.items()}


def _corner_points(manifest: Manifest, number: int, seed: int) -> list[dict[str, Any]]:
    """Up to `number` corners of the domain, drawn at random. If it limits a derived parameter, such as the acoustic
    scale, which hardly any corner obeys, H0 lies anywhere in its range."""
    names = list(domain_bounds(manifest))
    free = ["H0"] if any(name in DERIVED_PARAMETERS for name in manifest.domain) and "H0" in names else []
    cube = unit_cube("sobol", len(names), seed)

    def draw(drawn: int) -> Array:
        unit = cube(drawn)
        corners = np.round(unit)
        for name in free:
            corners[:, names.index(name)] = unit[:, names.index(name)]
        return np.array(list(dict.fromkeys(map(tuple, corners.tolist()))))

    most = number if free else min(number, 2 ** (len(names) - 1))
    return _points(manifest, draw, most)


def _edge_points(manifest: Manifest, constraint: LinearConstraint, number: int, seed: int) -> list[dict[str, Any]]:
    """Points of the domain at which this one of its constraints is an equality: its last parameter is solved for."""
    bounds = domain_bounds(manifest)
    names, cube = list(bounds), unit_cube("sobol", len(bounds), seed)
    low, high = np.array(list(bounds.values())).T
    *others, solved = constraint.coefficients
    column = names.index(solved)

    def draw(drawn: int) -> Array:
        unit = cube(drawn)
        values = low + (high - low) * unit
        rest = sum((constraint.coefficients[name] * values[:, names.index(name)] for name in others), np.zeros(drawn))
        edge = (constraint.limit - rest) / constraint.coefficients[solved]
        unit[:, column] = (edge - low[column]) / (high - low)[column]
        return unit[(unit[:, column] >= 0.0) & (unit[:, column] <= 1.0)]

    return _points(manifest, draw, number)


def _points(manifest: Manifest, draw: Callable[[int], Array], number: int) -> list[dict[str, Any]]:
    """The first `number` of these points of the unit cube that lie in the domain."""
    if "class_settings" not in manifest.recipe:
        raise CosmicnetError(f"the manifest of the networks '{manifest.name}' lacks the recipe's class_settings")
    bounds, fixed = domain_bounds(manifest), _fixed_settings(manifest)
    region = SampledRegion(
        bounds, tuple(map(LinearConstraint.parse, manifest.constraints)),
        Ellipsoid.from_json(manifest.ellipsoid) if manifest.ellipsoid else None,
        {name: ends for name, ends in manifest.domain.items() if name in DERIVED_PARAMETERS}, fixed)
    return [{**point, **fixed} for point in sample(region, draw, number)]
