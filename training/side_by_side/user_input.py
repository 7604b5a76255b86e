"""CLASS parameters from a user's file: an INI file of CLASS, a YAML file of parameters, or a run of Cobaya at its
reference point."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cosmicnet.class_parameters import CLASS_PARAMETERS
from cosmicnet.errors import CosmicnetError
from cosmicnet.files import TOO_DEEP

from ..recipe.class_names import known_settings
from ..work.run_class import Parameters

__all__ = ["UserInput", "class_value", "read_input"]

# Output options of CLASS's main program.
FILES = ("root", "overwrite_root", "headers", "format", "input_verbose", "output_verbose")
# Likelihoods choose the output of a run of Cobaya; here it has none of its own.
COBAYA_OUTPUT: Parameters = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 2508, "P_k_max_h/Mpc": 1.0}
SEED = 0


@dataclass(frozen=True)
class UserInput:
    """parameters: of CLASS, without those that choose a mode; notes: sentences on changes to the file's content.
    network: name or folder of the set that the file names."""

    parameters: Parameters
    notes: tuple[str, ...] = ()
    network: str | None = None


def read_input(path: Path) -> UserInput:
    """Read a file by its ending: .yaml or .yml, otherwise as an INI file. CosmicnetError names file and entry."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise CosmicnetError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    found = _of_yaml(text, path) if path.suffix in (".yaml", ".yml") else _of_ini(text, path)
    # the modes choose the options of this package themselves
    chosen = {*FILES, *(parameter.name for parameter in CLASS_PARAMETERS.values() if parameter.kind == "network")}
    left_out = [name for name in found.parameters if name in chosen or name.startswith("write")]
    parameters = {name: value for name, value in found.parameters.items() if name not in left_out}
    if not str(parameters.get("output", "")).strip():
        raise CosmicnetError(f"{path}: output: requests no spectra; nothing to compare")
    note = [f"Left out of the input: {', '.join(left_out)}."] if left_out else []
    network = found.network or found.parameters.get("neural_network_path")
    return UserInput(parameters, (*found.notes, *note), None if network is None else str(network))


def _of_ini(text: str, path: Path) -> UserInput:
    """As CLASS reads it: name = value, '#' begins a comment, other lines are comments as well."""
    found: dict[str, str] = {}
    notes = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.split("#", 1)[0]
        if "=" not in entry:
            continue
        name, value = (part.strip().strip("\"'") for part in entry.split("=", 1))
        if not name or not value:
            notes.append(f"Line {number} has no {'value' if name else 'name'}, and CLASS skips it: {line.strip()}")
            continue
        if name in found:
            raise CosmicnetError(f"{path}, line {number}: {name} is given twice")
        found[name] = value
    return UserInput(found, tuple(notes))


def _of_yaml(text: str, path: Path) -> UserInput:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CosmicnetError(f"{path} is no valid YAML: {error}") from error
    except RecursionError as error:
        raise CosmicnetError(f"{path} is no valid YAML: {TOO_DEEP}") from error
    if not isinstance(content, dict):
        raise CosmicnetError(f"{path}: must be a mapping of CLASS parameters, or a run of Cobaya")
    if "theory" in content:
        return _of_cobaya(content, path)
    return UserInput({str(name): class_value(name, value, path) for name, value in content.items()})


def class_value(name: object, value: object, path: Path) -> str | int | float:
    """A value of a file as CLASS takes it; CosmicnetError for a mapping or nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        if any(isinstance(entry, list) for entry in value):
            raise CosmicnetError(f"{path}: {name}: must be a text, a number or a list of them, not a list of lists")
        return ",".join(str(class_value(name, entry, path)) for entry in value)
    if not isinstance(value, (str, int, float)):
        raise CosmicnetError(f"{path}: {name}: must be a text, a number or a list of them")
    return value


def _of_cobaya(info: Mapping[str, Any], path: Path) -> UserInput:
    """The reference point of a run; parameters that CLASS does not read are those of likelihoods."""
    theories = {name: _mapping(options, f"theory: {name}", path)
                for name, options in _mapping(info["theory"], "theory", path).items()}
    name = next((name for name in theories if name == "classy" or name.endswith("Cosmicnet")), None)
    if name is None:
        raise CosmicnetError(f"{path}: theory: has neither classy nor cosmicnet.Cosmicnet, but "
                         f"{', '.join(theories) or 'nothing'}")
    extra = {key: class_value(key, value, path)
             for key, value in _mapping(theories[name].get("extra_args"), "extra_args", path).items()}
    reference = _reference_point(info, bool(theories[name].get("use_planck_names")), path)
    known = known_settings()
    parameters = {**COBAYA_OUTPUT, **{key: value for key, value in reference.items() if key in known}, **extra}
    notes = ["The cosmology is the reference point of the run."]
    if unknown := [key for key in reference if key not in known]:
        notes.append(f"CLASS does not read {', '.join(unknown)}.")
    if "output" not in extra:
        notes.append("The run leaves the output to its likelihoods; here it is lensed C_l to l = 2508 and P(k).")
    return UserInput(parameters, tuple(notes), theories[name].get("networks"))


def _mapping(value: Any, name: str, path: Path) -> Mapping[str, Any]:
    """The options below an entry of a run, none where it has none."""
    if not isinstance(value or {}, dict):
        raise CosmicnetError(f"{path}: {name}: must be a mapping of options, not {value!r:.60}")
    return value or {}


def _reference_point(info: Mapping[str, Any], planck_names: bool, path: Path) -> dict[str, Any]:
    from cobaya.log import LoggedError
    from cobaya.parameterization import Parameterization
    from cobaya.prior import Prior
    from cobaya.theories.classy import classy

    logging.getLogger("cobaya").addHandler(logging.NullHandler())
    try:
        # a derived parameter, such as sigma8, would be a requirement of the theory code
        given = {name: entry for name, entry in _mapping(info.get("params"), "params", path).items()
                 if not isinstance(entry, dict) or {"prior", "value"} & set(entry)}
        parameterization = Parameterization(given, ignore_unused_sampled=True)
        prior = Prior(parameterization, info.get("prior"))
        values = prior.reference(random_state=np.random.default_rng(SEED), warn_if_no_ref=False)
        point = parameterization.to_input(dict(zip(parameterization.sampled_params(), map(float, values), strict=True)))
    except LoggedError as error:
        raise CosmicnetError(f"{path}: params: {error}") from error
    renames = classy.get_defaults().get("renames", {}) if planck_names else {}
    return {renames.get(name, name): value for name, value in point.items()}
