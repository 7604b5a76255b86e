"""Networks without Cobaya and without compute(): coverage of CLASS's parameters, and source functions."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from .choice import AUTO, choose, sets_by_domain
from .coverage import EXPANSION_TOLERANCE, why_not_covered
from .errors import CosmicnetError, NotCovered
from .request import Request, at_request
from .running_class import running_class
from .store import load_network_set

__all__ = ["Coverage", "SourceTables", "covers", "sources"]

Array = NDArray[np.float64]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Coverage:
    """The set of networks that covers a request; true if there is one.

    network: the narrowest set that covers it, or the nearest one. why_not: the reasons against each set that was
    tried, none for `network` where it covers the request.
    """

    network: str
    why_not: Mapping[str, tuple[str, ...]]

    def __bool__(self) -> bool:
        return not self.why_not[self.network]

    def __str__(self) -> str:
        if self:
            return f"covered by '{self.network}'"
        return f"not covered by '{self.network}': {'; '.join(self.why_not[self.network])}"


@dataclass(frozen=True)
class SourceTables:
    """Source functions of scalar modes, by CLASS's names (t0, t1, t2, p, phi_plus_psi, delta_m, delta_cb).

    k: 1/Mpc; tau: conformal time, Mpc; tables: each (k, tau), as Class.get_sources() has them.
    """

    network: str
    k: Array
    tau: Array
    tables: Mapping[str, Array]


def covers(parameters: Mapping[str, Any], network: str = AUTO) -> Coverage:
    """Whether networks cover a dictionary of CLASS's parameters; takes some 0.1 s and integrates nothing.

    network: a name or folder, or 'auto' for all installed sets. Raises CosmoSevereError or CosmoComputationError where
    CLASS refuses the parameters, CosmicnetError where they need no sources.
    """
    return _at_request(parameters, lambda request: _coverage(request, network))


def sources(
    parameters: Mapping[str, Any], k: Array | None = None, tau: Array | None = None, network: str = AUTO
) -> SourceTables:
    """The source functions of networks for a dictionary of CLASS's parameters, on CLASS's grids or on others.

    k: increasing, 1/Mpc, within the reach of the networks; tau: Mpc, between CLASS's first time of the sources and
    today. Raises as covers() does, and NotCovered.
    """
    return _at_request(parameters, lambda request: _sources(request, k, tau, network))


def _at_request(parameters: Mapping[str, Any], visit: Callable[[Request], Answer]) -> Answer:
    for_class = {name: value for name, value in parameters.items() if not str(name).startswith("neural_network")}
    # the background that compute() takes with networks
    answer = at_request({"fast_background": "yes", **for_class}, visit)
    if answer is None:
        raise CosmicnetError("these parameters need no source functions of scalar modes; give an output, such as "
                             "tCl,pCl,lCl,mPk")
    return answer


def _coverage(request: Request, network: str) -> Coverage:
    candidates = sets_by_domain() if network == AUTO else [(network, load_network_set(network))]
    running, why_not = running_class(), {}
    for name, networks in candidates:
        why_not[name] = tuple(why_not_covered(request, networks, running))
        if not why_not[name]:
            return Coverage(name, why_not)
    return Coverage(choose([why_not]), why_not)


def _sources(request: Request, k: Array | None, tau: Array | None, network: str) -> SourceTables:
    # CLASS's own times, over which the effect of reionisation is integrated
    changed = copy(request)
    times = request.tau if tau is None else _times(tau, request.tau)
    if k is not None:
        changed.k, changed.k_size_cmb = _wavenumbers(k), len(k)
    changed.tables = {name: np.empty((request.tau.size, changed.k.size)) for name in request.tables}
    coverage = _coverage(changed, network)
    if not coverage:
        raise NotCovered(str(coverage))
    load_network_set(coverage.network).emulator.fill(changed)
    tables = {name: table.T for name, table in changed.tables.items()}
    if tau is not None:
        tables = {name: CubicSpline(request.tau, table, axis=1)(times) for name, table in tables.items()}
    return SourceTables(coverage.network, changed.k.copy(), np.array(times), tables)


def _wavenumbers(k: Array) -> Array:
    values = np.array(k, dtype=float)
    # written so that NaN is refused
    if values.ndim != 1 or not values.size or not (values[0] > 0.0 and np.all(np.diff(values) > 0.0)):
        raise CosmicnetError("k: must be a list of positive numbers in 1/Mpc, each larger than the one before")
    return values


def _times(tau: Array, of_sources: Array) -> Array:
    values = np.atleast_1d(np.array(tau, dtype=float))
    low, high = of_sources[0], of_sources[-1]
    # the age is known to this accuracy
    outside = ~((values >= low) & (values <= high * (1.0 + EXPANSION_TOLERANCE)))
    if outside.any():
        raise CosmicnetError(f"tau = {values[outside][0]:.10g} is outside [{low:.10g}, {high:.10g}] Mpc, from CLASS's "
                             "first time of the sources to today")
    return values
