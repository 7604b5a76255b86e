"""Edits tied to anchors: a few lines of the original text that must stand there exactly once."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["HOOK", "AnchorError", "Edit", "of_part"]

# The part of the patch that every CLASS needs.
HOOK = "hook"


class AnchorError(RuntimeError):
    """An anchor is missing from a file, or stands there more than once."""


@dataclass(frozen=True)
class Edit:
    """Insert `text` before or after `anchor`, or put it in its place.

    `anchor` is matched literally, line breaks and indentation included. `reason`: the purpose of the
    edit, for the error if the anchor does not match. `or_else`: the same edit for another release,
    tried if the anchor does not fit. `part`: of the patch (parts.py).
    """

    reason: str
    anchor: str
    where: Literal["before", "after", "instead"]
    text: str
    part: str = HOOK
    or_else: Edit | None = None

    def apply(self, original: str, file_name: str) -> str:
        """Return `original` with the edit made; AnchorError unless an anchor is unique."""
        count = original.count(self.anchor)
        if count != 1:
            if self.or_else is not None and original.count(self.or_else.anchor) == 1:
                return self.or_else.apply(original, file_name)
            found = "is missing" if count == 0 else f"stands {count} times (it must be unique)"
            raise AnchorError(f"{file_name}: the anchor for the edit '{self.reason}' {found}. Anchor:\n{self.anchor}")
        replacement = {
            "before": self.text + self.anchor,
            "after": self.anchor + self.text,
            "instead": self.text,
        }[self.where]
        return original.replace(self.anchor, replacement)


def of_part(part: str, edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The same edits as a part of the patch."""
    return tuple(replace(edit, part=part) for edit in edits)
