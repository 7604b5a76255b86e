"""The edits that declare a part in one of CLASS's modules: its header, its fields, their values before the input is
read."""
from __future__ import annotations

from ..anchors import HOOK, Edit

__all__ = ["add_fields", "include", "set_defaults"]


def include(reason: str, after: str, *headers: str, part: str = HOOK) -> Edit:
    """Include our headers, named below cosmicnet/, after CLASS's header `after`."""
    return Edit(reason, anchor=f'#include "{after}"\n', where="after",
                text="".join(f'#include "cosmicnet/{header}"\n' for header in headers), part=part)


def add_fields(reason: str, verbose: str, text: str) -> Edit:
    """New fields in a module's structure, before the one that is declared as `verbose`."""
    return Edit(reason, anchor=f"  short {verbose}", where="before", text=text)


def set_defaults(reason: str, verbose: str, text: str) -> Edit:
    """Values of the new fields before the input is read, after that of the structure's field `verbose`."""
    return Edit(reason, anchor=f"  {verbose} = 0;\n", where="after", text=text)
