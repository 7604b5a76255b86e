"""Choice of an installed set: the one with the narrowest domain that covers a request, or most of several requests.

For the same number of models, networks of a narrower domain are more accurate.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .errors import NetworkFileError
from .installed import installed_sets
from .manifest import PAPER_ARCHITECTURE, Manifest
from .store import NetworkSet, load_network_set, read_manifest

__all__ = ["AUTO", "choose", "sets_by_domain"]

# The value of neural_network_path that leaves the choice to this module.
AUTO = "auto"

Reasons = Mapping[str, tuple[str, ...]]


def sets_by_domain() -> Iterator[tuple[str, NetworkSet]]:
    """Load the installed sets one by one, each with its name, the narrowest domain first: those of fewer parameters and
    narrower ranges.

    The networks of the first paper answer by name only: for their narrow domain they are not accurate. Sets that cannot
    be read are left out; selecting one by name raises its error.
    """
    manifests, folders = {}, installed_sets()
    for name, folder in folders.items():
        try:
            manifest = read_manifest(folder)
        except NetworkFileError:
            continue
        if manifest.architecture != PAPER_ARCHITECTURE:
            manifests[name] = manifest
    for name in sorted(manifests, key=lambda name: (_size_of_domain(manifests[name]), name)):
        try:
            yield name, load_network_set(folders[name])
        except NetworkFileError:
            continue


def _size_of_domain(manifest: Manifest) -> tuple[int, float]:
    """Number of parameters that vary, and the sum of their ranges relative to their values."""
    widths = [(high - low) / max(abs(high), abs(low), 1e-300) for low, high in manifest.domain.values()]
    return sum(width > 0.0 for width in widths), sum(widths)


def choose(answers: Sequence[Reasons]) -> str:
    """The set that covers most of several requests, the narrowest one of equals. If none covers any, the set with the
    fewest reasons against it.

    answers: for each request (at least one), the reasons against each set, the narrowest first; () where it covers.
    """
    names = list(answers[0])

    def rank(name: str) -> tuple[int, int, int]:
        reasons = [len(answer[name]) for answer in answers]
        return -reasons.count(0), sum(reasons), names.index(name)

    return min(names, key=rank)
