"""The C_l error of eq. 3.2: one network's source, those of full CLASS for the others; unlensed, fast line of sight."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.inputs import TIMES
from cosmicnet.paper.network import SourceNetwork
from cosmicnet.pieces import fill_p

from ..work.run_class import new_class
from .dataset import PaperModel
from .train import inputs_of_model

__all__ = ["SPECTRUM", "cl_error", "predicted_source", "spectra_of_sources"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# The spectrum by which a network is judged: polarisation comes from S_T2 alone.
SPECTRUM = {"t0": "tt", "t1": "tt", "t2": "ee"}
SETTINGS: Mapping[str, Any] = {"output": "tCl,pCl", "fast_line_of_sight": "yes"}


def predicted_source(network: SourceNetwork, model: PaperModel, k: Array) -> Single:
    """The source of a network for one cosmology, not rescaled, shape (tau.size, k.size)."""
    rescaling = network.rescaling
    out = network(rescaling.apply(network.architecture.source, inputs_of_model(model), k))
    return np.asarray(rescaling.source.invert(out.astype(float)), dtype=np.float32)


def cl_error(full: Mapping[str, Array], net: Mapping[str, Array], spectrum: str) -> float:
    """Sum over l of the squared relative error (eq. 3.2)."""
    return float(np.sum((net[spectrum] / full[spectrum] - 1.0) ** 2))


def spectra_of_sources(
    settings: Mapping[str, Any], parameters: Mapping[str, float], model: PaperModel, k: Array,
    replaced: Mapping[str, Single],
) -> dict[str, Array]:
    """Unlensed C_l ('tt', 'ee', 'te') from l = 2 of a model's sources, some of them replaced, on its own times."""
    without_lensing = {name: value for name, value in settings.items() if name != "lensing"}
    cosmology = new_class({**without_lensing, **parameters, **SETTINGS})
    cosmology.set_source_provider(_Stored(model, k, {**model.sources, **replaced}))
    cosmology.compute()
    try:
        spectra = cosmology.raw_cl(int(float(settings["l_max_scalars"])))
        return {name: np.array(spectra[name][2:]) for name in ("tt", "ee", "te")}
    finally:
        cosmology.empty()


class _Stored:
    """A source provider that gives tables on fixed wavenumbers, splined as CLASS would."""

    def __init__(self, model: PaperModel, k: Array, sources: Mapping[str, Single]) -> None:
        self._model, self._k, self._sources = model, k, sources

    def provide(self, request: Any) -> bool:
        if not np.array_equal(request.tau, self._model.tau):
            raise CosmicnetError("the times of this CLASS are not those of the models: generate them again")
        inside = np.clip(request.k, self._k[0], self._k[-1])
        for name in TIMES:
            request.tables[name][...] = CubicSpline(self._k, self._sources[name], axis=1)(inside)
        fill_p(request.tables)
        return True
