"""Summary of a folder of learned networks and their audits."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from scipy.stats import beta

from .calibration import Calibration
from .folder import CALIBRATION, IDENTITY, Learned
from .learner import TOLERANCE

__all__ = ["bounded_share", "summary_table"]

# The interval of the share of audits that the stated error bounds.
CONFIDENCE = 0.68


def summary_table(folder: Path) -> Table:
    """One row for each kind of model in the folder. OSError if there is none."""
    parts = sorted(path.parent for path in folder.glob(f"*/{IDENTITY}"))
    if not parts:
        raise FileNotFoundError(f"{folder}: nothing was learned there")
    table = Table("kind", "models", "learned by the networks", "audits", "median chi2", "largest chi2",
                  "bounded by the stated error", "stated in the middle", "damaged", title=str(folder))
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
                      bounded_share(audits), "" if networks is None else _in_the_middle(networks),
                      ", ".join(learned.damaged()))
    return table


def _in_the_middle(networks: Path) -> str:
    """The stated error where it is least, and what follows if that is too large."""
    try:
        stated = Calibration.read(networks / CALIBRATION).chi2_in_the_middle()
    except (OSError, ValueError) as error:
        return str(error)
    if not np.isfinite(stated):
        return "too few audits yet"
    return f"{stated:.2g}" + (f", above {TOLERANCE}: CLASS integrates" if stated > TOLERANCE else "")


def bounded_share(audits: Sequence[Mapping[str, Any]]) -> str:
    """The share of audits, of those whose error was stated beforehand, that this error bounds, with its uncertainty."""
    stated = [audit for audit in audits if np.isfinite(audit["stated"])]
    if not stated:
        return ""
    bounded = sum(audit["chi2"] <= audit["stated"] for audit in stated)
    low, high = beta.interval(CONFIDENCE, bounded + 0.5, len(stated) - bounded + 0.5)
    return f"{bounded} of {len(stated)} ({100.0 * low:.0f} to {100.0 * high:.0f}%)"
