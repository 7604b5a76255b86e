"""The photons at late times: free streaming from networks, then what reionisation does to them.

Outside of CLASS's radiation streaming approximation, temperature and polarization come from networks for a
universe that stays neutral, and rescattering (rescattering.py) is added. Within it, CLASS sets
Theta_0 + phi = -kappa' theta_b/k^2 and the polarization to zero (perturbations_rsa_delta_and_theta()).
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, make_interp_spline

from .evaluation import Evaluation
from .request import Request
from .rescattering import Photons, rescatter, start_of_reionization, uniform_times

__all__ = ["late_photons"]

Array = NDArray[np.float64]

PIECE_OF = {"t0": "temperature", "t2": "polarization"}


def late_photons(request: Request, evaluation: Evaluation, first: int) -> dict[str, Array]:
    """What photon multipoles add to t0 and t2 at request.tau[first:], by source, each (times, wavenumbers).

    Only sources that the request has (p counts as t2); t2 ends where the last photons stream.
    """
    tau = request.tau[first:]
    has_t2 = "t2" in request.tables or "p" in request.tables
    wanted = [source for source in PIECE_OF if source in request.tables or (source == "t2" and has_t2)]
    if tau.size == 0 or not wanted:
        return {}
    scales = evaluation.scales
    streaming = scales.is_streaming(request.k, tau)
    # the first row has the most columns that do not stream
    columns = int(np.searchsorted(request.k, scales.streaming_trigger / tau[0], side="right"))
    tables = {source: np.zeros((tau.size, columns)) for source in wanted}
    first_reionized = int(np.searchsorted(tau, scales.tau_dark_end, side="right"))
    for region, rows in (("dark", slice(first_reionized)), ("reionized", slice(first_reionized, None))):
        if tau[rows].size:
            width = int(np.searchsorted(request.k, scales.streaming_trigger / tau[rows][0], side="right"))
            values = evaluation.tables(region, [PIECE_OF[source] for source in wanted], tau[rows], width)
            for source, value in zip(wanted, values, strict=True):
                tables[source][rows, :width] = value
    _add_rescattered(request, evaluation, tau, tables)
    visibility = request.history["visibility"][first:, None]
    for table in tables.values():
        table *= np.where(streaming[:, :columns], 0.0, visibility)
    if "t0" in tables:
        tables["t0"] = _with_streaming(request, evaluation, first, tables["t0"], streaming)
    return tables


def _with_streaming(
    request: Request, evaluation: Evaluation, first: int, free: Array, streaming: NDArray[np.bool_]
) -> Array:
    """Join g (Theta_0 + phi) outside of the streaming approximation, (times, columns), with that inside."""
    history = {name: column[first:] for name, column in request.history.items()}
    factor = -history["visibility"] * history["scattering_rate"] * history["growth_velocity"]
    left = factor[:, None] * evaluation.lefts("late", request.tau[first:])["doppler"]
    result = left @ evaluation.wavenumber("late", "doppler").T
    np.multiply(result, streaming, out=result)
    result[:, :free.shape[1]] += free
    return np.asarray(result)


def _add_rescattered(request: Request, evaluation: Evaluation, tau: Array, tables: Mapping[str, Array]) -> None:
    """Add what reionisation changes in temperature and polarization to tables (times, wavenumbers)."""
    history = request.history
    start = start_of_reionization(request.tau, history["scattering_rate"], evaluation.scales.tau_dark_end)
    if start is None:
        return
    columns = int(np.searchsorted(request.k, evaluation.scales.streaming_trigger / start, side="right"))
    times = uniform_times(start, evaluation.scales.tau_0)
    k = request.k[:columns]
    changed = _rescattered(_History.of(request, times), evaluation, k, times)
    later = tau > start
    for source, change in (("t0", changed.temperature), ("t2", changed.polarization)):
        if source in tables:
            tables[source][later, :columns] += make_interp_spline(times, change, k=3)(tau[later])


@dataclass(frozen=True)
class _History:
    """Columns of a request's history at other times, each of shape (times,)."""

    exp_minus_kappa: Array
    visibility: Array
    growth_velocity: Array

    @classmethod
    def of(cls, request: Request, times: Array) -> _History:
        names = tuple(cls.__dataclass_fields__)
        columns = CubicSpline(request.tau, np.stack([request.history[name] for name in names], axis=1))(times)
        return cls(*columns.T)


def _rescattered(history: _History, evaluation: Evaluation, k: Array, times: Array) -> Photons:
    doppler, isw, shear = evaluation.tables("late", ("doppler", "isw", "shear"), times, k.size)
    temperature, polarization = evaluation.tables("reionized", ("temperature", "polarization"), times, k.size)
    return rescatter(
        k, times, history.exp_minus_kappa, history.visibility,
        neutral=Photons(temperature + shear, polarization),
        velocity=history.growth_velocity[:, None] * doppler * k,
        # 2 phi', the potentials being equal but for the neutrinos' small shear
        potential_decay=isw,
    )
