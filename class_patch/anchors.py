"""Edits tied to anchors: a few lines of the original text that must stand there exactly once."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AnchorError", "Edit", "apply_edits"]


class AnchorError(RuntimeError):
    """An anchor is missing from a file, or stands there more than once."""


@dataclass(frozen=True)
class Edit:
    """Insert `text` before or after `anchor`, or put it in its place.

    `anchor` is matched literally, line breaks and indentation included; `reason` says what the
    edit is for and appears in the error when the anchor does not match.
    """

    reason: str
    anchor: str
    where: Literal["before", "after", "instead"]
    text: str

    def apply(self, original: str, file_name: str) -> str:
        """Return `original` with the edit made; AnchorError unless the anchor is unique."""
        count = original.count(self.anchor)
        if count != 1:
            found = "is missing" if count == 0 else f"stands {count} times (it must be unique)"
            raise AnchorError(
                f"{file_name}: the anchor for the edit '{self.reason}' {found}. This CLASS differs "
                f"from the version that the patch knows; see docs/patch.md on porting. Anchor:\n"
                f"{self.anchor}"
            )
        replacement = {
            "before": self.text + self.anchor,
            "after": self.anchor + self.text,
            "instead": self.text,
        }[self.where]
        return original.replace(self.anchor, replacement)


def apply_edits(original: str, edits: tuple[Edit, ...], file_name: str) -> str:
    """Apply all edits of one file in order."""
    for edit in edits:
        original = edit.apply(original, file_name)
    return original
