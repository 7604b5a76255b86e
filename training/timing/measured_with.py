"""The line of a page of measurements that names the networks and the build of classy."""
from __future__ import annotations

from importlib.metadata import version

from cosmicnet.store import read_manifest

__all__ = ["measured_with"]


def measured_with(*networks: str) -> str:
    """The line for these sets (names or folders); NetworkFileError for one that cannot be read."""
    manifests = map(read_manifest, networks)
    named = "; ".join(f"{manifest.name}, hash {manifest.sha256[:12]}" for manifest in manifests)
    return f"Networks: {named}. CLASS: {version('classy')}."
