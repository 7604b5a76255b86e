"""The outcome of an evaluation: one record per cosmology, and their distributions."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .accuracy import Distribution
from .boxes import Box

__all__ = ["OWN_CHANGE", "PLANCK_PREFIX", "BoxResult", "Evaluation", "Model"]

PLANCK_PREFIX = "planck_chi2_change"

# the same of full CLASS, where only its own numerical settings changed
OWN_CHANGE = "planck_chi2_change_of_class"


@dataclass(frozen=True)
class Model:
    """One cosmology: `accuracy.summary` of it, and the Planck chi2 by likelihood of both modes and of full CLASS with
    closer times.

    The last three are empty where the Planck data are not there, and the last where it was not computed.
    """

    cosmology: Mapping[str, float]
    errors: Mapping[str, float]
    planck_full: Mapping[str, float]
    planck_net: Mapping[str, float]
    planck_closer: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """All figures by name; the change of the Planck chi2 in sum and by likelihood, without sign.

        A cosmology that a likelihood rejects in both modes has changed by nothing that can be measured
        (NaN); one that is rejected in a single mode has changed without limit (infinity).
        """
        figures = dict(self.errors)
        if self.planck_full:
            total = _change(sum(self.planck_full.values()), sum(self.planck_net.values()))
            figures[PLANCK_PREFIX] = total
            for likelihood, chi2 in self.planck_full.items():
                figures[f"{PLANCK_PREFIX}:{likelihood}"] = _change(chi2, self.planck_net[likelihood])
            figures[OWN_CHANGE] = (_change(sum(self.planck_full.values()), sum(self.planck_closer.values()))
                                   if self.planck_closer else math.nan)
        return figures


def _change(full: float, net: float) -> float:
    return math.nan if math.isinf(full) and math.isinf(net) else abs(net - full)


@dataclass(frozen=True)
class BoxResult:
    """All cosmologies of one box; left_out: how many more full CLASS could not compute."""

    box: Box
    models: tuple[Model, ...]
    left_out: int = 0

    def values(self) -> dict[str, list[float]]:
        """Every figure by name, one value per model, in the order of `models`."""
        figures = [model.figures() for model in self.models]
        return {name: [figure[name] for figure in figures] for name in figures[0]}

    def distributions(self) -> dict[str, Distribution]:
        """Every figure by name over the models in which it can be measured, where there is any."""
        measured = {name: [value for value in values if not math.isnan(value)]
                    for name, values in self.values().items()}
        return {name: Distribution.of(values) for name, values in measured.items() if values}

    def planck_chi2_full(self) -> list[float]:
        """Planck chi2 of full CLASS, the sum of the likelihoods, where it is finite."""
        totals = [sum(model.planck_full.values()) for model in self.models if model.planck_full]
        return [total for total in totals if math.isfinite(total)]


@dataclass(frozen=True)
class Evaluation:
    """What was evaluated (`network`: name and hash; `class_version`) and what came out."""

    network: str
    class_version: str
    boxes: tuple[BoxResult, ...]
