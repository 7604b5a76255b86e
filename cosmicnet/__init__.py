"""Networks for the source functions of CLASS; `neural_network: yes` in classy uses this package.

installed_sets, load_network_set, covers and sources need no Cobaya, which finds its components here by short names
(`cosmicnet.Cosmicnet`). Everything is loaded when it is first used. This folder is the runtime: nothing here may train,
draw, or import more than NumPy, SciPy, safetensors and threadpoolctl. It is flat, since every module serves the one
path from request to tables.
"""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .inquiry import Coverage, SourceTables, covers, sources
    from .installed import installed_sets
    from .store import NetworkSet, load_network_set

    __version__: str

__all__ = [
    "Coverage", "NetworkSet", "SourceTables", "__version__", "covers", "installed_sets", "load_network_set", "sources",
]

# Name to the module that has it; Cobaya's components need Cobaya.
_MODULES = {
    **dict.fromkeys(("Coverage", "SourceTables", "covers", "sources"), "inquiry"),
    "installed_sets": "installed", **dict.fromkeys(("NetworkSet", "load_network_set"), "store"),
    **dict.fromkeys(("Cosmicnet", "CosmicnetCamb", "EmbeddedCMB", "ImportanceSampler"), "cobaya_components"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("cosmicnet")
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
