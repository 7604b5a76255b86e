"""Components for Cobaya, by the names that Cobaya's YAML files use; each is loaded when it is asked for."""
from __future__ import annotations

from importlib import import_module
from typing import Any

# the other modules of this package (demo, check, ...) have to work where Cobaya is not installed
COMPONENTS = {
    "Cosmicnet": "theory.theory", "EmbeddedCMB": "embedded.likelihood", "ImportanceSampler": "sampler.importance"}


def __getattr__(name: str) -> Any:
    if name in COMPONENTS:
        return getattr(import_module(f"{__name__}.{COMPONENTS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
