"""Which sets of a registry cover a cosmology, without fetching them."""
from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from cosmicnet.coverage import outside_domain
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class

from ..work.run_class import Parameters, require_patched_classy
from .registry import PublishedSet, published_manifest, why_not_usable

__all__ = ["found_table", "reasons_against"]


def found_table(address: str, entries: Sequence[PublishedSet], parameters: Parameters | None) -> Table:
    """All sets, those that cover the parameters first; without parameters, all that this CLASS can use."""
    require_patched_classy()
    reasons = {entry.folder: reasons_against(address, entry, parameters) for entry in entries}
    table = Table("set", "description", "licence", "MB", "models, MB", "why not", title=address)
    for entry in sorted(entries, key=lambda entry: (len(reasons[entry.folder]), entry.folder)):
        size = sum(file.size for file in entry.files.values()) / 1e6
        table.add_row(entry.folder, entry.description, entry.licence, f"{size:.1f}",
                      f"{entry.training.bytes / 1e6:.0f}" if entry.training else "", "; ".join(reasons[entry.folder]))
    return table


def reasons_against(address: str, entry: PublishedSet, parameters: Parameters | None) -> list[str]:
    """Why a set cannot be used here, or its domain does not hold these parameters of CLASS. Settings and precision are
    compared once it is fetched (`cosmicnet coverage`)."""
    if reason := why_not_usable(entry, running_class()):
        return [reason]
    if parameters is None:
        return []
    manifest = published_manifest(address, entry)
    return at_request(parameters, lambda request: list(outside_domain(request, manifest))) or []
