"""The interface to the shim in classy: choose networks, decide on coverage, fill the tables, report."""
from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from .choice import AUTO, sets_by_domain
from .class_parameters import SAME_MODULES
from .coverage import Lasting, finer_precision, why_not_covered, without_numbers
from .emulator import NotFinite
from .errors import CosmicnetError, CosmicnetWarning, NeverCovered, NotCovered
from .lensing_margin import ends_too_early
from .request import Request
from .running_class import RunningClass, running_class
from .store import NetworkSet, load_network_set

__all__ = ["COMPARE_WITH", "NetworkProvider", "open_provider"]

FALLBACKS = ("full", "error")

# The main cause of differences between neural_network no and yes.
COMPARE_WITH = (
    f"full CLASS with {', '.join(f'{name}: {value}' for name, value in SAME_MODULES.items())}, which networks switch "
    "on; by default its own line of sight is up to a Wishart chi2 of 4.3 from converged CLASS, the fast one 0.009 "
    "with the same lensing settings (docs/line_of_sight.md)")

# Fallbacks of this process, over all Class objects.
_fallback_count = 0
# Reasons that were warned of, without their numbers: a chain that leaves the domain at every other
# point warns once, and neural_network_info() counts.
_warned: set[str] = set()


def open_provider(
    neural_network_path: str | os.PathLike[str] = AUTO, neural_network_fallback: str = "full", *,
    running: RunningClass | None = None,
) -> NetworkProvider:
    """Find the networks and check the options; called by classy at each compute().

    running: the CLASS that makes the request, by default that of `import classy`. Raises CosmicnetError for a wrong
    option, NetworkFileError for networks that cannot be read.
    """
    fallback = str(neural_network_fallback).strip().lower()
    if fallback not in FALLBACKS:
        raise CosmicnetError(f"neural_network_fallback = {neural_network_fallback!r}: allowed are "
                          f"{' and '.join(FALLBACKS)}")
    start, path = perf_counter(), str(neural_network_path).strip()
    candidates: Iterable[NetworkSet] = (networks for _, networks in sets_by_domain())
    if path != AUTO:
        with _lack_of_memory_named():
            candidates = [load_network_set(path)]
    return NetworkProvider(candidates, fallback, perf_counter() - start, running or running_class())


class NetworkProvider:
    """Gives the sources of one compute(), or leaves them to CLASS.

    candidates: sets in the order of preference, which may be loaded as they are needed.
    """

    def __init__(
        self, candidates: Iterable[NetworkSet], fallback: str, loading_seconds: float, running: RunningClass
    ) -> None:
        self.fallback = fallback
        self.running = running
        self._loaded: list[NetworkSet] = []
        self._not_yet_loaded = iter(candidates)
        self._only = candidates[0] if isinstance(candidates, list) and len(candidates) == 1 else None
        self._used: NetworkSet | None = None
        self._refusals: list[Refusal] = []
        self._finer: dict[str, float] = {}
        self._seconds = {"loading": loading_seconds}

    def provide(self, request: Request) -> bool:
        """Fill request.tables and return True, or return False to have CLASS integrate.

        Raises NotCovered if no candidate covers the request and the fallback is 'error', NeverCovered if none covers
        another cosmology with these settings either; CosmicnetError if the networks give numbers that are not finite.
        """
        start = perf_counter()
        # there may be another request before, for sigma8 alone
        self._refusals = []
        with _lack_of_memory_named():
            networks = self._first_that_covers(request)
        if networks is None:
            return self._hand_back()
        self._seconds["coverage"] = perf_counter() - start
        try:
            with _lack_of_memory_named():
                self._seconds |= networks.emulator.fill(request)
        except NotFinite as wrong:
            raise CosmicnetError(f"the networks '{networks.manifest.name}' give a source {wrong} "
                                 f"that is not finite; please report the parameters") from wrong
        if early := ends_too_early(request):
            _warn_once(f"{early} (docs/margins.md)")
        self._used, self._finer = networks, finer_precision(request, networks.manifest)
        return True

    def info(self) -> dict[str, Any]:
        """The result of Class.neural_network_info(); the keys are documented there."""
        shown = self._used or self._only or (self._nearest()[0].networks if self._refusals else None)
        return {
            "used": self._used is not None,
            # without refusals CLASS made no request; the shim gives the reason
            **({"reason": None if self._used else self._why()} if self._used or self._refusals else {}),
            "name": shown and shown.manifest.name,
            "hash": shown and shown.manifest.sha256,
            "others": {r.networks.manifest.name: r.in_short() for r in self._nearest() if r.networks is not shown},
            "seconds": dict(self._seconds),
            "fallbacks": _fallback_count,
            "compare_with": COMPARE_WITH,
            "precision": dict(self._finer) if self._used else {},
        }

    def _first_that_covers(self, request: Request) -> NetworkSet | None:
        for networks in self._candidates():
            reasons = tuple(why_not_covered(request, networks, self.running))
            if not reasons:
                return networks
            self._refusals.append(Refusal(networks, reasons))
        return None

    def _candidates(self) -> Iterator[NetworkSet]:
        yield from list(self._loaded)
        for networks in self._not_yet_loaded:
            self._loaded.append(networks)
            yield networks

    def _hand_back(self) -> bool:
        global _fallback_count
        self._used = None
        reason = self._why()
        if self.fallback == "error":
            is_lasting = all(any(isinstance(one, Lasting) for one in r.reasons) for r in self._refusals)
            raise (NeverCovered if is_lasting else NotCovered)(reason)
        _fallback_count += 1
        _warn_once(f"{reason}. CLASS integrates the perturbation equations instead.")
        return False

    def _nearest(self) -> list[Refusal]:
        """Refusals, those with the fewest reasons first."""
        return sorted(self._refusals, key=lambda refusal: len(refusal.reasons))

    def _why(self) -> str:
        """The reasons against the nearest set, and those against the others."""
        nearest, *others = self._nearest()
        rest = "".join(f"; nor do '{r.networks.manifest.name}': {r.in_short()}" for r in others)
        return (f"the networks '{nearest.networks.manifest.name}' do not cover this request: "
                f"{'; '.join(nearest.reasons)}{rest}")


@contextmanager
def _lack_of_memory_named() -> Iterator[None]:
    """Python's own error has no words."""
    try:
        yield
    except MemoryError as error:
        raise CosmicnetError("there is not enough memory for the networks") from error
    except RuntimeError as error:
        # of the module threading, which has no class of its own for it
        if "start new thread" not in str(error):
            raise
        raise CosmicnetError("the networks cannot start a thread: there is not enough memory, or too many processes; "
                             "OMP_NUM_THREADS=1 needs fewest") from error


@dataclass(frozen=True)
class Refusal:
    """A set that does not cover a request, and why."""

    networks: NetworkSet
    reasons: tuple[str, ...]

    def in_short(self) -> str:
        """The first reason, and the number of others."""
        more = len(self.reasons) - 1
        return self.reasons[0] + (f" (and {more} more)" if more else "")


def _warn_once(message: str) -> None:
    key = without_numbers(message)
    if key not in _warned:
        # to the line that called compute(): provide() is reached through compiled code, which has no frames
        warnings.warn(message, CosmicnetWarning, stacklevel=4)
        _warned.add(key)
