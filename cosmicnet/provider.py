"""What the shim in classy talks to: decide, fill, count, and say what was done."""
from __future__ import annotations

import os
import warnings
from time import perf_counter
from typing import Any

import numpy as np

from .coverage import require_covered, without_numbers
from .errors import CosmicnetError, CosmicnetWarning, NotCovered, OptionError
from .request import Request
from .running_class import RunningClass, running_class
from .store import DEFAULT_SET, NetworkSet, load_network_set

__all__ = ["COMPARE_WITH", "NetworkProvider", "open_provider"]

FALLBACKS = ("full", "error")

# Most of the difference that a newcomer sees between no and yes.
COMPARE_WITH = (
    "full CLASS with fast_line_of_sight: yes, which networks switch on; by default its own line of sight is up to a "
    "Wishart chi2 of 4.3 from converged CLASS, the fast one 0.009 (docs/line_of_sight.md)")

# Fallbacks of this process, over all Class objects.
_fallback_count = 0
# Reasons that were warned of, without their numbers: a chain that leaves the domain at every other
# point warns once, and neural_network_info() counts.
_warned: set[str] = set()


def open_provider(
    neural_network_path: str | os.PathLike[str] = DEFAULT_SET, neural_network_fallback: str = "full"
) -> NetworkProvider:
    """Load the networks and check the options; called by classy at each compute().

    Raises OptionError or NetworkFileError.
    """
    fallback = str(neural_network_fallback).strip().lower()
    if fallback not in FALLBACKS:
        raise OptionError(f"neural_network_fallback = {neural_network_fallback!r}: allowed are "
                          f"{' and '.join(FALLBACKS)}")
    start = perf_counter()
    networks = load_network_set(str(neural_network_path).strip())
    return NetworkProvider(networks, fallback, perf_counter() - start, running_class())


class NetworkProvider:
    """Gives the sources of one compute(), or hands it back to CLASS."""

    def __init__(self, networks: NetworkSet, fallback: str, loading_seconds: float, running: RunningClass) -> None:
        self.networks = networks
        self.fallback = fallback
        self.running = running
        self._used = False
        self._reason: str | None = "the perturbations were not computed"
        self._seconds = {"loading": loading_seconds}

    def provide(self, request: Request) -> bool:
        """Fill request.tables and return True, or return False to have CLASS integrate.

        Raises NotCovered if the request is not covered and the fallback is 'error'; CosmicnetError if
        the networks give numbers that are not finite.
        """
        global _fallback_count
        start = perf_counter()
        try:
            require_covered(request, self.networks, self.running)
        except NotCovered as reason:
            self._reason = str(reason)
            if self.fallback == "error":
                raise
            _fallback_count += 1
            _warn_once(f"{reason}. CLASS integrates the perturbation equations instead.")
            return False
        self._seconds["coverage"] = perf_counter() - start
        self._seconds |= self.networks.emulator.fill(request)
        for name, table in request.tables.items():
            if name == "p" and "t2" in request.tables:
                continue  # sqrt(6) t2
            # a sum is not finite as soon as one number is not
            if not np.isfinite(table.sum()):
                raise CosmicnetError(f"the networks '{self.networks.manifest.name}' give a source {name} "
                                     f"that is not finite; please report the parameters")
        self._used, self._reason = True, None
        return True

    def info(self) -> dict[str, Any]:
        """What Class.neural_network_info() returns; the keys are documented there."""
        return {
            "used": self._used,
            "reason": self._reason,
            "name": self.networks.manifest.name,
            "hash": self.networks.manifest.sha256,
            "seconds": dict(self._seconds),
            "fallbacks": _fallback_count,
            "compare_with": COMPARE_WITH,
        }


def _warn_once(message: str) -> None:
    key = without_numbers(message)
    if key not in _warned:
        _warned.add(key)
        # to the line that called compute(): provide() is reached through compiled code, which has no frames
        warnings.warn(message, CosmicnetWarning, stacklevel=3)
