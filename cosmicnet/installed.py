"""Where network sets are found by name: those that come with the package, and the user's own."""
from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .errors import NetworkFileError

__all__ = ["FOLDER_VARIABLE", "MANIFEST", "installed_sets", "shipped_sets", "user_folder"]

MANIFEST = "manifest.json"
SHIPPED = Path(__file__).parent / "nets"
FOLDER_VARIABLE = "COSMICNET_NETWORKS"


def user_folder() -> Path:
    """The folder of the user's own sets, one folder each: $COSMICNET_NETWORKS, or cosmicnet/networks in
    $XDG_DATA_HOME, which is ~/.local/share by default. NetworkFileError for a user without a home."""
    chosen, data = os.environ.get(FOLDER_VARIABLE), os.environ.get("XDG_DATA_HOME")
    try:
        if chosen:
            return Path(chosen).expanduser()
        return (Path(data) if data else Path("~/.local/share").expanduser()) / "cosmicnet" / "networks"
    except RuntimeError as error:
        raise NetworkFileError(f"no folder for your own networks ({error}): set {FOLDER_VARIABLE}") from error


def shipped_sets() -> dict[str, Path]:
    """Folders of the shipped sets, by name."""
    return _sets(SHIPPED)


def installed_sets() -> dict[str, Path]:
    """Folders of all named sets, by name; shipped ones take precedence."""
    own = {}
    with suppress(NetworkFileError, OSError):
        own = _sets(user_folder())
    return {**own, **shipped_sets()}


def _sets(root: Path) -> dict[str, Path]:
    # called at each compute(): Path.glob() takes ten times as long
    folder = str(root)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return {name: root / name for name in sorted(names) if os.path.isfile(f"{folder}/{name}/{MANIFEST}")}
