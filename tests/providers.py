"""Source providers for tests: they record, inject, or fail; and a computation with one."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Array = NDArray[np.float64]


# Short hierarchies, few wavenumbers: results that are compared bit by bit need not be accurate.
QUICK: dict[str, Any] = {"l_max_g": 6, "l_max_pol_g": 6, "l_max_ur": 6, "tol_perturbations_integration": 1e-3,
                         "k_per_decade_for_bao": 10, "k_step_sub": 0.2, "k_step_super": 0.01}
# Half of CLASS's wavenumbers: enough where both sides of a comparison have the same ones.
HALF_OF_WAVENUMBERS: dict[str, Any] = {"k_step_sub": 0.1, "k_step_super": 0.004}


def computed(settings: Mapping[str, Any], provider: Any = None, level: str | None = None) -> Any:
    """A computation by classy, to this module if one is named; provider: None leaves the choice to the settings."""
    from classy import Class

    model = Class()
    model.set(dict(settings))
    if provider is not None:
        model.set_source_provider(provider)
    model.compute(*([[level]] if level else []))
    return model


class Recorder:
    """Leave the integration to CLASS; keep the request, and copies of its views, which are valid in provide() only."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.k = self.tau = np.empty(0)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def provide(self, request: Any) -> bool:
        self.requests.append(request)
        self.k, self.tau = request.k.copy(), request.tau.copy()
        self.shapes = {name: table.shape for name, table in request.tables.items()}
        return False


class Injector:
    """Fill every table from `sources`, arrays (k, tau) by name as get_sources() returns them."""

    def __init__(self, sources: Mapping[str, Array], factor: float = 1.0) -> None:
        self.sources = sources
        self.factor = factor
        self.calls = 0

    def provide(self, request: Any) -> bool:
        self.calls += 1
        for name, table in request.tables.items():
            table[...] = self.factor * self.sources[name].T
        return True


class SplinedInTime:
    """Fill every table by splines in time through those of a model, as get_sources() returns them."""

    def __init__(self, sources: Mapping[str, Array], k: Array, tau: Array) -> None:
        self.splines = {name: CubicSpline(tau, table, axis=1) for name, table in sources.items()}

    def provide(self, request: Any) -> bool:
        for name, table in request.tables.items():
            table[...] = self.splines[name](request.tau).T
        return True


class Failing:
    """Raise what `make_error` makes."""

    def __init__(self, make_error: Callable[[], BaseException]) -> None:
        self.make_error = make_error

    def provide(self, request: Any) -> bool:
        raise self.make_error()


class OnGrids:
    """Have CLASS integrate on other grids, made from the request."""

    def __init__(self, grids: Callable[[Any], tuple[Array, Array]]) -> None:
        self.grids = grids
        self.recorded: dict[str, Array] = {}

    def provide(self, request: Any) -> bool:
        self.recorded = request.integrate_on(*self.grids(request))
        return False
