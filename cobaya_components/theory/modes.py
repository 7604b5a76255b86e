"""One run of Cobaya with networks and with full CLASS: which it uses, and how to switch.

`info` is Cobaya's dictionary of a run.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from cosmicnet.choice import AUTO, sets_by_domain
from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetError, NetworkFileError
from cosmicnet.manifest import Manifest
from cosmicnet.store import NetworkSet, load_network_set

__all__ = [
    "DIGITS", "ERROR", "FLAG", "USED", "in_mode", "learned_folder", "manifest_of", "named_sets", "networks_of",
    "recorded_networks", "sampled_names", "uses_networks", "version_of", "with_networks",
]

# The blocks of a run that determine the likelihood of a point.
MODEL_BLOCKS = ("theory", "likelihood", "params", "prior", "packages_path")

FLAG = "neural_network"
# Derived parameter: 1 where networks gave the sources of a sample.
USED = "neural_network_used"
# Derived parameter: the stated error of a sample's spectra, where networks were learned during the run.
ERROR = "neural_network_error"

# Digits of a set's hash in the version that Cobaya writes beside a chain, as a local version (PEP 440).
DIGITS = 12
LOCAL_VERSION = re.compile(rf"\+networks\.([0-9a-f]{{{DIGITS}}})$")


def in_mode(info: Mapping[str, Any], mode: str, networks: str | None = None, *,
            same_modules: bool = True, precision: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The blocks of `info` that make the model, in mode 'full' or 'net'.

    networks : name or folder of the set, None for that of the run. In mode net a point outside the domain is an error:
        a fallback would compare full CLASS with itself.
    same_modules : both modes use the fast modules, so that they differ by the sources alone; False leaves each mode its
        own, as in a chain.
    precision : parameters of CLASS's precision in place of the run's own.

    Raises CosmicnetError if the run has no theory code with networks.
    """
    model = {name: deepcopy(info[name]) for name in MODEL_BLOCKS if info.get(name)}
    model["theory"] = {name: options or {} for name, options in (model.get("theory") or {}).items()}
    name, _ = _theory_code(model)
    options = model["theory"][name]
    if _is_stock(name, options):
        given = options.get("extra_args") or {}
        extra = options["extra_args"] = {key: value for key, value in given.items() if not str(key).startswith(FLAG)}
        options.setdefault("path", "global")
        if mode == "net":
            extra |= {FLAG: "yes", f"{FLAG}_path": networks or networks_of(info), f"{FLAG}_fallback": "error"}
    else:
        for key in ("networks", "fallback", "learned"):
            options.pop(key, None)
        options["mode"] = mode
        if mode == "net":
            options |= {"networks": networks or networks_of(info), "fallback": "error"}
    options["extra_args"] = {**(SAME_MODULES if same_modules else {}), **(options.get("extra_args") or {}),
                             **(precision or {})}
    for block in ("theory", "likelihood"):
        for component in model.get(block, {}).values():
            if isinstance(component, dict):
                # Cobaya records the version, and refuses a run with another one
                component.pop("version", None)
    return model


def networks_of(info: Mapping[str, Any]) -> str:
    """Name or folder of the run's network set."""
    name, options = _theory_code(info)
    if _is_stock(name, options):
        return str((options.get("extra_args") or {}).get(f"{FLAG}_path", AUTO))
    return str(options.get("networks") or AUTO)


def named_sets(networks: str) -> dict[str, NetworkSet]:
    """The set of this name or folder; for 'auto' all installed ones, the narrowest domain first.

    Raises NetworkFileError.
    """
    found = dict(sets_by_domain()) if networks == AUTO else {networks: load_network_set(networks)}
    if not found:
        raise NetworkFileError("no networks are installed")
    return found


def manifest_of(info: Mapping[str, Any], networks: str | None = None) -> Manifest:
    """The manifest of these networks, or of the run's: those that Cobaya recorded beside a chain, else the set
    with the narrowest domain."""
    sets = [one.manifest for one in named_sets(networks or networks_of(info)).values()]
    digits = recorded_networks(version_of(info))
    return next((one for one in sets if digits and one.sha256.startswith(digits)), sets[0])


def uses_networks(info: Mapping[str, Any]) -> bool:
    """Whether the samples of this run were made with networks."""
    name, options = _theory_code(info)
    if _is_stock(name, options):
        # the words that classy takes for yes
        return str((options.get("extra_args") or {}).get(FLAG, "no")).strip().lower() in ("yes", "y", "true", "on", "1")
    return str(options.get("mode", "net")) in ("net", "learn")


def learned_folder(info: Mapping[str, Any]) -> str | None:
    """The folder of the networks that learn during this run; None where none do."""
    name, options = _theory_code(info)
    return None if _is_stock(name, options) or options.get("mode") != "learn" else str(options.get("learned"))


def version_of(info: Mapping[str, Any]) -> str | None:
    """The version of the theory code as Cobaya recorded it; None in an input file."""
    _, options = _theory_code(info)
    return options.get("version")


def with_networks(version: str, sha256: str) -> str:
    """CLASS's version followed by the first digits of the set's hash."""
    return f"{version}+networks.{sha256[:DIGITS]}"


def recorded_networks(version: object) -> str | None:
    """The digits that `with_networks` added to a version, if any."""
    found = LOCAL_VERSION.search(str(version))
    return found.group(1) if found else None


def sampled_names(info: Mapping[str, Any]) -> list[str]:
    """The sampled parameters of a run."""
    return [name for name, given in info["params"].items() if isinstance(given, dict) and "prior" in given]


def _theory_code(info: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    theories = info.get("theory") or {}
    for name, options in theories.items():
        if _is_stock(name, options or {}) or _class_of(name, options or {}).endswith(".Cosmicnet"):
            return name, options or {}
    raise CosmicnetError(f"the run needs the theory code cosmicnet.Cosmicnet or classy, but has "
                         f"{', '.join(theories) or 'none'}")


def _class_of(name: str, options: Mapping[str, Any]) -> str:
    return str(options.get("class") or name)


def _is_stock(name: str, options: Mapping[str, Any]) -> bool:
    return _class_of(name, options) == "classy"
