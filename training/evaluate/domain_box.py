"""Unseen cosmologies of the domain of a network set, whatever its parameters are."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid, LinearConstraint

from ..models.sampling import SampledRegion, sample, unit_cube
from ..recipe.schema import COMPUTED, DERIVED, TAU_REIO

__all__ = ["PRIMORDIAL", "domain_bounds", "fixed_settings", "unseen_points"]

PRIMORDIAL: Mapping[str, float] = {"A_s": 2.1e-9, "n_s": 0.966}
"""The primordial spectrum is applied after the sources."""

# Settings for the integration of models, which an evaluation chooses itself.
OF_INTEGRATION = ("output", "lensing", "l_max_scalars", "P_k_max_1/Mpc", "P_k_max_h/Mpc", "reio_parametrization",
                  "perturbations_sampling_stepsize")


def domain_bounds(manifest: Manifest) -> dict[str, tuple[float, float]]:
    """The box around the domain, tau_reio cut to TAU_REIO, without what CLASS derives."""
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


def fixed_settings(manifest: Manifest) -> dict[str, Any]:
    """Species and the like, as in the recipe of the set, and a primordial spectrum."""
    settings = manifest.recipe.get("class_settings", {})
    return {**{name: value for name, value in settings.items() if name not in OF_INTEGRATION}, **PRIMORDIAL}


def unseen_points(manifest: Manifest, number: int, seed: int) -> list[dict[str, Any]]:
    """The first `number` points of one sequence over the domain, all its parameters varied, the same at every call.

    Raises CosmicnetError for a set without the settings of its models, or a domain without points.
    """
    if "class_settings" not in manifest.recipe:
        raise CosmicnetError(f"the networks '{manifest.name}' do not say by which settings of CLASS they were trained")
    bounds, fixed = domain_bounds(manifest), fixed_settings(manifest)
    region = SampledRegion(
        bounds, tuple(map(LinearConstraint.parse, manifest.constraints)),
        Ellipsoid.from_json(manifest.ellipsoid) if manifest.ellipsoid else None,
        {name: ends for name, ends in manifest.domain.items() if name in DERIVED}, fixed)
    return [{**point, **fixed} for point in sample(region, unit_cube("sobol", len(bounds), seed), number)]
