"""Can CLASS compute the ranges of a recipe? Tried on corners, up to the thermodynamics, before hours are spent."""
from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cosmicnet.errors import CosmicnetError

from .config import Recipe
from .spectra import require_patched_classy

__all__ = ["RangeError", "corners", "require_feasible"]

# Corners of all parameters at once, besides those of one parameter each.
RANDOM_CORNERS = 16


class RangeError(CosmicnetError):
    """CLASS cannot compute a corner of the sampled ranges, or does not know a setting."""


def corners(recipe: Recipe) -> Iterator[tuple[str, dict[str, float]]]:
    """The middle, both ends of each range with the others in the middle, and some corners of all; each with words for
    it. Those that break a constraint are left out."""
    ranges, constraints = recipe.sampling.ranges, recipe.linear_constraints()
    middle = {name: 0.5 * (low + high) for name, (low, high) in ranges.items()}
    candidates = [("the middle of the ranges", middle)]
    candidates += [(f"sampling.ranges.{name} = {value:g}, the others in the middle", {**middle, name: value})
                   for name, ends in ranges.items() for value in ends]
    generator = np.random.default_rng(recipe.sampling.seed)
    for _ in range(RANDOM_CORNERS):
        corner = {name: ends[generator.integers(2)] for name, ends in ranges.items()}
        candidates.append((f"the corner {corner}", corner))
    for words, point in candidates:
        if all(constraint.holds(point) for constraint in constraints):
            yield words, point


def require_feasible(recipe: Recipe) -> None:
    """Raise RangeError with CLASS's own words for the first corner that it cannot compute.

    In an ellipsoid corners are not sampled, so that only the middle is tried.
    """
    require_patched_classy()
    for words, point in corners(recipe):
        if recipe.sampling.ellipsoid is None or words.startswith("the middle"):
            _try(recipe.class_settings, words, point)


def _try(settings: Mapping[str, str | int | float], words: str, point: Mapping[str, float]) -> None:
    from classy import Class, CosmoComputationError, CosmoSevereError

    cosmology = Class()
    try:
        cosmology.set({**settings, **point})
        cosmology.compute(["thermodynamics"])
    except (CosmoComputationError, CosmoSevereError) as error:
        raise RangeError(f"CLASS cannot compute {words}: {str(error).strip()}") from error
    finally:
        cosmology.struct_cleanup()
