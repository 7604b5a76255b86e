"""The check before the first sample: the part of the run's prior that the networks cover.

CLASS computes the background and thermal history at the reference point and at points drawn from the prior, and is
stopped before the sources. So every spelling of a parameter and every setting is taken into account.
"""
from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmicnet.choice import choose
from cosmicnet.coverage import outside_domain, outside_ranges, values_for_domain, why_not_covered, without_numbers
from cosmicnet.errors import CosmicnetError, NotCovered
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet

from .quiet import quiet

__all__ = ["NotChecked", "PriorCoverage", "coverage_of_prior"]

SEED = 0
# Points of the prior, at 0.1 s each, or 0.5 s where CLASS searches H0.
DRAWS = 32


class NotChecked(CosmicnetError):
    """Coverage is not known before the first sample."""


@dataclass(frozen=True)
class PointCoverage:
    """Coverage of one point.

    reasons : kind of reason to its sentence; sides : those kinds that are one side of a range of the domain, which
    another point of the prior may leave; region : those that are other bounds of the domain.
    """

    reasons: Mapping[str, str]
    sides: frozenset[str]
    region: frozenset[str]

    @classmethod
    def of(cls, request: Any, networks: NetworkSet) -> PointCoverage:
        manifest, values = networks.manifest, values_for_domain(request)
        reasons = list(why_not_covered(request, networks, running_class()))
        ranges = outside_ranges(values, manifest)

        def side(name: str) -> str:
            return f"{name} {'below' if values.get(name, np.nan) < manifest.domain[name][0] else 'above'}"

        sides = {side(name): sentence for name, sentence in ranges.items() if sentence in reasons}
        others = {without_numbers(reason): reason for reason in reasons if reason not in sides.values()}
        region = {without_numbers(reason) for reason in outside_domain(request, manifest)}
        return cls({**sides, **others}, frozenset(sides), frozenset(region & others.keys()))


@dataclass(frozen=True)
class PriorCoverage:
    """Coverage of a run by one set, by name or folder: at the reference point, and at points drawn from the prior."""

    networks: str
    at_reference: PointCoverage
    in_prior: tuple[PointCoverage, ...]

    @property
    def points(self) -> tuple[PointCoverage, ...]:
        return (self.at_reference, *self.in_prior)

    @property
    def covered(self) -> int:
        """Number of covered points, the reference point included."""
        return sum(1 for found in self.points if not found.reasons)

    def warnings(self, fallback: str) -> list[str]:
        """Lines about points that are not covered, one for each kind of reason.

        Raises NotCovered if networks cover no point of the prior and the fallback is 'error'.
        """
        name = self.networks
        if never := self._in_the_way_everywhere():
            return _never_covered(name, never, fallback)
        lines = []
        elsewhere = ("CLASS integrates its equations, which takes longer" if fallback == "full" else
                     "the likelihood is zero, which cuts the prior")
        if self.at_reference.reasons:
            lines.append(f"the networks '{name}' do not cover the reference point, where chains begin: "
                         f"{'; '.join(self.at_reference.reasons.values())}. There {elsewhere} (fallback: {fallback})")
        uncovered = [found for found in self.in_prior if found.reasons]
        if uncovered:
            lines.append(f"the networks '{name}' cover {len(self.in_prior) - len(uncovered)} of {len(self.in_prior)} "
                         f"points drawn from the prior. At the others {elsewhere} (fallback: {fallback}):")
            counts = Counter(kind for found in uncovered for kind in found.reasons)
            examples = {kind: sentence for found in uncovered for kind, sentence in found.reasons.items()}
            lines += [f"  at {number}: {examples[kind]}" for kind, number in counts.most_common()]
        return lines

    def _in_the_way_everywhere(self) -> list[str]:
        """Reasons that hold at every point of the prior.

        A reason that only the reference point lacks counts too: curvature, say, which no sample has exactly zero.
        Ranges of the domain may be met between the points, unless all, the reference point too, lie on the same side.
        """
        points = self.in_prior or (self.at_reference,)
        common = set.intersection(*(set(found.reasons) for found in points))
        return [sentence for kind, sentence in points[0].reasons.items()
                if kind in common and kind not in points[0].region
                and (kind not in points[0].sides or kind in self.at_reference.reasons)]


def coverage_of_prior(theory: Any, model: Any, candidates: Mapping[str, NetworkSet]) -> list[PriorCoverage]:
    """How each of these sets covers the run of `model`, whose theory code is `theory`, the best one first.

    An empty list for the background alone, which needs no networks. Raises NotChecked with the reason why this is not
    known before the first sample, and CLASS's own CosmoSevereError if it refuses the run.
    """
    settings = theory.extra_args
    if not settings.get("output"):
        return []
    names = list(model.parameterization.sampled_params())
    with quiet(logging.ERROR):
        reference = model.prior.reference(random_state=np.random.default_rng(SEED), warn_if_no_ref=False)
        center = _input_of(theory, model, dict(zip(names, map(float, reference), strict=True)))
        if center is None:
            raise NotChecked("some parameters of CLASS come from another theory code")
        drawn = _draws(theory, model, names, center)
    severe, not_computed = theory.classy_module.CosmoSevereError, theory.classy_module.CosmoComputationError

    def coverage(point: Mapping[str, Any]) -> list[PointCoverage]:
        parameters = {name: value for name, value in {**point, **settings}.items()
                      if not name.startswith("neural_network")}
        found = at_request(parameters, lambda request: [PointCoverage.of(request, one) for one in
                                                        candidates.values()])
        if found is None:
            raise NotChecked("this run needs no source functions")
        return found

    try:
        at_reference = coverage(center)
    except not_computed as error:
        raise NotChecked(f"CLASS cannot compute the reference point: {' '.join(str(error).split())}") from error
    in_prior = []
    for point in drawn:
        with suppress(severe, not_computed):
            in_prior.append(coverage(point))
    found = {name: PriorCoverage(name, at_reference[i], tuple(point[i] for point in in_prior))
             for i, name in enumerate(candidates)}
    best = choose([{name: tuple(point[i].reasons) for i, name in enumerate(candidates)}
                   for point in (at_reference, *in_prior)])
    return [found.pop(best), *found.values()]


def _input_of(theory: Any, model: Any, sampled: Mapping[str, float]) -> dict[str, Any] | None:
    """CLASS's parameters; None where another theory code gives some, or a function of the user has no value."""
    try:
        values = model.parameterization.to_input(dict(sampled))
    except Exception:  # a user's function may raise anything
        return None
    names = [*theory.all_input_params(), *theory.required_params()]
    if any(name not in values for name in names):
        return None
    return {theory.translate_param(name): values[name] for name in names}


def _draws(theory: Any, model: Any, names: Sequence[str], center: Mapping[str, Any]) -> list[dict[str, Any]]:
    """CLASS's parameters at points of the prior; none if no sampled parameter changes the source functions."""
    found = []
    for point in model.prior.sample(DRAWS, ignore_external=True, random_state=np.random.default_rng(SEED)):
        # Cobaya cannot draw from external priors
        if not np.isfinite(model.prior.logp(point)):
            continue
        parameters = _input_of(theory, model, dict(zip(names, map(float, point), strict=True)))
        if parameters is not None and any(value != center[name] for name, value in parameters.items()
                                          if not theory.is_fast(name)):
            found.append(parameters)
    return found


def _never_covered(name: str, reasons: Sequence[str], fallback: str) -> list[str]:
    text = f"the networks '{name}' do not cover this run: {'; '.join(reasons)}."
    remedy = "Change the run, train networks for it (cosmicnet make, then networks: FOLDER), or set mode: full"
    if fallback == "error":
        raise NotCovered(f"{text} With fallback: error the likelihood would be zero everywhere. {remedy}.")
    return [f"{text} CLASS will integrate its equations at every sample (fallback: full). {remedy}."]
