"""The error of networks at models that they have not learned, in units of cosmic variance: of a new model, and of their
own ones as networks without them would give these."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.emulator import Emulator, FieldsEmulator
from cosmicnet.errors import CosmicnetError
from cosmicnet.evaluation import FittedField
from cosmicnet.pieces import fill_p, tables_but_p
from cosmicnet.store import NetworkSet

from ..evaluate.accuracy import wishart_chi2
from ..work.class_spectra import Multipoles
from ..work.run_class import new_class
from .chain_model import ChainModel, all_numbers

__all__ = ["error_at", "left_out_errors"]

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

    return wishart_chi2(_spectra(model.parameters, integrated),
                        _spectra(model.parameters, _predicted(model.parameters, networks.emulator)))


def left_out_errors(parameters: Sequence[Mapping[str, Any]], networks: NetworkSet, residuals: Mapping[str, Array]
                    ) -> Array:
    """Wishart chi2 of the spectra at models whose fields are off by leave-one-out residuals; NaN where CLASS or
    networks give no spectra.

    parameters: of each model; residuals: of the networks' outputs (models, outputs), by field.
    """
    from classy import CosmoComputationError

    assert isinstance(networks.emulator, FieldsEmulator)
    found = np.full(len(parameters), np.nan)
    for number, of_model in enumerate(parameters):
        others = FieldsEmulator([_shifted(member, -residuals[member.field.name][number])
                                 for member in networks.emulator.fields], networks.emulator.boundaries)
        try:
            found[number] = wishart_chi2(_spectra(of_model, _predicted(of_model, networks.emulator)),
                                         _spectra(of_model, _predicted(of_model, others)))
        except CosmoComputationError:
            continue
    return found


def _shifted(member: FittedField, change: Array) -> FittedField:
    """The field with other outputs of its network."""
    outer = member.network.output_map
    return replace(member, network=replace(member.network, output_map=replace(outer, offset=outer.offset + change)))


def _predicted(parameters: Mapping[str, Any], emulator: Emulator) -> Callable[[Any], None]:
    def fill(request: Any) -> None:
        request.cosmology = all_numbers(request.cosmology, request.setup, parameters)
        emulator.fill(request)

    return fill


def _spectra(parameters: Mapping[str, Any], fill: Callable[[Any], None]) -> Multipoles:
    cosmology = new_class(parameters)
    cosmology.set_source_provider(_Filler(fill))
    is_lensed = str(parameters.get("lensing", "no")).strip().lower().startswith(("y", "t"))
    cosmology.compute(["lensing"] if is_lensed else ["harmonic"])
    try:
        found = cosmology.lensed_cl() if is_lensed else cosmology.raw_cl()
    finally:
        cosmology.empty()
    # without polarization the chi2 is that of the temperature: E is the same in all models
    nothing = np.zeros(found["ell"].size - 2)
    absent = {"te": nothing, "ee": nothing + 1.0, "pp": nothing, "tp": nothing}
    return Multipoles(**{**absent, **{name: np.asarray(found[name][2:], dtype=float)
                                      for name in ("ell", "tt", *absent) if name in found}})


class _Filler:
    def __init__(self, fill: Callable[[Any], None]) -> None:
        self._fill = fill

    def provide(self, request: Any) -> bool:
        self._fill(request)
        return True
