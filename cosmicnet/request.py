"""What the runtime reads of a SourceRequest."""
from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Request"]

Array = NDArray[np.float64]


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
