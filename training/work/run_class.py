"""Run classy: the patched build, new objects, networks switched on."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError, NotCovered

__all__ = ["Parameters", "Recorder", "is_refused", "networks_on", "new_class", "require_patched_classy",
           "timed"]

Array = NDArray[np.float64]
Parameters = Mapping[str, str | float | int]


def require_patched_classy() -> None:
    """Raise CosmicnetError where classy is missing or does not know networks."""
    try:
        import classy
    except ImportError as error:
        raise CosmicnetError(f"classy cannot be imported ({error}); docs/patch.md says how to build it") from error
    if not hasattr(classy.Class, "neural_network_info"):
        raise CosmicnetError(f"classy {classy.__version__} ({classy.__file__}) is not the patched one and knows no "
                             f"networks; docs/patch.md says how to build it")


def networks_on(network: str | None = None) -> Parameters:
    """The options that switch the networks on: by name or folder, or None for the default ones.

    Without fallback, which would compare CLASS with itself.
    """
    chosen = {} if network is None else {"neural_network_path": network}
    return {"neural_network": "yes", "neural_network_fallback": "error", **chosen}


def is_refused(error: Exception) -> bool:
    """Whether CLASS cannot compute a cosmology, or networks do not cover it. Callers raise other errors again."""
    from classy import CosmoComputationError

    return isinstance(error, CosmoComputationError) or isinstance(error.__cause__, NotCovered)


def new_class(parameters: Parameters) -> Any:
    """A classy.Class with these parameters set and nothing computed."""
    from classy import Class

    cosmology = Class()
    cosmology.set(dict(parameters))
    return cosmology


def timed(parameters: Parameters, steps: Sequence[str]) -> tuple[Any, list[float]]:
    """A new object computed up to each of these steps in turn, and the wall times."""
    cosmology = new_class(parameters)
    seconds = []
    for step in steps:
        start = perf_counter()
        cosmology.compute([step])
        seconds.append(perf_counter() - start)
    return cosmology, seconds


class Recorder:
    """A source provider that leaves the integration to CLASS and keeps copies of a request.

    grids: k (1/Mpc) and tau (Mpc) of a request, on which CLASS integrates instead; default: its own.
    """

    def __init__(self, grids: Callable[[Any], tuple[Array, Array]] | None = None) -> None:
        self._grids = grids

    def provide(self, request: Any) -> bool:
        self.cosmology: dict[str, float] = dict(request.cosmology)
        self.setup: dict[str, float] = dict(request.setup)
        self.precision: dict[str, float] = dict(request.precision)
        if self._grids is None:
            self.k, self.tau = np.array(request.k), np.array(request.tau)
            self.history = {name: np.array(column) for name, column in request.history.items()}
        else:
            self.k, self.tau = self._grids(request)
            self._tables = request.integrate_on(self.k, self.tau)
        return False

    def integrated(self) -> dict[str, Array]:
        """Copies of the tables on these grids, once CLASS has computed them, without p, a multiple of t2."""
        return {name: np.array(table) for name, table in self._tables.items() if name != "p"}
