"""What the user is told before the first sample, in words: where the networks do not cover the run, and what then."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cosmicnet.coverage import without_numbers
from cosmicnet.store import NetworkSet

__all__ = [
    "Answer", "Ends", "Notes", "never_used", "outside_corners", "reference_outside", "slow_amplitude",
    "uncovered_ends", "wide_priors",
]


@dataclass(frozen=True)
class Notes:
    """What the user has to know: lines to log, and what makes the run senseless, if anything does."""

    warnings: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Answer:
    """CLASS's request at one point.

    values : of the domain's parameters; beyond : those outside their range; outside : all that is outside the domain,
    in sentences; reasons : all that is not covered.
    """

    values: Mapping[str, float]
    beyond: frozenset[str]
    outside: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def otherwise(self) -> tuple[str, ...]:
        """What is not covered though it is no matter of the domain."""
        return tuple(reason for reason in self.reasons if reason not in self.outside)


# Answers at ends of priors, by the name of the sampled parameter and its value there.
Ends = Mapping[tuple[str, float], Answer]


def nowhere_covered(asked: Sequence[Answer], networks: NetworkSet) -> bool:
    """Can none of the prior be covered, if none of these points is? So it is where something else than the domain is in
    the way at all of them, or where they all lie on one side of a range."""
    # sentences differ in numbers, such as how far the networks reach
    first, *others = (set(map(without_numbers, answer.otherwise)) for answer in asked)
    if first.intersection(*others):
        return True
    for name, (low, high) in networks.manifest.domain.items():
        values = [answer.values.get(name, math.nan) for answer in asked]
        # written so that NaN, a parameter that is not there, is outside
        if not any(value >= low for value in values) or not any(value <= high for value in values):
            return True
    return False


def reference_outside(center: Answer, networks: NetworkSet, fallback: str, asked: int | None) -> str:
    """The prior may reach into the domain, but not where chains begin. asked: so many points of the prior of which none
    is inside, None if one is."""
    none = "" if asked is None else f" So is each of {asked} points of the prior that were asked."
    happens = "CLASS integrates its equations" if fallback == "full" else "the likelihood is zero"
    return (f"the reference point, where chains begin, is outside the domain of the networks "
            f"'{networks.manifest.name}': {'; '.join(center.reasons)}.{none} There, and wherever the prior is wider, "
            f"{happens} (fallback: {fallback}). Give a reference point (ref) inside, and narrow the prior.")


def outside_corners(drawn: list[Answer], networks: NetworkSet, fallback: str) -> tuple[str, ...]:
    """A line for the share of the prior that is outside though all ends of parameters are inside, if any is."""
    outside = [answer for answer in drawn if answer.outside]
    if not outside:
        return ()
    return (f"the prior has corners outside the domain of the networks '{networks.manifest.name}': "
            f"{len(outside)} of {len(drawn)} points drawn from it, for example {'; '.join(outside[0].outside)}. "
            f"{_happens_there(fallback)}",)


def never_used(name: str, reasons: tuple[str, ...], fallback: str) -> Notes:
    fix = ("Change the run accordingly, train networks for it (cosmicnet make, then networks: FOLDER), or set "
           "mode: full")
    text = f"the networks '{name}' do not cover this run: {'; '.join(reasons)}."
    if fallback == "error":
        return Notes(error=f"{text} With fallback: error the likelihood would be zero everywhere. {fix}.")
    return Notes((f"{text} CLASS will integrate its equations at every sample (fallback: full). {fix}.",))


def slow_amplitude(given: Sequence[str]) -> tuple[str, ...]:
    """A line for amplitudes of matter that are given in place of A_s."""
    if not given:
        return ()
    return (f"{', '.join(given)} is given: CLASS integrates its equations at each step to find the A_s that belongs to "
            "it, also where networks are used then. Sample A_s or logA, and have it derived.",)


def wide_priors(
    ends: Ends, networks: NetworkSet, bounds: Mapping[str, tuple[float, float]], fallback: str
) -> tuple[str, ...]:
    """One line for all priors that reach beyond the ranges of the domain, if any do."""
    domain = networks.manifest.domain
    beyond: dict[str, frozenset[str]] = {}
    for (parameter, _), answer in ends.items():
        beyond[parameter] = beyond.get(parameter, frozenset()) | answer.beyond
    wide = [f"{parameter} from {bounds[parameter][0]:g} to {bounds[parameter][1]:g} (covered: "
            + ", ".join(f"{name} from {domain[name][0]:g} to {domain[name][1]:g}" for name in sorted(names)) + ")"
            for parameter, names in beyond.items() if names]
    if not wide:
        return ()
    return (f"the prior is wider than the domain of the networks '{networks.manifest.name}': {'; '.join(wide)}. "
            f"{_happens_there(fallback)}",)


def _happens_there(fallback: str) -> str:
    if fallback == "full":
        return ("There CLASS integrates its equations (fallback: full), which takes longer. Narrow the prior, or set "
                "fallback: error.")
    return ("There the likelihood is zero (fallback: error), which cuts the prior. Narrow the prior, or set fallback: "
            "full.")


def uncovered_ends(ends: Ends, name: str, fallback: str) -> tuple[str, ...]:
    """A line for the ends of priors that are not covered though they are no matter of the domain, if any is."""
    uncovered = [f"{parameter} = {end:g} ({'; '.join(answer.otherwise)})"
                 for (parameter, end), answer in ends.items() if answer.otherwise]
    if not uncovered:
        return ()
    return (f"the networks '{name}' do not cover {'; '.join(uncovered)}. {_happens_there(fallback)}",)
