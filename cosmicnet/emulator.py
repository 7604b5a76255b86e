"""From a SourceRequest to filled source tables: inputs -> networks -> bases -> tables, in place."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from .coordinates import Scales
from .evaluation import Evaluation, FieldBases, FieldEmulator
from .photons import late_photons, streaming_factor
from .pieces import PIECES, time_factor
from .reach import sources_of, why_out_of_reach
from .request import Request

__all__ = ["Emulator"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

SMOOTH_REGIONS = ("early", "late")


@dataclass(frozen=True)
class _Term:
    """One piece of a source, left @ right: left (times, r) with its factor in time, right (r, k.size)."""

    left: Single
    right: Single


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
        for region, rows in zip(SMOOTH_REGIONS, (slice(first_late), slice(first_late, None)), strict=True):
            if request.tau[rows].size:
                _fill_smooth(request, evaluation, region, rows)
        smooth_done = perf_counter()
        for source, values in late_photons(request, evaluation, first_late).items():
            name = source if source in request.tables else "p"
            request.tables[name][first_late:, :values.shape[1]] += values
        if "p" in request.tables:
            t2 = request.tables.get("t2", request.tables["p"])
            np.multiply(t2, np.sqrt(6.0), out=request.tables["p"])
        return {"networks": networks_done - start, "interpolation": smooth_done - networks_done,
                "late photons": perf_counter() - smooth_done}


def _fill_smooth(request: Request, evaluation: Evaluation, region: str, rows: slice) -> None:
    """Multiply the terms of one region out, straight into CLASS's tables; p gets t2 for now."""
    history = {name: column[rows] for name, column in request.history.items()}
    terms: dict[str, list[_Term]] = {}
    wanted = {"t2" if name == "p" else name for name in request.tables}
    pieces = [piece for piece in evaluation.pieces(region) if PIECES[piece].source in wanted]
    for name, basis in evaluation.lefts(region, request.tau[rows], pieces).items():
        piece = PIECES[name]
        factor = time_factor(piece, history)
        if region == "late" and name == "doppler":
            # as if all photons streamed; late_photons() puts right where they do not
            factor = factor + streaming_factor(history)
        right = evaluation.wavenumber(region, name)
        if piece.power_of_k:
            right = right * (request.k**piece.power_of_k).astype(np.float32)[:, None]
        terms.setdefault(piece.source, []).append(_Term(factor.astype(np.float32)[:, None] * basis, right.T))
    for name, table in request.tables.items():
        if name == "p" and "t2" in request.tables:
            continue
        _multiply(terms.get("t2" if name == "p" else name, []), table[rows])


def _multiply(terms: list[_Term], out: Array) -> None:
    """out = sum of left @ right, as one matrix product."""
    if not terms:
        out[...] = 0.0
        return
    np.matmul(np.concatenate([t.left for t in terms], axis=1),
              np.concatenate([t.right for t in terms], axis=0), out=out)
