"""Before the first sample: how much of the run's prior do the networks cover?

CLASS itself answers: it computes the background and thermal history at the reference point and at points drawn from the
prior, and is stopped where the sources would be needed. So every spelling of a parameter and every setting counts.
"""
from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmicnet.coverage import outside_domain, outside_ranges, values_for_domain, why_not_covered, without_numbers
from cosmicnet.errors import NotCovered
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet
from cosmicnet.training.work.run_class import probe

from .quiet import quiet

__all__ = ["coverage_of_prior"]

SEED = 0
# Points of the prior, at 0.1 s each, or 0.5 s where CLASS searches H0.
DRAWS = 32


@dataclass(frozen=True)
class Coverage:
    """Coverage of one point.

    reasons : kind of reason to its sentence; sides : those kinds that are one side of a range of the domain, which
    another point of the prior may leave; region : those that are other bounds of the domain.
    """

    reasons: Mapping[str, str]
    sides: frozenset[str]
    region: frozenset[str]

    @classmethod
    def of(cls, request: Any, networks: NetworkSet) -> Coverage:
        values, manifest = values_for_domain(request), networks.manifest
        outside = list(outside_domain(request, manifest))
        # one sentence for each range first, in the same order
        sides = {f"{name} {'below' if values.get(name, np.nan) < manifest.domain[name][0] else 'above'}": sentence
                 for name, sentence in zip(outside_ranges(request, manifest), outside, strict=False)}
        others = {without_numbers(reason): reason for reason in why_not_covered(request, networks, running_class())
                  if reason not in sides.values()}
        region = frozenset(kind for kind, reason in others.items() if reason in outside)
        return cls({**sides, **others}, frozenset(sides), region)


def coverage_of_prior(theory: Any, model: Any, networks: NetworkSet) -> list[str]:
    """Lines to warn of where networks do not cover the run of `model`, whose theory code is `theory`.

    Raises NotCovered if they cover no point of the prior and the fallback is 'error'.
    """
    name, settings = networks.manifest.name, _settings_of(theory)
    if not settings.get("output"):
        # the background alone needs no networks
        return []
    names = list(model.parameterization.sampled_params())
    with quiet(logging.ERROR):
        reference = model.prior.reference(random_state=np.random.default_rng(SEED), warn_if_no_ref=False)
        center = _input_of(theory, model, dict(zip(names, map(float, reference), strict=True)))
        if center is None:
            return [f"the networks '{name}' are checked at each sample only: some parameters of CLASS come from "
                    "another theory code"]
        drawn = _draws(theory, model, names, center)

    def covers(point: Mapping[str, Any]) -> Coverage | None:
        """None where CLASS cannot compute the point."""
        from classy import CosmoComputationError, CosmoSevereError

        try:
            return probe({**point, **settings}, lambda request: Coverage.of(request, networks))
        except (CosmoComputationError, CosmoSevereError):
            return None

    at_reference, in_prior = covers(center), [found for point in drawn if (found := covers(point)) is not None]
    if at_reference is None:
        return [f"the networks '{name}' are checked at each sample only: CLASS cannot compute the reference point"]
    never = _in_the_way_everywhere(at_reference, in_prior)
    if never:
        return _never_covered(name, never, theory.fallback)
    lines = []
    elsewhere = ("CLASS integrates its equations, which takes longer" if theory.fallback == "full" else
                 "the likelihood is zero, which cuts the prior")
    if at_reference.reasons:
        lines.append(f"the networks '{name}' do not cover the reference point, where chains begin: "
                     f"{'; '.join(at_reference.reasons.values())}. There {elsewhere} (fallback: {theory.fallback})")
    uncovered = [found for found in in_prior if found.reasons]
    if uncovered:
        lines.append(f"the networks '{name}' cover {len(in_prior) - len(uncovered)} of {len(in_prior)} points drawn "
                     f"from the prior. At the others {elsewhere} (fallback: {theory.fallback}):")
        counts = Counter(kind for found in uncovered for kind in found.reasons)
        examples = {kind: sentence for found in uncovered for kind, sentence in found.reasons.items()}
        lines += [f"  at {number}: {examples[kind]}" for kind, number in counts.most_common()]
    return lines


def _settings_of(theory: Any) -> dict[str, Any]:
    return {name: value for name, value in theory.extra_args.items() if not str(name).startswith("neural_network")}


def _input_of(theory: Any, model: Any, sampled: Mapping[str, float]) -> dict[str, Any] | None:
    """CLASS's parameters; None where another theory code gives some, or a function of the user has no value."""
    try:
        values = model.parameterization.to_input(dict(sampled))
    except Exception:  # of the user's functions
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


def _in_the_way_everywhere(at_reference: Coverage, in_prior: Sequence[Coverage]) -> list[str]:
    """Sentences of what no point of the prior avoids: a reason common to all.

    A reason that only the reference point lacks counts too: curvature, say, which no sample has exactly zero. Ranges of
    the domain may be met between the points, unless all lie on the same side, the reference point included.
    """
    points = in_prior or [at_reference]
    common = set.intersection(*(set(found.reasons) for found in points))
    return [sentence for kind, sentence in points[0].reasons.items()
            if kind in common and kind not in points[0].region
            and (kind not in points[0].sides or kind in at_reference.reasons)]


def _never_covered(name: str, reasons: Sequence[str], fallback: str) -> list[str]:
    text = f"the networks '{name}' do not cover this run: {'; '.join(reasons)}."
    remedy = "Change the run, train networks for it (cosmicnet make, then networks: FOLDER), or set mode: full"
    if fallback == "error":
        raise NotCovered(f"{text} With fallback: error the likelihood would be zero everywhere. {remedy}.")
    return [f"{text} CLASS will integrate its equations at every sample (fallback: full). {remedy}."]
