"""The photons at late times: free streaming from networks, then the effect of reionisation.

Outside of CLASS's radiation streaming approximation, temperature and polarization come from networks for a
universe that stays neutral, and rescattering (rescattering.py) is added. Within it, CLASS sets
Theta_0 + phi = -kappa' theta_b/k^2 and the polarization to zero (perturbations_rsa_delta_and_theta()). Sets that were
trained at finer settings need the photons that this leaves out (free_streaming.py): without them EE is off by 5e-4 at l
of 30 to 50, and TE by 2e-3 below.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .coordinates import Scales
from .evaluation import Factors, FieldValues
from .free_streaming import FreeStreaming, slow_polarization
from .pieces import tables_but_p
from .request import Request
from .rescattering import Photons, duration_of_change, rescatter, start_of_reionization, uniform_times
from .splines import cubic_at, lagrange_matrix
from .threads import Once

__all__ = [
    "LAST_PHASE", "NEEDED_PIECES", "PIECE_OF", "STREAMING_OF", "STREAMING_PIECES", "LatePhotons", "PhotonPlan",
    "ScatteringHistory", "streaming_factor",
]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# The photon piece of each source at late times, and by region the pieces from which photons are computed.
PIECE_OF = {"t0": "temperature", "t2": "polarization"}
NEEDED_PIECES = {"late": ("acceleration", "doppler", "isw", "shear"), "dark": ("temperature", "polarization"),
                 "reionized": ("temperature", "polarization")}

# The early sources of which photons beyond the fields are made, and their pieces.
STREAMING_OF = ("t0", "t1", "t2")
STREAMING_PIECES = ("monopole", "doppler", "isw", "shear", "polarization")

# Further pieces: the velocity, which scatters, and the potentials, which act on free-streaming photons.
_SCATTERED = ("doppler", "isw", "shear")

# k tau beyond which streaming photons are left out: they change EE by less than 1e-5.
LAST_PHASE = 100.0

# Times before the first one at which splines of a history begin.
TIMES_BEFORE = 16

# Times in a block, and in a part that one thread computes.
ROWS, ROWS_OF_PART = 64, 128


def streaming_factor(history: Mapping[str, Array]) -> Array:
    """The factor of theta_b/(k^2 D') in t0 where photons stream, in 1/Mpc^2: -g kappa' D'."""
    return np.asarray(-history["visibility"] * history["scattering_rate"] * history["growth_velocity"])


@dataclass(frozen=True)
class PhotonPlan:
    """Which photons a request needs, at which times. Late times are request.tau[first:]; late rows are counted from
    there.

    sources: the tables with photons. start: when reionisation begins (Mpc), infinite without. times: uniform times of
    rescattering (Mpc), at which fields of the late region are needed. pieces: of the late region, needed for photons.
    rows: the photon regions that contain times, each with its late rows. first_scattered: the first late row after the
    start of reionisation.
    """

    first: int
    sources: tuple[str, ...]
    start: float
    times: Array
    pieces: tuple[str, ...]
    rows: Mapping[str, slice]
    first_scattered: int

    @classmethod
    def of(cls, request: Request, scales: Scales) -> PhotonPlan:
        first = int(np.searchsorted(request.tau, scales.tau_free_streaming, side="right"))
        late, rate = request.tau[first:], request.history["scattering_rate"]
        sources = tuple(source for source in PIECE_OF if source in tables_but_p(request.tables))
        start = start_of_reionization(request.tau, rate, scales.tau_dark_end) if sources and late.size else None
        # where all wavenumbers stream, nothing is scattered
        if start is None or not scales.free_columns(request.k, start):
            start = np.inf
        times = np.empty(0)
        if not np.isinf(start):
            times = uniform_times(start, scales.tau_0, duration_of_change(request.tau, rate, start))
        reionized = int(np.searchsorted(late, scales.tau_dark_end, side="right"))
        both = {"reionized": slice(reionized, late.size), "dark": slice(0, reionized)}
        return cls(
            first, sources, start, times,
            pieces=(("doppler",) if "t0" in sources else ()) + (_SCATTERED if times.size else ()),
            rows={region: rows for region, rows in both.items() if sources and rows.start < rows.stop},
            first_scattered=max(reionized, int(np.searchsorted(late, start, side="right"))))

    @property
    def can_stream(self) -> bool:
        """Whether there are streaming photons that scatter."""
        return self.times.size > 0 and "reionized" in self.rows


class LatePhotons:
    """The contribution of photon multipoles to t0 and t2 at the late times of a plan.

    early: sources until then, from which streaming photons are computed; None for sets with CLASS's approximation.
    late: by piece, fields of the late region (plan.pieces) at plan.times and then at the late times.
    """

    def __init__(
        self, request: Request, fields: FieldValues, plan: PhotonPlan,
        early: Callable[[], Mapping[str, Factors]] | None, late: Callable[[], Mapping[str, Factors]],
    ) -> None:
        self._request = request
        self._fields = fields
        self._early, self._late = early, late
        self._tau = request.tau[plan.first:]
        self._history = {name: column[plan.first:] for name, column in request.history.items()}
        self.sources, self.times = plan.sources, plan.times
        self._plan, self._start, self._rows = plan, plan.start, plan.rows
        self._of_region = {region: Once(partial(self._photons, region)) for region in self._rows}
        self._streaming = Once(self._streaming_photons)

    @property
    def _has_streaming(self) -> bool:
        return self._early is not None and self._plan.can_stream

    def preparations(self) -> list[Callable[[], object]]:
        """The results that all parts of a region need, as independent tasks, the longest first; parts wait for them."""
        return [*([self._of_region["reionized"]] if "reionized" in self._rows else []),
                *([self._streaming] if self._has_streaming else [])]

    def parts(self) -> list[tuple[str, slice]]:
        """Independent parts of blocks(): regions and some of their rows of request.tau[first:]."""
        return [(region, slice(start, min(start + ROWS_OF_PART, rows.stop)))
                for region, rows in self._rows.items() for start in range(rows.start, rows.stop, ROWS_OF_PART)]

    def blocks(self, region: str, rows: slice) -> Iterator[tuple[str, slice, Single]]:
        """Yield the contribution to a source in blocks of times: source, rows, and values at the first wavenumbers;
        photons of the others stream.

        t0 already has the term of streaming_factor() everywhere.
        """
        first = self._rows[region].start
        products, added = self._of_region[region]()
        streaming = self._streaming() if region == "reionized" and self._has_streaming else None
        for source, product in products.items():
            for some, width in self._steps(rows):
                inside = slice(some.start - first, some.stop - first)
                part = product.left[inside] @ product.right[:, :width]
                if source in added:
                    scattered = added[source][inside]
                    part[:, :scattered.shape[1]] += scattered[:, :width]
                part = self._where_free(part, some)
                yield source, some, part if streaming is None else streaming.added_to(source, part, inside)

    def _photons(self, region: str) -> tuple[dict[str, Factors], dict[str, Single]]:
        """By source, the photons of a universe that stays neutral without those of streaming_factor(), and the
        contribution of reionisation."""
        rows = self._rows[region]
        tau, history = self._tau[rows], {name: column[rows] for name, column in self._history.items()}
        times = self.times if region == "reionized" else self.times[:0]
        there, at_tau = slice(times.size), slice(times.size, None)
        # reionisation needs both
        pieces = PIECE_OF.values() if times.size else [PIECE_OF[source] for source in self.sources]
        neutral = self._fields.factors(region, np.concatenate([times, tau]), pieces)
        products = {source: neutral[PIECE_OF[source]].at(at_tau).scaled(history["visibility"])
                    for source in self.sources}
        if "t0" in products:
            doppler = self._late()["doppler"].at(slice(self.times.size, None)).at(rows)
            columns = slice(products["t0"].right.shape[1])
            products["t0"] = Factors.sum_of(
                [products["t0"], doppler.columns(columns).scaled(-streaming_factor(history))])
        if not times.size:
            return products, {}
        changed = self._rescattered(
            {piece: factors.at(there) for piece, factors in {**self._late(), **neutral}.items()})
        to_tau = lagrange_matrix(times, tau)
        to_tau.data *= np.repeat(history["visibility"] * (tau > self._start), np.diff(to_tau.indptr))
        to_tau = to_tau.astype(np.float32)
        added = {"t0": changed.temperature, "t2": changed.polarization}
        return products, {source: to_tau @ added[source] for source in self.sources}

    def _rescattered(self, pieces: Mapping[str, Factors]) -> Photons:
        k = self._request.k[:self._fields.scales.free_columns(self._request.k, self._start)]
        at = {piece: pieces[piece].transposed(k.size) for piece in (*_SCATTERED, *PIECE_OF.values())}
        history = ScatteringHistory.of(self._request, self.times)
        return rescatter(
            k, self.times, history.exp_minus_kappa, history.visibility,
            neutral=Photons((at["temperature"] + at["shear"]).T, at["polarization"].T),
            velocity=(history.growth_velocity * at["doppler"] * k.astype(np.float32)[:, None]).T,
            # 2 phi': the potentials are equal, up to the small shear of neutrinos
            potential_decay=at["isw"].T,
        )

    def _streaming_photons(self) -> _Streaming:
        """The photons beyond the fields, at the times of the region reionized."""
        assert self._early is not None
        request, scales = self._request, self._fields.scales
        rows, late = self._rows["reionized"], self._late()
        before = self._plan.first_scattered - rows.start
        rows = slice(rows.start + before, rows.stop)
        tau = self._tau[rows]
        rate, a, visibility, growth_velocity = (self._history[name][rows] for name in (
            "scattering_rate", "exp_minus_kappa", "visibility", "growth_velocity"))
        first = int(np.searchsorted(request.k, scales.streaming_trigger / scales.tau_0))
        last = np.searchsorted(request.k, LAST_PHASE / tau)
        some = slice(first, max(int(last.max(initial=0)), first))
        k = request.k[some]
        doppler, isw = (late[name].at(slice(self.times.size, None)).at(rows).columns(some)
                        for name in ("doppler", "isw"))
        slow = slow_polarization(k, tau, a, visibility, doppler.scaled(growth_velocity), isw)
        early = {name: factors.columns(some).table() for name, factors in self._early().items()}
        temperature, polarization = FreeStreaming.of(
            k, request.tau[:request.tau.size - self._tau.size], **early, tau_rec=scales.tau_rec).at(tau)
        # no factor exp(-kappa): the early sources have it
        scatters = rate.astype(np.float32)[:, None] * (scales.is_streaming(k, tau) & (np.outer(tau, k) < LAST_PHASE))
        polarization += slow.scaled(a).table()
        return _Streaming(before, first, last, {"t0": scatters * temperature, "t2": scatters * polarization})

    def _steps(self, rows: slice) -> Iterator[tuple[slice, int]]:
        """Blocks of times, each with the number of wavenumbers that do not stream at its first time."""
        for start in range(rows.start, rows.stop, ROWS):
            width = self._fields.scales.free_columns(self._request.k, self._tau[start])
            yield slice(start, min(start + ROWS, rows.stop)), width

    def _where_free(self, part: Single, rows: slice) -> Single:
        """Zero where photons stream, in place."""
        tau, scales = self._tau[rows], self._fields.scales
        edge = slice(scales.free_columns(self._request.k, tau[-1]), part.shape[1])
        part[:, edge] *= ~scales.is_streaming(self._request.k[edge], tau)
        return part


@dataclass(frozen=True)
class _Streaming:
    """Contributions to t0 and t2 of photons beyond the fields, at the times of a region and the wavenumbers k[first:].

    before: the number of times of the region without them. last: the number of wavenumbers for which they are needed,
    at each time after these.
    """

    before: int
    first: int
    last: NDArray[np.intp]
    sources: Mapping[str, Single]

    def added_to(self, source: str, part: Single, rows: slice) -> Single:
        """Add these photons to a block of times, which then has more wavenumbers."""
        here = slice(max(rows.start - self.before, 0), rows.stop - self.before)
        if here.stop <= here.start:
            return part
        last = max(int(self.last[here].max()), self.first)
        whole = np.zeros((len(part), max(last, part.shape[1])), dtype=np.float32)
        whole[:, :part.shape[1]] = part
        whole[len(part) - (here.stop - here.start):, self.first:last] += self.sources[source][here, :last - self.first]
        return whole


@dataclass(frozen=True)
class ScatteringHistory:
    """Columns of a request's history at other times, each of shape (times,)."""

    exp_minus_kappa: Single
    visibility: Single
    growth_velocity: Single

    @classmethod
    def of(cls, request: Request, times: Array) -> ScatteringHistory:
        names = tuple(cls.__dataclass_fields__)
        # the ends of a spline act over a few times only
        some = slice(max(int(np.searchsorted(request.tau, times[0])) - TIMES_BEFORE, 0), None)
        table = np.stack([request.history[name][some] for name in names], axis=1)
        columns = cubic_at(request.tau[some], table, times)
        return cls(*columns.T.astype(np.float32))
