"""Before the first sample: do the networks cover the run, at its reference point and over its prior?

The ends of the prior of each parameter are asked; and points drawn from all of it where its corners may be outside
although no end is.

CLASS itself is asked: it goes to the point where the sources would be needed (a fraction of a second), and is stopped
there. So every spelling of a parameter and every setting is understood.
"""
from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coverage import outside_domain, outside_ranges, values_for_domain, why_not_covered
from cosmicnet.errors import CosmicnetError
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet

from .prior_notes import (
    Answer,
    Ends,
    Notes,
    never_used,
    nowhere_covered,
    outside_corners,
    reference_outside,
    uncovered_ends,
    wide_priors,
)
from .quiet import quiet

__all__ = ["Notes", "what_to_know_before"]

Array = NDArray[np.float64]

# an unbounded prior is taken to end here: central probability, 3 sigma of a Gaussian
CONFIDENCE_OF_UNBOUNDED = 0.9973
SEED = 0
# Draws from the prior that are asked where its ends do not tell enough, 0.1 s each, or some 0.5 s where CLASS has to
# search H0.
DRAWS = 24
# Of the way from the reference point to an end: is a parameter covered at the reference value only?
NEAR = 0.01
# Of the same way: where CLASS cannot compute the end itself, the first of these points that it can stands for it.
SHARES = (1.0, 0.5, 0.25, 0.1)
# Relative: a parameter that changes a quantity by less does not change it.
UNCHANGED = 1e-9


class _Asked(CosmicnetError):
    """Stops CLASS where the sources would be computed."""

    this_cosmology_only = True


class _Refused(CosmicnetError):
    """CLASS does not take the parameters or settings at all."""


class _Probe:
    """A source provider that notes the answer in place of giving sources."""

    def __init__(self, networks: NetworkSet) -> None:
        self._networks = networks
        self.answer: Answer | None = None

    def provide(self, request: Any) -> bool:
        manifest, values = self._networks.manifest, values_for_domain(request)
        self.answer = Answer({name: values[name] for name in manifest.domain if name in values},
                             frozenset(outside_ranges(request, manifest)), tuple(outside_domain(request, manifest)),
                             tuple(why_not_covered(request, self._networks, running_class())))
        raise _Asked("asked only")


@dataclass(frozen=True)
class _Points:
    """Parameters of the theory code at the reference point, and with one parameter at an end of its prior.

    bounds : sampled parameter to the ends of its prior; ends : (sampled parameter, its value) to parameters there, and
    at the other SHARES of the way; near : the same keys, to parameters at NEAR.
    """

    center: Mapping[str, float]
    ends: Mapping[tuple[str, float], tuple[Mapping[str, float], ...]]
    near: Mapping[tuple[str, float], Mapping[str, float]]
    bounds: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, theory: Any, model: Any) -> _Points | None:
        """None if the theory code gets some of its parameters from another one."""
        names = list(model.parameterization.sampled_params())
        reference = model.prior.reference(random_state=np.random.default_rng(SEED), warn_if_no_ref=False)
        start = dict(zip(names, map(float, reference), strict=True))
        with quiet():  # Cobaya warns of unbounded priors, which do not matter here
            limits = model.prior.bounds(confidence_for_unbounded=CONFIDENCE_OF_UNBOUNDED)
        bounds = {name: (float(low), float(high)) for name, (low, high) in zip(names, limits, strict=True)}
        center = _input_of(theory, model, start)
        if center is None:
            return None

        def moved(share: float) -> dict[tuple[str, float], Mapping[str, float]]:
            there = {(name, end): _input_of(theory, model, {**start, name: start[name] + share * (end - start[name])})
                     for name in names for end in bounds[name]}
            # what does not change CLASS's parameters (calibrations of likelihoods) need not be asked
            return {key: point for key, point in there.items() if point is not None and point != center}

        ways = [moved(share) for share in SHARES]
        keys = dict.fromkeys(key for way in ways for key in way)
        ends = {key: tuple(way[key] for way in ways if key in way) for key in keys}
        return cls(center, ends, moved(NEAR), bounds)


def _input_of(theory: Any, model: Any, sampled: Mapping[str, float]) -> Mapping[str, float] | None:
    try:
        with quiet(logging.ERROR):
            values = model.parameterization.to_input(dict(sampled))
    except Exception:  # of the user's own functions, which may have no value there
        return None
    names = [*theory.all_input_params(), *theory.required_params()]
    if any(name not in values for name in names):
        return None
    return {name: values[name] for name in names}


def what_to_know_before(theory: Any, model: Any, networks: NetworkSet) -> Notes:
    """Ask for the run of `model`, whose theory code is `theory` with all its requirements set."""
    points, name = _Points.of(theory, model), networks.manifest.name
    if points is None:
        return Notes((f"the networks '{name}' are checked at each sample only: some parameters of CLASS come from "
                      "another theory code",))
    try:
        center = _ask(theory, networks, points.center)
    except _Refused as error:
        return Notes(error=f"CLASS refuses the run as it is: {error}")
    if center is None:
        if not theory.extra_args.get("output"):
            # the background alone, which needs no networks
            return Notes()
        return Notes((f"the networks '{name}' are checked at each sample only: CLASS cannot compute the reference "
                      "point",))
    ends = {end: answer for end, way in points.ends.items()
            if (answer := next(filter(None, (_ask_if_possible(theory, networks, p) for p in way)), None)) is not None}
    asked = [center, *ends.values()]
    inside = next((answer for answer in asked if not answer.outside), None)
    if inside is None:
        # of wide priors nothing but the middle may be inside
        asked += _drawn(theory, model, networks)
        inside = next((answer for answer in asked if not answer.outside), None)
    if inside is None and nowhere_covered(asked, networks):
        return never_used(name, center.reasons, theory.fallback)
    if inside is not None and inside.reasons:
        return never_used(name, inside.reasons, theory.fallback)
    if center.outside:
        return Notes((reference_outside(center, networks, theory.fallback, len(asked) if inside is None else None),))
    only_there = _covered_at_reference_only(theory, networks, points, ends)
    if only_there:
        return never_used(name, only_there, theory.fallback)
    wide = (*wide_priors(ends, networks, points.bounds, theory.fallback), *uncovered_ends(ends, name, theory.fallback))
    if wide or _ends_tell_all(center, ends, networks):
        return Notes(wide)
    return Notes(outside_corners(list(_drawn(theory, model, networks)), networks, theory.fallback))


def _covered_at_reference_only(
    theory: Any, networks: NetworkSet, points: _Points, ends: Ends
) -> tuple[str, ...]:
    """What is not covered as soon as a parameter leaves its reference value, such as curvature. No sample has exactly
    that one."""
    reasons: list[str] = []
    for parameter in points.bounds:
        keys = [key for key, answer in ends.items() if key[0] == parameter and answer.otherwise]
        near = [_ask_if_possible(theory, networks, points.near[key]) for key in keys if key in points.near]
        if near and all(answer is not None and answer.otherwise for answer in near):
            reasons += [f"{parameter} is sampled, and near its reference value {reason}"
                        for answer in near[:1] if answer for reason in answer.otherwise]
    return tuple(reasons)


def _drawn(theory: Any, model: Any, networks: NetworkSet) -> Iterator[Answer]:
    """CLASS's requests at points of the prior, where it comes that far."""
    for parameters in _draws(theory, model):
        answer = _ask_if_possible(theory, networks, parameters)
        if answer is not None:
            yield answer


def _ends_tell_all(center: Answer, ends: Ends, networks: NetworkSet) -> bool:
    """Is the domain a box along the sampled parameters? Then its corners are inside if all ends are."""
    moved: dict[str, set[str]] = {}
    for (parameter, _), answer in ends.items():
        for quantity, value in answer.values.items():
            if abs(value - center.values[quantity]) > UNCHANGED * abs(value):
                moved.setdefault(parameter, set()).add(quantity)
    quantities = [quantity for names in moved.values() for quantity in names]
    manifest = networks.manifest
    return (not manifest.constraints and not manifest.ellipsoid and all(len(names) == 1 for names in moved.values())
            and len(set(quantities)) == len(quantities))


def _draws(theory: Any, model: Any) -> Iterator[Mapping[str, float]]:
    """Parameters of the theory code at points of the prior."""
    names = list(model.parameterization.sampled_params())
    for point in model.prior.sample(DRAWS, ignore_external=True, random_state=np.random.default_rng(SEED)):
        # external priors cut, and are not drawn from
        if not np.isfinite(model.prior.logp(point)):
            continue
        parameters = _input_of(theory, model, dict(zip(names, map(float, point), strict=True)))
        if parameters is not None:
            yield parameters


def _ask(theory: Any, networks: NetworkSet, parameters: Mapping[str, Any]) -> Answer | None:
    """None where CLASS does not come as far as the perturbations; raises _Refused where no point would work."""
    probe = _Probe(networks)
    cosmology = theory.classy_module.Class()
    cosmology.set_source_provider(probe)
    settings = {name: value for name, value in theory.extra_args.items() if not str(name).startswith("neural_network")}
    if not settings.get("output"):
        return None
    cosmology.set({**{theory.translate_param(name): value for name, value in parameters.items()}, **settings})
    try:
        cosmology.compute(["perturbations"])
    except theory.classy_module.CosmoComputationError:
        pass
    except theory.classy_module.CosmoSevereError as error:
        raise _Refused(" ".join(str(error).split())) from error
    finally:
        cosmology.empty()
    return probe.answer


def _ask_if_possible(theory: Any, networks: NetworkSet, parameters: Mapping[str, Any]) -> Answer | None:
    try:
        return _ask(theory, networks, parameters)
    except _Refused:
        return None
