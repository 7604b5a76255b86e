"""Components for Cobaya by the names in its YAML files, each loaded on first use.

Code that works without Cobaya belongs in `cosmicnet` or `training`.
"""
from __future__ import annotations

from importlib import import_module
from typing import Any

# The other modules of this package (demo, check, ...) must be importable without Cobaya.
COMPONENTS = {
    "Cosmicnet": "theory.theory", "CosmicnetCamb": "theory.camb",
    "EmbeddedCMB": "embedded.likelihood", "ImportanceSampler": "sampler.importance"}


def __getattr__(name: str) -> Any:
    if name in COMPONENTS:
        return getattr(import_module(f"{__name__}.{COMPONENTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
