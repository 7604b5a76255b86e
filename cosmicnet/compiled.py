"""The tables of a request in C++ (class_patch/fast/sources), where the patched classy has them.

Here are the functions of time that multiply fields. Fields, products, rescattering and streaming photons are in C++,
without Python's global lock. Results are those of emulator.py and photons.py, up to single precision.
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .combinations import COMBINATIONS
from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales, curvature_of
from .evaluation import FieldBases
from .growth import growing_pieces, smooth_growth
from .photons import LAST_PHASE, PIECE_OF, STREAMING_OF, PhotonPlan, ScatteringHistory, streaming_factor
from .pieces import PIECES, tables_but_p, time_factor, wavenumber_factor
from .request import Request
from .running_class import extension_of
from .splines import SplineBasis

__all__ = ["Compiled", "Fill", "compiled_fill"]

Array = NDArray[np.float64]
# One term of a sum: index of the field and its first row, the function of time that multiplies it, its treatment
# ('plain', 'growing', 'slope').
Term = tuple[int, int, Array | None, str]
# Seconds in networks, photons and the rest; the name of a table that is not finite, or None.
Filled = tuple[float, float, float, str | None]
Fill = Callable[..., Filled]

# Times of rescattering beyond which Fourier transforms are faster.
MOST_TIMES = 600


def compiled_fill(request: Request) -> Fill | None:
    """The function of the patched classy that made the request, or of the one that is installed; None if there is none,
    or if it cannot fill these tables."""
    if not COMBINATIONS.keys().isdisjoint(request.tables):
        return None
    if not all(table.flags.c_contiguous and table.dtype == np.float64 for table in request.tables.values()):
        return None
    module = sys.modules.get(type(request).__module__)
    found = getattr(module, "fill_network_sources", None) or _installed()
    return found if callable(found) else None


def _installed() -> Any:
    try:
        return getattr(extension_of(import_module("classy")), "fill_network_sources", None)
    except ImportError:
        return None


class Compiled:
    """The arguments of fill_network_sources() for one request.

    inputs: of the networks, by field. plan: of the late photons. pieces: those that the tables need, at early and late
    times. has_waves: whether streaming photons are needed beyond their fields, if there are any. growth: of the
    potentials at the times of rescattering and at the late times, where isw is divided into its parts.
    """

    def __init__(
        self, request: Request, bases: FieldBases, inputs: Mapping[str, Array], scales: Scales, plan: PhotonPlan,
        pieces: Mapping[str, Sequence[str]], has_waves: bool, growth: Array | None,
    ) -> None:
        self._request, self._bases, self._inputs, self._scales = request, bases, inputs, scales
        self._plan, self._has_waves, self._growth = plan, has_waves and plan.can_stream, growth
        self._k, self._tau = (np.ascontiguousarray(values) for values in (request.k, request.tau))
        self._late = self._tau[plan.first:]
        self._history = {name: column[plan.first:] for name, column in request.history.items()}
        self._tables = tables_but_p(request.tables)
        self._grids: dict[tuple[str, ...], tuple[int, tuple[Array, Array, Array]]] = {}
        self._fields: dict[str, tuple[int, tuple[Any, ...]]] = {}
        self._sums: dict[str, tuple[int, list[Term]]] = {}
        self._growing: Array | None = None
        self._sum_early(pieces["early"])
        if self._late.size:
            self._sum_late(pieces["late"])
            self._sum_photons()
        if plan.times.size:
            self._sum_scattered()

    def fill(self, fill: Fill) -> Filled:
        """Write the tables."""
        growth = None if self._growing is None else self._growing.astype(np.float32)
        waves = self._waves() if self._has_waves else None
        return fill(
            self._k, self._tau, self._plan.first, [grid for _, grid in self._grids.values()],
            [field for _, field in self._fields.values()], self._sums, self._request.tables, self._in_k(), growth,
            self._photons(), self._rescattering(), waves)

    def _in_k(self) -> dict[str, Array]:
        curvature = curvature_of({**self._request.setup, **self._request.cosmology})
        return {piece.source: wavenumber_factor(piece, self._k, curvature)
                for piece in PIECES.values() if piece.power_of_k}

    def _sum_early(self, pieces: Sequence[str]) -> None:
        rows = self._plan.first
        history = {name: column[:rows] for name, column in self._request.history.items()}
        for piece in pieces:
            source = PIECES[piece].source
            if source in self._tables or (self._has_waves and source in STREAMING_OF):
                self._add(f"early {source}", rows, (self._field("early", piece), 0,
                                                    time_factor(PIECES[piece], history), "plain"))

    def _sum_late(self, pieces: Sequence[str]) -> None:
        growing = growing_pieces(bool(self._request.setup.get("has_fld")))
        for piece in pieces:
            source = PIECES[piece].source
            if source not in self._tables:
                continue
            factor = time_factor(PIECES[piece], self._history)
            if piece == "doppler":
                # as if all photons streamed; those of the other sums are added
                factor = factor + streaming_factor(self._history)
            kind = "growing" if piece in growing else "plain"
            if kind == "growing" and self._growing is None:
                self._growing = smooth_growth(self._late, self._history)
            self._add(f"late {source}", self._late.size, *self._late_terms(piece, 0, factor, kind))

    def _late_terms(self, piece: str, row: int, function: Array, kind: str = "plain") -> list[Term]:
        """A piece from a row of the late times on, times a function of time."""
        return self._terms_from(piece, self._plan.times.size + row, function, kind)

    def _terms_from(self, piece: str, first: int, function: Array | None, kind: str = "plain") -> list[Term]:
        """The same from a row of the field on, whose first rows are the times of rescattering."""
        if piece != "isw" or self._growth is None:
            return [(self._field("late", piece), first, function, kind)]
        size = self._plan.times.size if function is None else function.size
        growth = self._growth[first:first + size]
        return [(self._field("late", "isw_beyond_growth"), first, function, kind),
                (self._field("late", "weyl"), first, growth if function is None else growth * function, kind)]

    def _sum_photons(self) -> None:
        for region, rows in self._plan.rows.items():
            history = {name: column[rows] for name, column in self._history.items()}
            first = self._plan.times.size if region == "reionized" else 0
            for source in self._plan.sources:
                terms: list[Term] = [(self._field(region, PIECE_OF[source]), first, history["visibility"], "plain")]
                if source == "t0":
                    terms += self._late_terms("doppler", rows.start, -streaming_factor(history))
                self._add(f"{region} {source}", rows.stop - rows.start, *terms)

    def _sum_scattered(self) -> None:
        times = self._plan.times
        self._scattering = ScatteringHistory.of(self._request, times)
        photons = {piece: (self._field("reionized", piece), 0, None, "plain") for piece in PIECE_OF.values()}
        velocity = self._scattering.growth_velocity.astype(float)
        self._add("m", times.size, photons["temperature"], *self._terms_from("shear", 0, None))
        self._add("p", times.size, photons["polarization"])
        self._add("v", times.size, *self._terms_from("doppler", 0, velocity))
        self._add("i", times.size, *self._terms_from("isw", 0, None))
        if self._has_waves:
            first = self._plan.first_scattered
            visibility, a, motion = (self._history[name][first:] for name in (
                "visibility", "exp_minus_kappa", "growth_velocity"))
            # slow_polarization() times exp(-kappa)
            self._add("slow", self._late.size - first, *self._late_terms("isw", first, np.pi / 8.0 * a),
                      *self._late_terms("doppler", first, np.pi / 8.0 * visibility * motion, "slope"))

    def _photons(self) -> tuple[int, NDArray[np.intc]]:
        reionized = self._plan.rows.get("reionized")
        free = np.searchsorted(self._k, self._scales.streaming_trigger / self._late, side="right")
        if not self._plan.sources:
            free = np.zeros_like(free)
        return self._late.size if reionized is None else reionized.start, free.astype(np.intc)

    def _rescattering(self) -> tuple[Array, Array, Array, int, Array] | None:
        times = self._plan.times
        if not times.size:
            return None
        a, visibility = (column.astype(float) for column in (
            self._scattering.exp_minus_kappa, self._scattering.visibility))
        return (times, a, visibility, self._scales.free_columns(self._k, self._plan.start),
                np.ascontiguousarray(self._history["visibility"]))

    def _waves(self) -> tuple[int, int, NDArray[np.intc], Array, float]:
        first_row = self._plan.first_scattered
        first_k = int(np.searchsorted(self._k, self._scales.streaming_trigger / self._scales.tau_0))
        last_k = np.searchsorted(self._k, LAST_PHASE / self._late)
        last_k[:first_row] = 0
        return (first_row, first_k, last_k.astype(np.intc), np.ascontiguousarray(self._history["scattering_rate"]),
                self._scales.tau_rec)

    def _add(self, name: str, rows: int, *terms: Term) -> None:
        self._sums.setdefault(name, (rows, []))[1].extend(
            (field, first, None if function is None else np.ascontiguousarray(function), kind)
            for field, first, function, kind in terms)

    def _field(self, region: str, piece: str) -> int:
        member = self._bases.fields[region][piece]
        name = member.field.name
        if name not in self._fields:
            self._fields[name] = len(self._fields), (
                member.single_mean, member.components, member.network.polynomial_at(self._inputs[name]),
                self._grid_in_time(region, member.field.time), member.time_basis.single_coefficients,
                self._grid_in_k(region, member.field.wavenumber), member.wavenumber_basis.single_coefficients)
        return self._fields[name][0]

    def _grid_in_time(self, region: str, coordinate: str) -> int:
        def values() -> Array:
            at = {"early": (self._tau[:self._plan.first],), "late": (self._plan.times, self._late)}.get(region)
            if at is None:
                times = self._plan.times if region == "reionized" else self._plan.times[:0]
                at = times, self._late[self._plan.rows[region]]
            return TIME_COORDINATES[coordinate](np.concatenate(at), self._scales)

        return self._grid((region, coordinate), self._bases.time[region].basis(coordinate), values)

    def _grid_in_k(self, region: str, coordinate: str) -> int:
        starts = {"dark": self._scales.tau_free_streaming, "reionized": self._scales.tau_dark_end}
        columns = self._scales.free_columns(self._k, starts[region]) if region in starts else self._k.size
        return self._grid((coordinate, str(columns)), self._bases.wavenumber.basis(coordinate),
                          lambda: WAVENUMBER_COORDINATES[coordinate](self._k[:columns], self._scales))

    def _grid(self, key: tuple[str, ...], basis: SplineBasis, values: Callable[[], Array]) -> int:
        if key not in self._grids:
            self._grids[key] = len(self._grids), (
                basis.breaks, basis.polynomials, np.ascontiguousarray(values()))
        return self._grids[key][0]
