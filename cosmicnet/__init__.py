"""Networks for the source functions of CLASS; `neural_network: yes` in classy uses this package.

Cobaya finds its components here by short names (`cosmicnet.Cosmicnet`), which are loaded when they are asked for.
"""
from __future__ import annotations

from typing import Any

# Cobaya component: the part of the project that has it is imported with it, and needs Cobaya
COBAYA_COMPONENTS = ("Cosmicnet", "EmbeddedCMB", "ImportanceSampler")


def __getattr__(name: str) -> Any:
    if name in COBAYA_COMPONENTS:
        from . import cobaya_components

        return getattr(cobaya_components, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
