"""What the fields of a set can fill, and how far their bases reach."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales
from .evaluation import REGIONS, FieldEmulator
from .photons import NEEDED_PIECES, PIECE_OF
from .pieces import PIECES, SOURCES
from .request import Request

__all__ = ["sources_of", "why_out_of_reach"]

# CLASS may start its sources a little before the first time of the bases, in tau/tau_rec. The visibility is below
# 1e-7 of its peak there, so that the bases' constant continuation is as good as anything.
OPAQUE_MARGIN = 0.06

# Of a logarithm of time at the end of a grid.
ROUNDING = 1e-9


def sources_of(fields: Sequence[FieldEmulator]) -> list[str]:
    """The tables that fields can fill, at early and at late times; p follows from t2."""
    there = {region: {f.field.piece for f in fields if f.field.region == region} for region in REGIONS}
    photons_are_there = all(set(needed) <= there[region] for region, needed in NEEDED_PIECES.items())

    def is_complete(source: str) -> bool:
        # temperature and acceleration stand for the monopole at late times
        needed = {piece for piece, of in PIECES.items() if of.source == source} - {"temperature", "acceleration"}
        late = photons_are_there if source in PIECE_OF else needed <= there["late"]
        return needed <= there["early"] and late

    return [name for name in SOURCES if is_complete("t2" if name == "p" else name)]


def why_out_of_reach(fields: Sequence[FieldEmulator], request: Request, k_max: float) -> Iterator[str]:
    """Yield one sentence for each end of the request's grids that is beyond the bases.

    k_max: the largest k that the set promises, in 1/Mpc; what lies beyond it was said elsewhere.
    """
    k_last = float(request.k[-1])
    scales = Scales.of(request.cosmology, request.precision)
    early = [f for f in fields if f.field.region == "early"]
    ends = {(f.field.wavenumber, f.wavenumber_basis.first, f.wavenumber_basis.last) for f in early}
    reached = [WAVENUMBER_COORDINATES[name](request.k[[0, -1]], scales) for name, _, _ in ends]
    if any(got[0] < first for got, (_, first, _) in zip(reached, ends, strict=True)):
        yield f"k from {float(request.k[0]):.4g}/Mpc is needed, below the reach of the networks"
    past_end = any(got[1] > last for got, (_, _, last) in zip(reached, ends, strict=True))
    if past_end and k_last <= k_max:
        yield f"k up to {k_last:.4g}/Mpc is needed, beyond the reach of the networks for this sound horizon"
    start = (max((f.time_basis.first for f in early), default=0.0) - OPAQUE_MARGIN) * scales.tau_rec
    if request.tau[0] < start:
        yield (f"sources from tau = {float(request.tau[0]):.4g} Mpc on are needed, but the networks start at "
               f"{start:.4g} Mpc")
    end = min((f.time_basis.last for f in early), default=np.inf) * scales.tau_rec
    if not scales.tau_free_streaming <= end:
        yield (f"sources of photons that do not stream freely are needed until tau = {scales.tau_free_streaming:.5g} "
               f"Mpc, but the networks reach {end:.5g} Mpc")
    yield from _outside_late_times(fields, request, scales)


def _outside_late_times(fields: Sequence[FieldEmulator], request: Request, scales: Scales) -> Iterator[str]:
    """The bases are constant beyond their ends, which is right at the dark first times only."""
    late = request.tau[request.tau > scales.tau_free_streaming]
    if not late.size:
        return
    # of the late times, dark fields see the first and reionized ones the last
    ends = {(f.field.time, -np.inf if f.field.region == "reionized" else f.time_basis.first,
             np.inf if f.field.region == "dark" else f.time_basis.last)
            for f in fields if f.field.region != "early"}
    for coordinate, first, last in sorted(ends):
        with np.errstate(invalid="ignore", divide="ignore"):
            needed = TIME_COORDINATES[coordinate](late[[0, -1]], scales)
        # written so that NaN is outside
        if not (first - ROUNDING <= needed[0] and needed[1] <= last + ROUNDING):
            yield (f"sources from tau = {late[0]:.5g} to {late[-1]:.5g} Mpc are needed, {coordinate} = "
                   f"{needed[0]:.4g} to {needed[1]:.4g}, but the networks reach from {first:.4g} to {last:.4g}")
