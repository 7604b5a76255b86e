"""Requests for source functions, which CLASS makes before it integrates."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["IN_PLACE_OF_A_S", "Request", "at_request"]

# CLASS integrates its equations to find the A_s that gives one of these.
IN_PLACE_OF_A_S = ("sigma8", "S8", "sigma8_cb")

Array = NDArray[np.float64]
Answer = TypeVar("Answer")


class Request(Protocol):
    """The part of a SourceRequest (class_patch/shim/provider.pxi) that networks need; documented there."""

    k: Array
    k_size_cmb: int
    tau: Array
    tables: dict[str, Array]
    initial_conditions: int
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    history: dict[str, Array]
    parameters: dict[str, str]


def at_request(settings: Mapping[str, Any], visit: Callable[[Any], Answer]) -> Answer | None:
    """Return visit(request) for the SourceRequest of these settings; CLASS stops there and integrates nothing.

    The arrays of the request are valid within `visit` only. None where CLASS needs no sources of scalar modes. sigma8
    or S8 are left out: sources do not depend on the amplitude, and CLASS would integrate to find it.
    Raises what `visit` raises, and CosmoSevereError or CosmoComputationError if CLASS fails before the request.
    """
    from classy import Class, CosmoComputationError

    visitor, cosmology = _Visitor(visit), Class()
    cosmology.set({name: value for name, value in settings.items() if name not in IN_PLACE_OF_A_S})
    cosmology.set_source_provider(visitor)
    try:
        cosmology.compute(["perturbations"])
    except CosmoComputationError:
        if not visitor.was_visited:
            raise
    finally:
        cosmology.empty()
    if visitor.error is not None:
        raise visitor.error
    return visitor.answer


class _Stop(Exception):
    """Raised in place of giving sources."""

    this_cosmology_only = True


class _Visitor(Generic[Answer]):
    """A source provider that looks at the request and stops CLASS."""

    def __init__(self, visit: Callable[[Any], Answer]) -> None:
        self._visit = visit
        self.was_visited = False
        self.answer: Answer | None = None
        self.error: Exception | None = None

    def provide(self, request: Any) -> bool:
        self.was_visited = True
        try:
            self.answer = self._visit(request)
        except Exception as error:
            self.error = error
        raise _Stop("nothing is integrated")
