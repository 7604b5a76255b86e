"""One run in both modes: what Cobaya calls `info`, with networks switched on or off."""
from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from cosmicnet.errors import CosmicnetError
from cosmicnet.store import DEFAULT_SET

__all__ = ["LINE_OF_SIGHT", "MODEL_BLOCKS", "USED", "in_mode", "networks_of", "uses_networks",
           "version_of"]

# what decides about the likelihood of a point; the rest of a run is how it is sampled
MODEL_BLOCKS = ("theory", "likelihood", "params", "prior", "packages_path")

FLAG = "neural_network"
LINE_OF_SIGHT = "fast_line_of_sight"
# the derived parameter that tells what gave the sources of a sample
USED = "neural_network_used"
# versions are added by Cobaya to its output, and would be compared when the run is made again
WITHOUT = ("version",)


def in_mode(info: Mapping[str, Any], mode: str, networks: str | None = None, *,
            one_line_of_sight: bool = True) -> dict[str, Any]:
    """The blocks of `info` that make the model, in mode 'full' or 'net'.

    networks : which ones, None for those of the run. Where they do not apply there is an error in mode net, never
    a silent step back to full CLASS, which would be compared with itself. Raises CosmicnetError for a run whose
    theory code knows no networks.
    one_line_of_sight : both modes through the fast one, so that what is compared are the sources; otherwise each mode
    through its own, as it is in a chain.
    """
    model = {name: deepcopy(info[name]) for name in MODEL_BLOCKS if info.get(name)}
    model["theory"] = {name: options or {} for name, options in (model.get("theory") or {}).items()}
    name, _ = _theory_code(model)
    options = model["theory"][name]
    if _is_stock(name, options):
        extra = options["extra_args"] = _without_flags(options.get("extra_args") or {})
        options.setdefault("path", "global")
        if mode == "net":
            extra |= {FLAG: "yes", f"{FLAG}_path": networks or networks_of(info), f"{FLAG}_fallback": "error"}
    else:
        for key in ("networks", "fallback"):
            options.pop(key, None)
        options["mode"] = mode
        if mode == "net":
            options |= {"networks": networks or networks_of(info), "fallback": "error"}
    if one_line_of_sight:
        options["extra_args"] = {LINE_OF_SIGHT: "yes", **(options.get("extra_args") or {})}
    for block in ("theory", "likelihood"):
        for component in model.get(block, {}).values():
            for key in WITHOUT:
                if isinstance(component, dict):
                    component.pop(key, None)
    return model


def networks_of(info: Mapping[str, Any]) -> str:
    """Name or folder of the networks that the run asks for."""
    name, options = _theory_code(info)
    if _is_stock(name, options):
        return str((options.get("extra_args") or {}).get(f"{FLAG}_path", DEFAULT_SET))
    return str(options.get("networks") or DEFAULT_SET)


def uses_networks(info: Mapping[str, Any]) -> bool:
    """Whether the samples of this run were made with networks."""
    name, options = _theory_code(info)
    if _is_stock(name, options):
        # CLASS's flags: what begins like yes, and Python's True
        return str((options.get("extra_args") or {}).get(FLAG, "no")).lower()[:1] in ("y", "t")
    return str(options.get("mode", "net")) == "net"


def version_of(info: Mapping[str, Any]) -> str | None:
    """What Cobaya recorded as the version of the theory code, None in a run that it has not written."""
    _, options = _theory_code(info)
    return options.get("version")


def _theory_code(info: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    theories = info.get("theory") or {}
    for name, options in theories.items():
        if _is_stock(name, options or {}) or _class_of(name, options or {}).endswith(".Cosmicnet"):
            return name, options or {}
    raise CosmicnetError(f"the run has no theory code that knows networks, but {', '.join(theories) or 'none at all'}: "
                         "it takes cosmicnet.Cosmicnet or classy")


def _class_of(name: str, options: Mapping[str, Any]) -> str:
    return str(options.get("class") or name)


def _is_stock(name: str, options: Mapping[str, Any]) -> bool:
    return _class_of(name, options) == "classy"


def _without_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if not str(name).startswith(FLAG)}
