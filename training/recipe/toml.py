"""Read a TOML file into a pydantic model; report all mistakes at once, each with its line, the closest name and
the allowed values."""
from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
from cosmicnet.files import TOO_DEEP

__all__ = [
    "Entry", "EntryError", "RecipeError", "Strict", "at_its_line", "load_toml", "read_tables", "unknown",
    "wrong_entries",
]

# The keys that lead to a table or a value, such as ("sampling", "ranges", "H0").
Entry = tuple[str, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]\]?\s*(?:#.*)?$")
_ENTRY = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")


class RecipeError(CosmicnetError):
    """A recipe that cannot be read, has a wrong entry, or cannot be made."""


class EntryError(CosmicnetError):
    """A wrong entry of a recipe, with which the message begins; at_its_line() makes it a RecipeError."""


class Strict(BaseModel):
    """A table of a recipe: no other entries, no NaN, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Strict)

# Pydantic's kinds of errors in TOML's words.
IN_TOML = {
    "missing": "is missing", "dict_type": "must be a table", "model_type": "must be a table",
    "list_type": "must be a list", "tuple_type": "must be a list",
    "string_pattern_mismatch": "must be of small letters, digits and _ only", "too_short": "has too few values",
    "int_type": "must be a whole number", "float_type": "must be a number", "string_type": "must be a text",
}


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read and check a recipe; RecipeError names the file, the line, the entry and the allowed values."""
    try:
        return model(**read_tables(path))
    except ValidationError as error:
        raise wrong_entries(path, (_explain(model, e["type"], e["loc"], e["msg"]) for e in error.errors())) from error


def read_tables(path: Path) -> dict[str, Any]:
    """The entries of a recipe, unchecked; RecipeError if it is no TOML."""
    try:
        return tomllib.loads(_read(path))
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error
    except RecursionError as error:
        raise RecipeError(f"{path} is no valid TOML: {TOO_DEEP}") from error


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The message for a name that is none of the known ones."""
    names = list(known)
    near = get_close_matches(name, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{what}: unknown; {meant}Known: {', '.join(names)}"


def wrong_entries(path: Path, wrong: Iterable[tuple[Entry, str]]) -> RecipeError:
    """The error for these entries of the recipe `path`, with their messages."""
    lines = _lines(_read(path))
    messages = []
    for entry, message in wrong:
        line = _line_of(lines, entry)
        messages.append(message if line is None else f"line {line}: {message}")
    return RecipeError(f"{path}:\n  " + "\n  ".join(dict.fromkeys(messages)))


@contextmanager
def at_its_line(path: Path) -> Iterator[None]:
    """Make an EntryError a RecipeError with the line in the recipe `path`."""
    try:
        yield
    except EntryError as error:
        raise wrong_entries(path, [(_entry_of(str(error)), str(error))]) from error


def _read(path: Path) -> str:
    try:
        # some editors begin with a mark of the byte order
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RecipeError(f"{path} is no valid TOML: {error}") from error


def _entry_of(message: str) -> Entry:
    return tuple(message.split(":")[0].split(" ")[0].rstrip(",").split(".", 2))


def _explain(model: type[Strict], kind: str, location: tuple[str | int, ...], message: str) -> tuple[Entry, str]:
    """Entry and text of one error of pydantic."""
    path = tuple(map(str, location))
    where = ".".join(path)
    text = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return path, unknown(where, path[-1], _entries(model, location[:-1]))
    if kind == "value_error":
        # from a check of the package, whose message begins with the entry below the checked table
        return (*path, *_entry_of(text)), f"{where}: {text}" if where else text
    if kind in ("missing", "too_long") and path and path[-1].isdecimal():
        return path[:-1], f"{'.'.join(path[:-1])}: has too few values"
    if kind == "too_long":
        return path, f"{where}: has too many values"
    return path, f"{where or 'recipe'}: {IN_TOML.get(kind) or text.replace('Input should', 'must')}"


def _entries(model: type[Strict], location: tuple[str | int, ...]) -> list[str]:
    """The names that a table of the recipe may have."""
    table: Any = model
    for name in location:
        # X for a table with free names, dict[str, X]
        table = get_args(table)[-1] if get_origin(table) is dict else table.model_fields[name].annotation
        if get_origin(table) in (Union, UnionType):
            table = next(kind for kind in get_args(table) if kind is not type(None))
    return list(table.model_fields)


def _lines(text: str) -> dict[Entry, int]:
    """Line (from 1) of every table and key of a valid TOML file; a line of a multi-line string that looks like a key is
    taken for one."""
    lines: dict[Entry, int] = {}
    table: Entry = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _split(header[1])
            lines.setdefault(table, number)
        elif entry := _ENTRY.match(line):
            lines.setdefault((*table, *_split(entry[1])), number)
    return lines


def _line_of(lines: dict[Entry, int], entry: Entry) -> int | None:
    """The line of the key, or of the innermost table around it that is in the file."""
    return next((lines[entry[:length]] for length in range(len(entry), 0, -1) if entry[:length] in lines), None)


def _split(dotted: str) -> Entry:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, dotted))
