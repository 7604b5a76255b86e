"""Coverage of a user's inputs by the installed networks, without any integration."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from cosmicnet.choice import AUTO
from cosmicnet.errors import CosmicnetError
from cosmicnet.files import parse_json
from cosmicnet.inquiry import covers

from ..work.parallel import progress
from ..work.run_class import Parameters, require_patched_classy
from .user_input import UserInput, class_value, read_input

__all__ = ["coverage_table", "read_inputs", "why_not"]


def read_inputs(path: Path) -> dict[str, UserInput]:
    """Inputs by name: one from an INI or YAML file, any number from a JSON file."""
    if path.suffix != ".json":
        return {path.name: read_input(path)}
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
        if isinstance(content, list):
            return {str(entry["name"]): _of_json(entry["class"], path) for entry in content}
        return {path.name: _of_json(content, path)}
    except OSError as error:
        raise CosmicnetError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CosmicnetError(f"{path}: must be a dictionary of CLASS parameters, or a list of "
                         f'{{"name": ..., "class": {{...}}}} ({error})') from error


def _of_json(entries: Mapping[str, Any], path: Path) -> UserInput:
    return UserInput({name: class_value(name, value, path) for name, value in entries.items()})


def coverage_table(inputs: Mapping[str, UserInput], network: str | None) -> Table:
    """The networks that cover each input, or the first reason why the nearest ones do not.

    network: name or folder of the only set to try; None for the one that an input names, or all installed ones.
    """
    require_patched_classy()
    table = Table("input", "covered by", "why not")
    covered = 0
    with progress("probing", len(inputs)) as advance:
        for name, given in inputs.items():
            by, reason = why_not(given.parameters, network or given.network or AUTO)
            covered += bool(by)
            table.add_row(name, by, reason)
            advance()
    table.title = f"{covered} of {len(inputs)} inputs are covered"
    return table


def why_not(parameters: Parameters, network: str) -> tuple[str, str]:
    """The networks that cover an input, else the reason: one of these is empty."""
    from classy import CosmoComputationError, CosmoSevereError

    try:
        coverage = covers(parameters, network)
    except (CosmoComputationError, CosmoSevereError) as error:
        # the last line is CLASS's innermost
        return "", f"CLASS: {str(error).strip().splitlines()[-1].removeprefix('Error in Class: ')}"
    except CosmicnetError as error:
        return "", str(error)
    if coverage:
        return coverage.network, ""
    first, *others = coverage.why_not[coverage.network]
    more = f" (and {len(others)} more)" if others else ""
    return "", f"{coverage.network}: {first}{more}"
