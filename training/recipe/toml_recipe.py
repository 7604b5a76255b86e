"""Read a TOML file into a pydantic model: every mistake is told at once, with its line, what was meant and what is
allowed."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from pydantic import BaseModel, ConfigDict, ValidationError

from cosmicnet.errors import CosmicnetError

from .toml_lines import key_lines, line_of

__all__ = ["RecipeError", "Strict", "load_toml_recipe", "located", "read_tables", "read_text", "unknown"]


class RecipeError(CosmicnetError):
    """A recipe that cannot be read or has a wrong entry."""


class Strict(BaseModel):
    """A table of a recipe: no other entries, no NaN, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Strict)

# What pydantic says of Python's types, in the words of TOML.
IN_TOML = {
    "missing": "is missing", "dict_type": "must be a table", "model_type": "must be a table",
    "list_type": "must be a list", "tuple_type": "must be a list",
    "string_pattern_mismatch": "must be of small letters, digits and _ only", "too_short": "has too few values",
    "int_type": "must be a whole number", "float_type": "must be a number", "string_type": "must be a text",
}


def load_toml_recipe(path: Path, model: type[Model]) -> Model:
    """Read and check a recipe; RecipeError names the file, the line, the entry and what is allowed."""
    try:
        return model(**read_tables(path))
    except ValidationError as error:
        lines = key_lines(read_text(path))
        explained = [_with_line(lines, *_explain(model, e["type"], e["loc"], e["msg"])) for e in error.errors()]
        raise RecipeError(f"{path}:\n  " + "\n  ".join(dict.fromkeys(explained))) from error


def read_tables(path: Path) -> dict[str, Any]:
    """The entries of a recipe, unchecked; RecipeError if it is no TOML."""
    try:
        return tomllib.loads(read_text(path))
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error


def read_text(path: Path) -> str:
    """The text of a recipe; RecipeError if there is none."""
    try:
        # some editors begin with a mark of the byte order
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that is none of the known ones."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{what}: unknown; {meant}Known: {', '.join(names)}"


def located(path: Path, message: str) -> str:
    """The message with the file and the line of the entry that it begins with."""
    return f"{path}:\n  {_with_line(key_lines(read_text(path)), _entry_of(message), message)}"


def _entry_of(message: str) -> tuple[str, ...]:
    return tuple(message.split(":")[0].split(" ")[0].rstrip(",").split(".", 2))


def _with_line(lines: Mapping[tuple[str, ...], int], path: tuple[str, ...], message: str) -> str:
    line = line_of(lines, path)
    return message if line is None else f"line {line}: {message}"


def _explain(
    model: type[Strict], kind: str, location: tuple[str | int, ...], message: str
) -> tuple[tuple[str, ...], str]:
    """Path and text of one error of pydantic."""
    path = tuple(map(str, location))
    where = ".".join(path)
    text = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return path, unknown(where, path[-1], _entries(model, location[:-1]))
    if kind == "value_error":
        # from a check of ours, which begins with the entry that it speaks of, below the table that was checked
        return (*path, *_entry_of(text)), f"{where}: {text}" if where else text
    if kind in ("missing", "too_long") and path and path[-1].isdecimal():
        return path[:-1], f"{'.'.join(path[:-1])}: has too few values"
    if kind == "too_long":
        return path, f"{where}: has too many values"
    return path, f"{where or 'recipe'}: {IN_TOML.get(kind) or text.replace('Input should', 'must')}"


def _entries(model: type[Strict], location: tuple[str | int, ...]) -> list[str]:
    """The names of the entries that a table of the recipe may have."""
    table: Any = model
    for name in location:
        # of a table whose names are free, dict[str, X], the X
        table = get_args(table)[-1] if get_origin(table) is dict else table.model_fields[name].annotation
        if get_origin(table) in (Union, UnionType):
            table = next(kind for kind in get_args(table) if kind is not type(None))
    return list(table.model_fields)
