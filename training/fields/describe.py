"""The manifest of networks: settings and numbers that are the same in all models, and that a request must have too.

Those of reionisation are left out, since its effect is computed at run time.
"""
from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cosmicnet.class_parameters import OF_REIONIZATION, acts_on_sources
from cosmicnet.coverage import SETTING_TOLERANCE
from cosmicnet.manifest import Manifest
from cosmicnet.running_class import RunningClass

__all__ = ["common_settings", "constant_numbers", "describe"]


def describe(
    name: str, description: str, running: RunningClass, precision: Mapping[str, float], **entries: Any
) -> Manifest:
    """running: the CLASS of the models. precision: all their parameters; those that act on sources are entered.
    entries: the other entries of Manifest; save_network_set() adds fields, architecture and hash."""
    return Manifest(name=name, description=description, class_version=running.version,
                    source_digest=running.source_digest,
                    precision={name: value for name, value in precision.items() if acts_on_sources(name)},
                    **{"fields": [], "dense_layers": 0, "sha256": "", **entries})


def common_settings(setups: Sequence[Mapping[str, float]], but: Collection[str]) -> dict[str, float]:
    """Settings with one value in all models that have them, such as those of a species: a request must share them
    where it has the species. but: names to leave out."""
    names = sorted({name for setup in setups for name in setup})
    values = {name: [setup[name] for setup in setups if name in setup] for name in names}
    return {name: found[0] for name, found in values.items()
            if name not in but and name not in OF_REIONIZATION
            and all(abs(value - found[0]) <= SETTING_TOLERANCE * abs(found[0]) for value in found)}


def constant_numbers(cosmologies: Sequence[Mapping[str, float]], but: Collection[str]) -> dict[str, float]:
    """Parameters with one value in all models, such as a mass that the recipe fixes. but: names to leave out."""
    first = cosmologies[0]
    return {name: value for name, value in first.items()
            if name not in but
            and all(abs(c.get(name, math.nan) - value) <= SETTING_TOLERANCE * abs(value) for c in cosmologies)}
