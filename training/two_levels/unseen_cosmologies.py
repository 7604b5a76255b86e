"""Cosmologies of the domain of a set of two levels that training never saw, and the settings of their truth."""
from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from cosmicnet.coverage import outside_domain
from cosmicnet.manifest import Manifest
from cosmicnet.region import LinearConstraint
from cosmicnet.request import at_request

from .cosmologies import PhysicalRanges, SampledBox, draw

__all__ = ["is_of_levels", "points_of_domain"]

# The sum that a constraint limits, so that dark energy is negligible early.
EARLY_DARK_ENERGY = {"w0_fld": 1.0, "wa_fld": 1.0}
# Where the domain does not limit a sampled parameter itself, corners leave out this part of its range at each end.
MARGIN = 0.2
# Points to try for each one wanted: a domain may lack whole corners.
TRIED = 50


def is_of_levels(manifest: Manifest) -> bool:
    """Whether a set was trained at two levels of fidelity."""
    return "levels" in manifest.recipe


def points_of_domain(
    manifest: Manifest, number: int, seed: int, tau_reio: tuple[float, float], at_corners: bool = False
) -> list[dict[str, Any]]:
    """The first `number` cosmologies of one sequence that lie in the domain, the same at every call; fewer, if the
    domain is a small part of the sampled region.

    at_corners: each coordinate at one of its ends. tau_reio: range.
    """
    found: list[dict[str, Any]] = []
    optical_depths = np.random.default_rng(seed)
    for cosmology in islice(draw(_ranges(manifest, at_corners), seed, at_corners), TRIED * number):
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
