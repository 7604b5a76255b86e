"""Lensing and matter by integration, as in the paper, beside the three networks."""
from __future__ import annotations

import os
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..coverage import why_not_covered
from ..errors import CosmicnetError, NotCovered
from ..running_class import running_class
from ..store import load_network_set

__all__ = ["IntegratedLensing"]


class IntegratedLensing:
    """A source provider: CLASS integrates its equations, then the networks replace the sources of temperature and
    polarisation. Takes as long as without networks.

        cosmology.set_source_provider(IntegratedLensing())
    """

    def __init__(self, networks: str | os.PathLike[str] = "paper") -> None:
        self._networks = load_network_set(networks)
        if self._networks.companion is None:
            raise CosmicnetError(f"{networks}: needs networks of the paper's architecture, which have a companion for "
                                 "lensing and matter")
        self._request: Any = None

    def provide(self, request: Any) -> bool:
        """Have CLASS integrate. Raises NotCovered where the networks do not apply."""
        own, others = copy(request), self._networks.emulator.for_companion(request)
        own.tables = {name: table for name, table in request.tables.items()
                      if others is None or name not in others.tables}
        name = self._networks.manifest.name
        if reasons := list(why_not_covered(own, self._networks, running_class())):
            raise NotCovered(f"the networks '{name}' do not cover this request: {'; '.join(reasons)}")
        if not request.record():
            raise NotCovered(f"the networks '{name}' are for adiabatic modes alone")
        # the request's arrays are CLASS's own, and valid within this call only
        own.k, own.tau = np.array(request.k), np.array(request.tau)
        self._request = own
        return False

    def integrated(self, recorded: dict[str, NDArray[np.float64]]) -> None:
        """Write the networks' tables over CLASS's."""
        self._request.tables = {name: recorded[name] for name in self._request.tables}
        self._networks.emulator.fill(self._request)
        self._request = None

    def info(self) -> dict[str, Any]:
        """Entries of Class.neural_network_info()."""
        manifest = self._networks.manifest
        return {"reason": "CLASS integrated its equations; temperature and polarisation are the networks'",
                "name": manifest.name, "hash": manifest.sha256}
