"""From a SourceRequest to filled source tables: inputs -> networks -> bases -> tables, in place."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from .coordinates import Scales
from .evaluation import Evaluation, Factors, FieldBases, FieldEmulator
from .fields import Field, inputs_of
from .photons import NEEDED_PIECES, PIECE_OF, LatePhotons, streaming_factor
from .pieces import PIECES, time_factor
from .reach import sources_of, why_out_of_reach
from .request import Request
from .threads import run_together, threads_of_products

__all__ = ["Emulator"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]


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
        """Write every table of `request`; return the seconds spent per step, on several threads the sum of theirs.

        Nothing is checked here: the request must be covered (coverage.require_covered).
        """
        with threads_of_products() as threads:
            return self._fill(request, threads)

    def _fill(self, request: Request, threads: int) -> dict[str, float]:
        clock = [perf_counter()]
        scales = Scales.of(request.cosmology, request.precision)
        needed = [f for f in self.fields if _is_needed(f.field, request)]
        values = {**request.setup, **request.cosmology}
        inputs = [inputs_of(values, f.field.inputs) for f in needed]
        clock.append(perf_counter())
        cores = {f.field.name: f.core(x).astype(np.float32) for f, x in zip(needed, inputs, strict=True)}
        clock.append(perf_counter())
        evaluation = Evaluation(self._bases, cores, scales, request.k)
        first_late = int(np.searchsorted(request.tau, scales.tau_free_streaming, side="right"))
        tasks = []
        if first_late < request.tau.size:
            tasks = _late_tasks(request, evaluation, first_late)
        if first_late > 0:
            tasks.append(("interpolation", lambda: _fill_early(request, evaluation, first_late)))
        clock.append(perf_counter())
        durations: list[tuple[str, float]] = []
        run_together([_timed(durations, step, task) for step, task in tasks], threads)
        seconds = dict(zip(("inputs", "networks", "interpolation"), np.diff(clock).tolist(), strict=True))
        seconds["late photons"] = 0.0
        for step, duration in durations:
            seconds[step] += duration
        return seconds


def _is_needed(field: Field, request: Request) -> bool:
    """Whether a field is part of a table of the request."""
    wanted = _own_tables(request)
    if not PIECE_OF.keys().isdisjoint(wanted) and field.piece in NEEDED_PIECES.get(field.region, ()):
        return True
    return field.region in ("early", "late") and PIECES[field.piece].source in wanted


def _timed(durations: list[tuple[str, float]], step: str, task: Callable[[], None]) -> Callable[[], None]:
    """The task, which appends its duration with the step that it belongs to."""
    def run() -> None:
        start = perf_counter()
        task()
        durations.append((step, perf_counter() - start))

    return run


def _fill_early(request: Request, evaluation: Evaluation, end: int) -> None:
    fields = evaluation.factors("early", request.tau[:end], _pieces(request, evaluation, "early"))
    sources = _sources(request, fields, slice(end), is_late=False)
    for name, table in _own_tables(request).items():
        _multiply(sources.get(name), table[:end])
    _polarize(request, slice(end))


def _late_tasks(request: Request, evaluation: Evaluation, first: int) -> list[tuple[str, Callable[[], None]]]:
    """What fills the tables from request.tau[first] on: the step that it belongs to, and the task."""
    photons = LatePhotons(request, evaluation, first)
    pieces = dict.fromkeys((*_pieces(request, evaluation, "late"), *photons.pieces))
    fields = evaluation.factors("late", np.concatenate([photons.times, request.tau[first:]]), pieces)
    here = {piece: factors.at(slice(photons.times.size, None)) for piece, factors in fields.items()}
    sources = _sources(request, here, slice(first, None), is_late=True)
    tables = {name: table[first:] for name, table in _own_tables(request).items()}

    def fill_others() -> None:
        for name, table in tables.items():
            if name not in photons.sources:
                _multiply(sources.get(name), table)

    def fill_photons(region: str, rows: slice) -> None:
        for name, some, part in photons.blocks(region, rows, fields):
            _put_together(sources.get(name), part, some, tables[name])
        _polarize(request, slice(first + rows.start, first + rows.stop))

    return [*(("late photons", partial(fill_photons, region, rows)) for region, rows in photons.regions().items()),
            ("interpolation", fill_others)]


def _put_together(smooth: Factors | None, part: Single, rows: slice, table: Array) -> None:
    """Write some rows of a source: its smooth part, and what photons add to the first wavenumbers."""
    if smooth is None:
        table[rows, :part.shape[1]] = part
        table[rows, part.shape[1]:] = 0.0
    else:
        block = smooth.left[rows] @ smooth.right
        block[:, :part.shape[1]] += part
        table[rows] = block


def _polarize(request: Request, rows: slice) -> None:
    """Make some rows of p out of t2."""
    if "p" in request.tables:
        t2 = request.tables.get("t2", request.tables["p"])
        np.multiply(t2[rows], np.sqrt(6.0), out=request.tables["p"][rows])


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
