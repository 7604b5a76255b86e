"""Errors of a network set: one record per cosmology, and their distributions over each box."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .accuracy import Distribution
from .boxes import Box
from .targets import AccuracyTarget

__all__ = ["PLANCK_PREFIX", "BoxErrors", "ModelErrors", "SetErrors"]

PLANCK_PREFIX = "planck_chi2_change"


@dataclass(frozen=True)
class ModelErrors:
    """One cosmology: its figures by accuracy.summary(), and its Planck chi2 by likelihood, with full CLASS and with
    networks; empty without the Planck data."""

    cosmology: Mapping[str, float]
    errors: Mapping[str, float]
    planck_full: Mapping[str, float]
    planck_net: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """All figures by name, with the absolute change of the Planck chi2 in sum and by likelihood.

        NaN if a likelihood rejects the cosmology in both modes, infinite if only in one.
        """
        figures = dict(self.errors)
        if self.planck_full:
            total = _change(sum(self.planck_full.values()), sum(self.planck_net.values()))
            figures[PLANCK_PREFIX] = total
            for likelihood, chi2 in self.planck_full.items():
                figures[f"{PLANCK_PREFIX}:{likelihood}"] = _change(chi2, self.planck_net[likelihood])
        return figures


def _change(full: float, net: float) -> float:
    return math.nan if math.isinf(full) and math.isinf(net) else abs(net - full)


@dataclass(frozen=True)
class BoxErrors:
    """All cosmologies of one box; targets: by figure; left_out: the number that full CLASS could not compute."""

    box: Box
    models: tuple[ModelErrors, ...]
    targets: Mapping[str, AccuracyTarget]
    left_out: int = 0

    def values(self) -> dict[str, list[float]]:
        """Every figure by name, one value per model, in the order of `models`."""
        figures = [model.figures() for model in self.models]
        return {name: [figure[name] for figure in figures] for name in figures[0]}

    def distributions(self) -> dict[str, Distribution]:
        """Figures by name, over the models that have them."""
        measured = {name: [value for value in values if not math.isnan(value)]
                    for name, values in self.values().items()}
        return {name: Distribution.of(values) for name, values in measured.items() if values}

    def planck_chi2_full(self) -> list[float]:
        """Finite Planck chi2 of full CLASS, summed over likelihoods."""
        totals = [sum(model.planck_full.values()) for model in self.models if model.planck_full]
        return [total for total in totals if math.isfinite(total)]


@dataclass(frozen=True)
class SetErrors:
    """network: name and hash; class_version: of classy."""

    network: str
    class_version: str
    boxes: tuple[BoxErrors, ...]
