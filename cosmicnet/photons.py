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
from scipy.interpolate import CubicSpline

from .coordinates import Scales
from .evaluation import Evaluation
from .request import Request
from .rescattering import Photons, rescatter, start_of_reionization, uniform_times
from .splines import lagrange_matrix

__all__ = ["NEEDED_PIECES", "PIECE_OF", "late_photons", "streaming_factor"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# What photons add to these sources at late times, and the pieces by region that are needed to know it.
PIECE_OF = {"t0": "temperature", "t2": "polarization"}
NEEDED_PIECES = {"late": ("acceleration", "doppler", "isw", "shear"), "dark": ("temperature", "polarization"),
                 "reionized": ("temperature", "polarization")}

# Times whose wavenumbers that stream are left out together.
ROWS = 64


def streaming_factor(history: Mapping[str, Array]) -> Array:
    """What multiplies theta_b/(k^2 D') in t0 where photons stream, in 1/Mpc^2: -g kappa' D'."""
    return np.asarray(-history["visibility"] * history["scattering_rate"] * history["growth_velocity"])


def late_photons(request: Request, evaluation: Evaluation, first: int) -> dict[str, Single]:
    """What photon multipoles add to t0 and t2 at request.tau[first:], by source, each (times, wavenumbers).

    Only sources that the request has (p counts as t2), and only wavenumbers that do not stream at all times; t0 is
    taken to have streaming_factor() everywhere.
    """
    tau = request.tau[first:]
    has_t2 = "t2" in request.tables or "p" in request.tables
    wanted = [source for source in PIECE_OF if source in request.tables or (source == "t2" and has_t2)]
    if tau.size == 0 or not wanted:
        return {}
    scales = evaluation.scales
    # the first row has the most columns that do not stream
    columns = _free_columns(request.k, tau[0], scales)
    tables = {source: np.zeros((tau.size, columns), np.float32) for source in wanted}
    first_reionized = int(np.searchsorted(tau, scales.tau_dark_end, side="right"))
    for region, rows in (("dark", slice(first_reionized)), ("reionized", slice(first_reionized, None))):
        if tau[rows].size:
            _put_neutral(request, evaluation, region, tau[rows], {name: table[rows] for name, table in tables.items()})
    _add_rescattered(request, evaluation, tau, tables)
    _make_visible(request, evaluation, first, tables)
    return tables


def _put_neutral(
    request: Request, evaluation: Evaluation, region: str, tau: Array, tables: Mapping[str, Single]
) -> None:
    """Write temperature and polarization of a universe that stays neutral where they do not stream."""
    lefts = evaluation.lefts(region, tau, [PIECE_OF[source] for source in tables])
    for rows, width in _blocks(request.k, tau, evaluation.scales):
        for source, table in tables.items():
            piece = PIECE_OF[source]
            np.matmul(lefts[piece][rows], evaluation.wavenumber(region, piece)[:width].T, out=table[rows, :width])


def _make_visible(request: Request, evaluation: Evaluation, first: int, tables: Mapping[str, Single]) -> None:
    """Multiply by visibility where photons do not stream, leave nothing elsewhere, and take t0's streaming away."""
    tau, k = request.tau[first:], request.k
    history = {name: column[first:] for name, column in request.history.items()}
    visibility = history["visibility"].astype(np.float32)[:, None]
    if "t0" in tables:
        streaming = streaming_factor(history).astype(np.float32)[:, None] * evaluation.lefts(
            "late", tau, ("doppler",))["doppler"]
        at_k = evaluation.wavenumber("late", "doppler").T
    for rows, width in _blocks(k, tau, evaluation.scales):
        free = ~evaluation.scales.is_streaming(k[:width], tau[rows])
        for source, table in tables.items():
            part = table[rows, :width]
            part *= visibility[rows]
            if source == "t0":
                part -= streaming[rows] @ at_k[:, :width]
            part *= free
            table[rows, width:] = 0.0


def _blocks(k: Array, tau: Array, scales: Scales) -> list[tuple[slice, int]]:
    """Some rows of a table (tau, k) at once, with the number of columns of which some do not stream."""
    return [(slice(start, start + ROWS), _free_columns(k, tau[start], scales)) for start in range(0, tau.size, ROWS)]


def _free_columns(k: Array, tau: float, scales: Scales) -> int:
    """How many of the wavenumbers do not stream at tau (Mpc)."""
    return int(np.searchsorted(k, scales.streaming_trigger / tau, side="right"))


def _add_rescattered(request: Request, evaluation: Evaluation, tau: Array, tables: Mapping[str, Single]) -> None:
    """Add what reionisation changes in temperature and polarization to tables (times, wavenumbers)."""
    history = request.history
    start = start_of_reionization(request.tau, history["scattering_rate"], evaluation.scales.tau_dark_end)
    if start is None:
        return
    columns = _free_columns(request.k, start, evaluation.scales)
    times = uniform_times(start, evaluation.scales.tau_0)
    k = request.k[:columns]
    changed = _rescattered(_History.of(request, times), evaluation, k, times)
    later = tau > start
    interpolation = lagrange_matrix(times, tau[later]).astype(np.float32)
    for source, change in (("t0", changed.temperature), ("t2", changed.polarization)):
        if source in tables:
            tables[source][later, :columns] += interpolation @ change


@dataclass(frozen=True)
class _History:
    """Columns of a request's history at other times, each of shape (times,)."""

    exp_minus_kappa: Single
    visibility: Single
    growth_velocity: Single

    @classmethod
    def of(cls, request: Request, times: Array) -> _History:
        names = tuple(cls.__dataclass_fields__)
        columns = CubicSpline(request.tau, np.stack([request.history[name] for name in names], axis=1))(times)
        return cls(*columns.T.astype(np.float32))


def _rescattered(history: _History, evaluation: Evaluation, k: Array, times: Array) -> Photons:
    doppler, isw, shear = evaluation.tables("late", ("doppler", "isw", "shear"), times, k.size)
    temperature, polarization = evaluation.tables("reionized", ("temperature", "polarization"), times, k.size)
    return rescatter(
        k, times, history.exp_minus_kappa, history.visibility,
        neutral=Photons(temperature + shear, polarization),
        velocity=history.growth_velocity[:, None] * doppler * k.astype(np.float32),
        # 2 phi', the potentials being equal but for the neutrinos' small shear
        potential_decay=isw,
    )
