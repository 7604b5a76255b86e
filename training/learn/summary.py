"""Summary of a folder of learned networks and their audits."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from scipy.stats import beta

from .folder import IDENTITY, Learned

__all__ = ["bounded_share", "summary_table"]

# The interval of the share of audits that the stated error bounds.
CONFIDENCE = 0.68


def summary_table(folder: Path) -> Table:
    """One row for each kind of model in the folder. OSError if there is none."""
    parts = sorted(path.parent for path in folder.glob(f"*/{IDENTITY}"))
    if not parts:
        raise FileNotFoundError(f"{folder}: nothing was learned there")
    table = Table("kind", "models", "learned by the networks", "audits", "median chi2", "largest chi2",
                  "bounded by the stated error", title=str(folder))
    for part in parts:
        try:
            learned = Learned.of(part)
        except (OSError, ValueError, TypeError) as error:
            table.add_row(part.name, f"cannot be used: {error}")
            continue
        networks, audits = learned.newest_networks(), list(learned.audits().values())
        errors = [float(audit["chi2"]) for audit in audits]
        table.add_row(part.name, str(len(learned.models())), str(int(networks.name)) if networks else "none yet",
                      str(len(audits)), *(f"{of(errors):.2g}" if errors else "" for of in (np.median, max)),
                      bounded_share(audits))
    return table


def bounded_share(audits: Sequence[dict[str, Any]]) -> str:
    """The share of audits, of those whose error was stated beforehand, that this error bounds, with its uncertainty."""
    stated = [audit for audit in audits if np.isfinite(audit["stated"])]
    if not stated:
        return ""
    bounded = sum(audit["chi2"] <= audit["stated"] for audit in stated)
    low, high = beta.interval(CONFIDENCE, bounded + 0.5, len(stated) - bounded + 0.5)
    return f"{bounded} of {len(stated)} ({100.0 * low:.0f} to {100.0 * high:.0f}%)"
