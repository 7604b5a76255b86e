"""From a SourceRequest to filled source tables: inputs -> networks -> bases -> tables, in place."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from .coordinates import Scales
from .evaluation import Evaluation, Factors, FieldBases, FieldEmulator
from .photons import LatePhotons, streaming_factor
from .pieces import PIECES, time_factor
from .reach import sources_of, why_out_of_reach
from .request import Request

__all__ = ["Emulator"]

Array = NDArray[np.float64]

class Emulator:
    """All fields of a network set, ready to fill tables."""

    def __init__(self, fields: Sequence[FieldEmulator]) -> None:
        self.fields = tuple(fields)
        self._bases = FieldBases(self.fields)

    @property
    def sources(self) -> list[str]:
        """The tables that can be filled."""
        return sources_of(self.fields)

    def out_of_reach(self, request: Request, k_max: float) -> Iterator[str]:
        """Yield one sentence for each end of the request's grids that the fields do not reach.

        k_max: the largest k (1/Mpc) that the set promises.
        """
        yield from why_out_of_reach(self.fields, request, k_max)

    def fill(self, request: Request) -> dict[str, float]:
        """Write every table of `request`; return the seconds spent per step.

        Nothing is checked here: the request must be covered (coverage.require_covered).
        """
        start = perf_counter()
        scales = Scales.of(request.cosmology, request.precision)
        evaluation = Evaluation(self._bases, request.cosmology, scales, request.k)
        networks_done = perf_counter()
        first_late = int(np.searchsorted(request.tau, scales.tau_free_streaming, side="right"))
        if first_late > 0:
            _fill_early(request, evaluation, first_late)
        early_done = perf_counter()
        if first_late < request.tau.size:
            _fill_late(request, evaluation, first_late)
        if "p" in request.tables:
            t2 = request.tables.get("t2", request.tables["p"])
            np.multiply(t2, np.sqrt(6.0), out=request.tables["p"])
        return {"networks": networks_done - start, "interpolation": early_done - networks_done,
                "late photons": perf_counter() - early_done}


def _fill_early(request: Request, evaluation: Evaluation, end: int) -> None:
    fields = evaluation.factors("early", request.tau[:end], _pieces(request, evaluation, "early"))
    sources = _sources(request, fields, slice(end), is_late=False)
    for name, table in _own_tables(request).items():
        _multiply(sources.get(name), table[:end])


def _fill_late(request: Request, evaluation: Evaluation, first: int) -> None:
    photons = LatePhotons(request, evaluation, first)
    pieces = dict.fromkeys((*_pieces(request, evaluation, "late"), *photons.pieces))
    fields = evaluation.factors("late", np.concatenate([photons.times, request.tau[first:]]), pieces)
    here = {piece: factors.at(slice(photons.times.size, None)) for piece, factors in fields.items()}
    sources = _sources(request, here, slice(first, None), is_late=True)
    tables = {name: table[first:] for name, table in _own_tables(request).items()}
    for name, table in tables.items():
        if name not in photons.sources:
            _multiply(sources.get(name), table)
    for name, rows, part in photons.blocks(fields):
        smooth = sources.get(name)
        if smooth is None:
            tables[name][rows, :part.shape[1]] = part
            tables[name][rows, part.shape[1]:] = 0.0
        else:
            block = smooth.left[rows] @ smooth.right
            block[:, :part.shape[1]] += part
            tables[name][rows] = block


def _own_tables(request: Request) -> dict[str, Array]:
    """By source, the tables but p, which gets t2 for now if there is no t2."""
    tables = {name: table for name, table in request.tables.items() if name != "p"}
    if "p" in request.tables:
        tables.setdefault("t2", request.tables["p"])
    return tables


def _pieces(request: Request, evaluation: Evaluation, region: str) -> list[str]:
    """The pieces of a region that the tables of a request need."""
    wanted = _own_tables(request)
    return [piece for piece in evaluation.pieces(region) if PIECES[piece].source in wanted]


def _sources(request: Request, fields: Mapping[str, Factors], rows: slice, is_late: bool) -> dict[str, Factors]:
    """Fields at request.tau[rows] times their factors, added up by source."""
    history = {name: column[rows] for name, column in request.history.items()}
    terms: dict[str, list[Factors]] = {}
    for name, factors in fields.items():
        piece = PIECES[name]
        factor = time_factor(piece, history)
        if name == "doppler" and is_late:
            # as if all photons streamed; LatePhotons puts right where they do not
            factor = factor + streaming_factor(history)
        terms.setdefault(piece.source, []).append(factors.scaled(factor, request.k, piece.power_of_k))
    return {source: Factors.sum_of(parts) for source, parts in terms.items()}


def _multiply(source: Factors | None, out: Array) -> None:
    if source is None:
        out[...] = 0.0
    else:
        np.matmul(source.left, source.right, out=out)
