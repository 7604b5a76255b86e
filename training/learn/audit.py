"""The error of networks at a model that they have not learned, in units of cosmic variance."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError
from cosmicnet.pieces import fill_p, tables_but_p
from cosmicnet.store import NetworkSet

from ..evaluate.accuracy import wishart_chi2
from ..work.class_spectra import Multipoles
from ..work.run_class import new_class
from .chain_model import ChainModel, all_numbers

__all__ = ["error_at"]

Array = NDArray[np.float64]

# Grids of the same model in two processes agree to rounding.
ROUNDING = 1e-9


def error_at(model: ChainModel, networks: NetworkSet) -> float:
    """Wishart chi2 of the lensed spectra by networks against those by CLASS's own sources, through the same later
    modules. Infinite where networks give no spectra. CosmicnetError if CLASS no longer makes this request."""
    def integrated(request: Any) -> None:
        if request.k.size != model.k.size or request.tau.size != model.tau.size \
                or np.abs(request.k / model.k - 1.0).max() > ROUNDING:
            raise CosmicnetError("CLASS now has other wavenumbers or times for this model than its file")
        for name, table in tables_but_p(request.tables).items():
            table[...] = model.integrated[name]
        fill_p(request.tables)

    def predicted(request: Any) -> None:
        request.cosmology = all_numbers(request.cosmology, request.setup, model.parameters)
        networks.emulator.fill(request)

    return wishart_chi2(_spectra(model, integrated), _spectra(model, predicted))


def _spectra(model: ChainModel, fill: Callable[[Any], None]) -> Multipoles:
    cosmology = new_class(model.parameters)
    cosmology.set_source_provider(_Filler(fill))
    is_lensed = str(model.parameters.get("lensing", "no")).strip().lower().startswith(("y", "t"))
    cosmology.compute(["lensing"] if is_lensed else ["harmonic"])
    try:
        found = cosmology.lensed_cl() if is_lensed else cosmology.raw_cl()
    finally:
        cosmology.empty()
    nothing = np.zeros(found["ell"].size - 2)
    return Multipoles(**{name: np.asarray(found[name][2:], dtype=float) if name in found else nothing
                         for name in ("ell", "tt", "te", "ee", "pp", "tp")})


class _Filler:
    def __init__(self, fill: Callable[[Any], None]) -> None:
        self._fill = fill

    def provide(self, request: Any) -> bool:
        self._fill(request)
        return True
