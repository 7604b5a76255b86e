"""Which cosmologies are integrated: points of a box or an ellipsoid, without those that break a constraint.

With the design 'sobol' the points are a scrambled Sobol sequence: the first n of it are the same however many are
asked for, so that a larger training set contains the smaller, and any number of them fills the space more evenly than
chance would. (Latin hypercubes of several seeds beside each other would grow as well, but are even only one by one.)
"""
from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import chi, qmc

from cosmicnet.errors import CosmicnetError
from cosmicnet.region import Ellipsoid

from ..recipe.schema import Around, Recipe, Sampling
from .derived import within

__all__ = ["SamplingError", "ellipsoid_of", "in_ellipsoid", "points"]

Array = NDArray[np.float64]
Points = list[dict[str, float]]

# Where fewer points than this share of a box obey the constraints and the ellipsoid, something is wrong with them.
SMALLEST_SHARE = 1e-3
# Of correlations, as far as digits of a file go.
ASYMMETRY = 1e-5
# What CLASS derives takes 0.1 s a point: where none of so many first points obeys, no more are tried.
DERIVED_TRIED = 200


class SamplingError(CosmicnetError):
    """Constraints that leave nothing, or a chain or covariance that cannot be used; it begins with the entry of the
    recipe, from which located() has the line."""


def points(recipe: Recipe, number: int, folder: Path, cache: Path | None = None) -> Points:
    """The sampled parameters of `number` models; paths in the recipe are relative to `folder`. `cache`: a file for
    what CLASS derives of them.

    Raises SamplingError.
    """
    sampling, constraints = recipe.sampling, recipe.linear_constraints()
    ellipsoid = None if sampling.ellipsoid is None else ellipsoid_of(recipe, folder, sampling.ellipsoid.margin)
    drawn = number
    while True:
        kept = [p for p in _draw(sampling, ellipsoid, drawn) if all(c.holds(p) for c in constraints)]
        kept = _with_derived(kept, recipe, cache)
        if len(kept) >= number:
            return kept[:number]
        if drawn > number / SMALLEST_SHARE:
            limit = "constraints" if constraints else "sampling.ellipsoid" if ellipsoid else "sampling.derived"
            raise SamplingError(f"{limit}: of {drawn} points of the ranges only {len(kept)} obey "
                                f"{', '.join(recipe.constraints) or 'it'}")
        drawn = math.ceil(1.5 * drawn)


def _with_derived(candidates: Points, recipe: Recipe, cache: Path | None) -> Points:
    """Those whose derived quantities lie within their limits."""
    kept, limits = [], recipe.sampling.derived
    for some in (candidates[:DERIVED_TRIED], candidates[DERIVED_TRIED:]):
        inside = within(some, recipe.class_settings, limits, cache)
        kept += [p for p, is_inside in zip(some, inside, strict=True) if is_inside]
        if len(some) == DERIVED_TRIED and not kept:
            written = ", ".join(f"{name} = [{low:g}, {high:g}]" for name, (low, high) in limits.items())
            raise SamplingError(
                f"sampling.derived: none of the first {DERIVED_TRIED} points of the ranges has {written}")
    return kept


def ellipsoid_of(recipe: Recipe, folder: Path, margin: float = 1.0) -> Ellipsoid | None:
    """The ellipsoid of the recipe, `margin` times as large; None if it has none."""
    around = recipe.sampling.ellipsoid
    if around is None:
        return None
    names = tuple(recipe.sampling.ranges)
    if around.chain is not None:
        mean, covariance = _of_chain(folder / around.chain, names)
    else:
        mean, covariance = _of_file(folder / str(around.covariance), names, around)
    sigmas = np.sqrt(np.abs(np.diag(covariance)))
    if not np.all(np.abs(covariance - covariance.T) <= ASYMMETRY * np.outer(sigmas, sigmas)):
        raise SamplingError(f"sampling.ellipsoid: the covariance of {', '.join(names)} is not symmetric")
    if not np.all(np.linalg.eigvalsh(covariance) > 0):
        raise SamplingError(f"sampling.ellipsoid: the covariance of {', '.join(names)} is not positive definite")
    return Ellipsoid(names, mean, covariance, margin * around.sigmas)


def _draw(sampling: Sampling, ellipsoid: Ellipsoid | None, number: int) -> Points:
    names = list(sampling.ranges)
    low, high = np.array(list(sampling.ranges.values())).T
    unit = _unit_cube(sampling, len(names), number)
    if ellipsoid is None:
        rows = low + (high - low) * unit
    else:
        rows = in_ellipsoid(ellipsoid, unit)
        rows = rows[np.all((low <= rows) & (rows <= high), axis=1)]
    return [dict(zip(names, row.tolist(), strict=True)) for row in rows]


def _unit_cube(sampling: Sampling, dimensions: int, number: int) -> Array:
    if sampling.design == "latin":
        return np.asarray(qmc.LatinHypercube(dimensions, seed=sampling.seed).random(number))
    with warnings.catch_warnings():
        # it likes powers of two, which matter to integrals only
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(qmc.Sobol(dimensions, seed=sampling.seed).random(number))


def in_ellipsoid(ellipsoid: Ellipsoid, unit: Array) -> Array:
    """Points (n, d) of the unit cube to the ellipsoid, uniform as before, in the order of its names."""
    return np.asarray(ellipsoid.mean + ellipsoid.sigmas * _ball(unit) @ np.linalg.cholesky(ellipsoid.covariance).T)


def _ball(unit: Array) -> Array:
    """Points (n, d) of the unit cube to the unit ball, uniform as before and neighbours staying neighbours."""
    dimensions = unit.shape[1]
    normal = ndtri(np.clip(unit, 1e-12, 1.0 - 1e-12))
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.asarray(normal / length * chi(dimensions).cdf(length) ** (1.0 / dimensions))


def _of_chain(root: Path, names: tuple[str, ...]) -> tuple[Array, Array]:
    from getdist import loadMCSamples
    from getdist.chains import hasChainFiles

    # getdist looks for a root without a folder in the folder ''
    root = root.absolute()
    if not (root.parent.is_dir() and hasChainFiles(str(root))):
        raise SamplingError(f"sampling.ellipsoid.chain: there is no chain {root}.txt, {root}_1.txt or {root}.1.txt")
    try:
        samples = loadMCSamples(str(root), settings={"ignore_rows": 0.3})
    except Exception as error:  # getdist raises many kinds for files that are no chain
        raise SamplingError(f"sampling.ellipsoid.chain = {root}: cannot be read as a chain: {error}") from error
    known = samples.getParamNames().list()
    missing = [name for name in names if name not in known]
    if missing:
        raise SamplingError(f"sampling.ellipsoid.chain = {root}: has no {', '.join(missing)}; it has "
                            f"{', '.join(known)}")
    return np.asarray(samples.mean(list(names))), np.asarray(samples.cov(list(names)))


def _of_file(path: Path, names: tuple[str, ...], around: Around) -> tuple[Array, Array]:
    try:
        with path.open(encoding="utf-8") as file:
            known = file.readline().lstrip("#").split()
            matrix = np.loadtxt(file, ndmin=2)
    except OSError as error:
        raise SamplingError(f"sampling.ellipsoid.covariance: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SamplingError(f"sampling.ellipsoid.covariance: {path} is no matrix: {error}") from error
    missing = [name for name in names if name not in known or name not in around.mean]
    if missing:
        raise SamplingError(f"sampling.ellipsoid: no covariance or no mean of {', '.join(missing)}; {path} has "
                            f"{', '.join(known)}")
    if matrix.shape != (len(known), len(known)):
        raise SamplingError(f"sampling.ellipsoid.covariance: {path} names {len(known)} parameters, but its matrix is "
                            f"{' by '.join(map(str, matrix.shape))}")
    chosen = [known.index(name) for name in names]
    return np.array([around.mean[name] for name in names]), matrix[np.ix_(chosen, chosen)]
