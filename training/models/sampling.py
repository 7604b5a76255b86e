"""Sampling of cosmologies: points of a box or an ellipsoid that obey the constraints.

The first n points of the design 'sobol', a scrambled Sobol sequence, are the same however many are drawn: a larger
training set contains the smaller. Any number of them fills the space more evenly than chance would.

A domain in H0 and dark energy alone would reach to acoustic scales that are ruled out (100*theta_s is known to
0.0003). A recipe may therefore also limit quantities that CLASS derives before the perturbations.
"""
from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.special import ndtri
from scipy.stats import chi, qmc

from cosmicnet.region import Ellipsoid, LinearConstraint
from cosmicnet.running_class import running_class

from ..recipe.schema import Around, Recipe
from ..recipe.toml import EntryError
from ..work.files import read_json, write_json
from ..work.parallel import progress

__all__ = ["Point", "SampledRegion", "domain_ellipsoid", "replaced", "sample", "unit_cube", "why_outside"]

Array = NDArray[np.float64]
Point = dict[str, float]
Bounds = Mapping[str, tuple[float, float]]

# Smallest plausible share of a box that obeys the constraints and the ellipsoid.
SMALLEST_SHARE = 1e-3
# Asymmetry of a correlation matrix allowed for rounding.
ASYMMETRY = 1e-5
# Give up if none of this many first points obeys the limits: derived values take 0.1 s a point.
DERIVED_TRIED = 200
# Relative to a range: a value that CLASS reports may differ from the one that it read by rounding.
ROUNDING = 1e-9
# A parameter varies among models if they fill more than this part of its range. (Helium from nucleosynthesis does not.)
VARIES = 0.1
# New values after which the file of derived values is written; also at the end.
VALUES_PER_WRITE = 100


@dataclass(frozen=True)
class SampledRegion:
    """Conditions on points: ranges, constraints, an ellipsoid, and limits of derived quantities (by CLASS with
    `settings`)."""

    ranges: Bounds
    constraints: Sequence[LinearConstraint] = ()
    ellipsoid: Ellipsoid | None = None
    derived: Bounds = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def scaled(self, points: Sequence[Point]) -> Array:
        """Points (n, d) in units of the ranges, or of the axes of the ellipsoid."""
        rows = np.array([[point[name] for name in self.ranges] for point in points])
        if self.ellipsoid is None:
            low, high = np.array(list(self.ranges.values())).T
            return np.asarray((rows - low) / (high - low))
        columns = [list(self.ranges).index(name) for name in self.ellipsoid.names]
        axes = np.linalg.cholesky(self.ellipsoid.covariance)
        return np.asarray(np.linalg.solve(axes, (rows[:, columns] - self.ellipsoid.mean).T).T)


def replaced(points: Sequence[Point], models: Sequence[Point], region: SampledRegion) -> set[int]:
    """The numbers of points that need no model of their own.

    Each is the nearest one to a model, which is nearer to it than any other point, and lies between the models in every
    parameter that varies among them. With more points of the same sequence none is added.
    """
    if not models:
        return set()
    rows = region.scaled(points)
    tree = KDTree(rows)
    to_model, found = tree.query(region.scaled(models))
    to_other = tree.query(rows, k=2)[0][:, 1]
    between = np.ones(len(points), dtype=bool)
    for name, (first, last) in region.ranges.items():
        low, high = min(model[name] for model in models), max(model[name] for model in models)
        if high - low > VARIES * (last - first):
            between &= np.array([low <= point[name] <= high for point in points])
    return {int(number) for number in found[(to_model < to_other[found]) & between[found]]}


def why_outside(points: Sequence[Point], region: SampledRegion, cache: Path | None = None) -> list[str]:
    """For each point the entry of the recipe that excludes it; '' for a point of the region."""
    reasons = [_why_outside(point, region) for point in points]
    inside = [number for number, reason in enumerate(reasons) if not reason]
    if region.derived:
        values = _derived_values([points[number] for number in inside], region, cache)
        for number, found in zip(inside, values, strict=True):
            # written so that NaN is outside: CLASS cannot compute the point
            outside = [name for value, (name, (low, high)) in zip(found, region.derived.items(), strict=True)
                       if not low <= value <= high]
            reasons[number] = f"sampling.derived.{outside[0]}" if outside else ""
    return reasons


def _why_outside(point: Point, region: SampledRegion) -> str:
    for name, (low, high) in region.ranges.items():
        margin = ROUNDING * (high - low)
        if not low - margin <= point[name] <= high + margin:
            return f"sampling.ranges.{name}"
    if not all(constraint.holds(point) for constraint in region.constraints):
        return "constraints"
    return "" if region.ellipsoid is None or region.ellipsoid.holds(point) else "sampling.ellipsoid"


def unit_cube(design: str, dimensions: int, seed: int) -> Callable[[int], Array]:
    """The function that draws any number of points of the unit cube."""
    def draw(number: int) -> Array:
        if design == "latin":
            return np.asarray(qmc.LatinHypercube(dimensions, seed=seed).random(number))
        with warnings.catch_warnings():
            # it prefers powers of two, which matter to integrals only
            warnings.simplefilter("ignore", UserWarning)
            return np.asarray(qmc.Sobol(dimensions, seed=seed).random(number))

    return draw


def sample(region: SampledRegion, draw: Callable[[int], Array], number: int, cache: Path | None = None) -> list[Point]:
    """The first `number` points that lie in the region. cache: a file for derived values.

    Raises EntryError.
    """
    drawn = number
    while True:
        kept = [p for p in _points(region, draw(drawn)) if all(c.holds(p) for c in region.constraints)]
        kept = _with_derived(kept, region, cache)
        if len(kept) >= number:
            return kept[:number]
        if drawn > number / SMALLEST_SHARE:
            entry = "constraints" if region.constraints else \
                "sampling.ellipsoid" if region.ellipsoid else "sampling.derived"
            raise EntryError(f"{entry}: of {drawn} points of the ranges only {len(kept)} obey "
                                f"{', '.join(c.text for c in region.constraints) or 'it'}")
        drawn = math.ceil(1.5 * drawn)


def _points(region: SampledRegion, unit: Array) -> list[Point]:
    """Map points (n, d) of the unit cube to the box, or to the ellipsoid within the box."""
    names = list(region.ranges)
    low, high = np.array(list(region.ranges.values())).T
    rows = low + (high - low) * unit
    if region.ellipsoid:
        columns = [names.index(name) for name in region.ellipsoid.names]
        rows[:, columns] = _in_ellipsoid(region.ellipsoid, unit[:, columns])
        rows = rows[np.all((low <= rows) & (rows <= high), axis=1)]
    return [dict(zip(names, row.tolist(), strict=True)) for row in rows]


def _with_derived(candidates: list[Point], region: SampledRegion, cache: Path | None) -> list[Point]:
    """Those whose derived quantities lie within their limits."""
    if not region.derived:
        return candidates
    kept: list[Point] = []
    for some in (candidates[:DERIVED_TRIED], candidates[DERIVED_TRIED:]):
        values = _derived_values(some, region, cache)
        kept += [p for p, found in zip(some, values, strict=True)
                 if all(math.isnan(value) or low <= value <= high
                        for value, (low, high) in zip(found, region.derived.values(), strict=True))]
        if len(some) == DERIVED_TRIED and not kept:
            written = ", ".join(f"{name} = [{low:g}, {high:g}]" for name, (low, high) in region.derived.items())
            raise EntryError(
                f"sampling.derived: none of the first {DERIVED_TRIED} points of the ranges has {written}")
    return kept


def _derived_values(points: Sequence[Point], region: SampledRegion, cache: Path | None) -> list[list[float]]:
    """Derived values of each point by CLASS, 0.1 s each; NaN if CLASS fails; the integration reports the error."""
    known, names = _read(cache), list(region.derived)
    # CLASS's equations may be the user's own
    digest = running_class().source_digest
    keys = [json.dumps([names, region.settings, point, digest], sort_keys=True) for point in points]
    new = [i for i, key in enumerate(keys) if key not in known]
    if new:
        with progress("choosing models", len(new)) as advance:
            for count, i in enumerate(new, start=1):
                known[keys[i]] = _derive({**region.settings, **points[i]}, names)
                if cache is not None and (count % VALUES_PER_WRITE == 0 or count == len(new)):
                    write_json(cache, {"values": known})
                advance()
    return [known[key] for key in keys]


def _derive(parameters: Mapping[str, Any], names: list[str]) -> list[float]:
    from classy import Class, CosmoComputationError

    cosmology = Class()
    cosmology.set(dict(parameters))
    try:
        cosmology.compute(["thermodynamics"])
        values = cosmology.get_current_derived_parameters(names)
    except CosmoComputationError:
        return [math.nan] * len(names)
    finally:
        cosmology.struct_cleanup()
    return [float(values[name]) for name in names]


def _read(cache: Path | None) -> dict[str, list[float]]:
    # a damaged file costs its values once more
    with suppress(OSError, ValueError, KeyError, TypeError):
        if cache is not None:
            return dict(read_json(cache)["values"])
    return {}


def domain_ellipsoid(recipe: Recipe, folder: Path) -> Ellipsoid | None:
    """The ellipsoid of the recipe's domain, None for a box; paths in the recipe are relative to `folder`."""
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
        raise EntryError(f"sampling.ellipsoid: the covariance of {', '.join(names)} is not symmetric")
    if not np.all(np.linalg.eigvalsh(covariance) > 0):
        raise EntryError(f"sampling.ellipsoid: the covariance of {', '.join(names)} is not positive definite")
    return Ellipsoid(names, mean, covariance, around.sigmas)


def _in_ellipsoid(ellipsoid: Ellipsoid, unit: Array) -> Array:
    """Map points (n, d) of the unit cube to the ellipsoid, in the order of its names; uniform points stay uniform."""
    return np.asarray(ellipsoid.mean + ellipsoid.sigmas * _ball(unit) @ np.linalg.cholesky(ellipsoid.covariance).T)


def _ball(unit: Array) -> Array:
    """Map points (n, d) of the unit cube to the unit ball; uniform points stay uniform, and neighbours neighbours."""
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
        raise EntryError(f"sampling.ellipsoid.chain: there is no chain {root}.txt, {root}_1.txt or {root}.1.txt")
    try:
        samples = loadMCSamples(str(root), settings={"ignore_rows": 0.3})
    except Exception as error:  # getdist raises many kinds for files that are no chain
        raise EntryError(f"sampling.ellipsoid.chain = {root}: cannot be read as a chain: {error}") from error
    known = samples.getParamNames().list()
    missing = [name for name in names if name not in known]
    if missing:
        raise EntryError(f"sampling.ellipsoid.chain = {root}: has no {', '.join(missing)}; it has "
                            f"{', '.join(known)}")
    return np.asarray(samples.mean(list(names))), np.asarray(samples.cov(list(names)))


def _of_file(path: Path, names: tuple[str, ...], around: Around) -> tuple[Array, Array]:
    try:
        with path.open(encoding="utf-8") as file:
            known = file.readline().lstrip("#").split()
            matrix = np.loadtxt(file, ndmin=2)
    except OSError as error:
        raise EntryError(f"sampling.ellipsoid.covariance: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise EntryError(f"sampling.ellipsoid.covariance: {path} is no matrix: {error}") from error
    missing = [name for name in names if name not in known or name not in around.mean]
    if missing:
        raise EntryError(f"sampling.ellipsoid: no covariance or no mean of {', '.join(missing)}; {path} has "
                            f"{', '.join(known)}")
    if matrix.shape != (len(known), len(known)):
        raise EntryError(f"sampling.ellipsoid.covariance: {path} names {len(known)} parameters, but its matrix is "
                            f"{' by '.join(map(str, matrix.shape))}")
    chosen = [known.index(name) for name in names]
    return np.array([around.mean[name] for name in names]), matrix[np.ix_(chosen, chosen)]
