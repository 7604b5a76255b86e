"""Sources of one cosmology on fixed wavenumbers, by full CLASS or by networks."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.paper.inputs import TIMES
from cosmicnet.request import at_request

from ..work.run_class import Parameters, Recorder, new_class
from .dataset import PaperModel
from .recipe import PaperRecipe

__all__ = ["full_sources", "k_grid", "network_sources"]

Array = NDArray[np.float64]


def k_grid(recipe: PaperRecipe) -> Array:
    """CLASS's own wavenumbers (1/Mpc) of the CMB sources in the middle of the box, which is Planck's best fit."""
    k = at_request({**recipe.class_settings, **recipe.centre}, lambda request: np.array(request.k[:request.k_size_cmb]))
    assert k is not None, "class_settings ask for the CMB"
    return k


def full_sources(
    settings: Mapping[str, Any], parameters: Parameters, k: Array
) -> PaperModel:
    """Integrate one cosmology and interpolate its sources to k (1/Mpc), by splines as CLASS does."""
    recorder = Recorder()
    sources = _sources({**settings, **parameters}, k, recorder)
    return PaperModel(recorder.cosmology, recorder.setup, recorder.precision, recorder.tau, recorder.history, sources)


def network_sources(
    settings: Mapping[str, Any], parameters: Parameters, k: Array
) -> dict[str, NDArray[np.float32]]:
    """The same tables where `settings` switch networks on, of shape (tau.size, k.size)."""
    return _sources({**settings, **parameters}, k, None)


def _sources(
    parameters: Parameters, k: Array, provider: Recorder | None
) -> dict[str, NDArray[np.float32]]:
    cosmology = new_class(parameters)
    if provider is not None:
        cosmology.set_source_provider(provider)
    cosmology.compute(["perturbations"])
    try:
        tables, own_k, _ = cosmology.get_sources()
        inside = np.clip(k, own_k[0], own_k[-1])
        return {name: CubicSpline(own_k, tables[name])(inside).T.astype(np.float32) for name in TIMES}
    finally:
        cosmology.empty()
