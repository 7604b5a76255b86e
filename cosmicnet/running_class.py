"""The CLASS of this process."""
from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RunningClass", "running_class"]


@dataclass(frozen=True)
class RunningClass:
    """version: as CLASS ('v3.4.1') or its package ('3.4.1.0+cosmicnet.1') writes it. source_digest: SHA-256 of the
    files that act before or in the source functions, before the patch. changed_files: those of them that differ from
    the release.
    """

    version: str
    source_digest: str
    changed_files: tuple[str, ...] = ()


def running_class() -> RunningClass:
    """Version and digests that were compiled into the classy of this Python."""
    # imported late: classy itself calls this
    import classy
    from classy import _classy

    return RunningClass(str(classy.__version__), str(_classy.SOURCE_DIGEST), tuple(_classy.CHANGED_FILES))
