"""Where network sets are found by name: those that come with the package, and the user's own."""
from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

__all__ = ["FOLDER_VARIABLE", "MANIFEST", "installed_sets", "shipped_sets", "user_folder"]

MANIFEST = "manifest.json"
FOLDER_VARIABLE = "COSMICNET_NETWORKS"


def user_folder() -> Path:
    """The folder of the user's own sets, one folder each: $COSMICNET_NETWORKS, or cosmicnet/networks in
    $XDG_DATA_HOME, which is ~/.local/share by default."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path("~/.local/share").expanduser()) / "cosmicnet" / "networks"


def shipped_sets() -> dict[str, Path]:
    """Name to folder of the sets that come with the package."""
    return _sets(Path(str(files("cosmicnet") / "nets")))


def installed_sets() -> dict[str, Path]:
    """Name to folder of all sets that have a name; those of the package win."""
    return {**_sets(user_folder()), **shipped_sets()}


def _sets(root: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{MANIFEST}"))}
