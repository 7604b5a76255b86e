"""Unseen cosmologies of a set's domain: throughout, at its corners, and on the edges of its constraints.

domain_of() gives the domain of any set, whatever kind of recipe made it.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid, LinearConstraint

from ..models.sampling import SampledRegion, sample, unit_cube
from ..recipe.schema import COMPUTED, DERIVED, TAU_REIO
from ..two_levels.unseen_cosmologies import is_of_levels, points_of_domain

__all__ = ["PRIMORDIAL", "Draw", "SetDomain", "domain_bounds", "domain_of", "unseen_points"]

Array = NDArray[np.float64]

# The first cosmologies of one sequence, by their number and a seed; the same at every call.
Draw = Callable[[int, int], list[dict[str, Any]]]

PRIMORDIAL: Mapping[str, float] = {"A_s": 2.1e-9, "n_s": 0.966}
"""Sources do not depend on the primordial spectrum."""

# Settings of a recipe that an evaluation chooses itself.
OF_INTEGRATION = ("output", "lensing", "l_max_scalars", "P_k_max_1/Mpc", "P_k_max_h/Mpc", "reio_parametrization",
                  "perturbations_sampling_stepsize")


def domain_bounds(manifest: Manifest) -> dict[str, tuple[float, float]]:
    """The box around the domain, with tau_reio cut to TAU_REIO, without derived parameters."""
    bounds = {name: ends for name, ends in manifest.domain.items() if name not in DERIVED}
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
    return _SampledDomain(manifest) if is_of_levels(manifest) else _BoxedDomain(manifest)


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


def _corner_points(manifest: Manifest, number: int, seed: int) -> list[dict[str, Any]]:
    """Up to `number` corners of the domain, drawn at random. If it limits a derived parameter, such as the acoustic
    scale, which hardly any corner obeys, H0 lies anywhere in its range."""
    names = list(domain_bounds(manifest))
    free = ["H0"] if any(name in DERIVED for name in manifest.domain) and "H0" in names else []
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
        {name: ends for name, ends in manifest.domain.items() if name in DERIVED}, fixed)
    return [{**point, **fixed} for point in sample(region, draw, number)]
