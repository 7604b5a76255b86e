"""The CLASS of this process."""
from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

__all__ = ["RunningClass", "extension_of", "running_class"]


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

    extension = extension_of(classy)
    return RunningClass(str(classy.__version__), str(extension.SOURCE_DIGEST), tuple(extension.CHANGED_FILES))


def extension_of(classy: ModuleType) -> ModuleType:
    """The compiled module of an imported classy, which before CLASS 3.3.2 is `classy` itself."""
    extension: ModuleType = getattr(classy, "_classy", classy)
    return extension
