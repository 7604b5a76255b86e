"""The photons at late times: free streaming from networks, then the effect of reionisation.

Outside of CLASS's radiation streaming approximation, temperature and polarization come from networks for a
universe that stays neutral, and rescattering (rescattering.py) is added. Within it, CLASS sets
Theta_0 + phi = -kappa' theta_b/k^2 and the polarization to zero (perturbations_rsa_delta_and_theta()). Sets that were
trained at finer settings need the photons that this leaves out (free_streaming.py): without them EE is off by 5e-4 at l
of 30 to 50, and TE by 2e-3 below.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from .coordinates import Scales
from .evaluation import Factors, FieldValues
from .free_streaming import FreeStreaming, slow_polarization
from .pieces import tables_but_p
from .request import Request
from .rescattering import Photons, duration_of_change, rescatter, start_of_reionization, uniform_times
from .splines import lagrange_matrix

__all__ = ["NEEDED_PIECES", "PIECE_OF", "STREAMING_OF", "STREAMING_PIECES", "LatePhotons", "streaming_factor"]

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

# Times in a block.
ROWS = 64


def streaming_factor(history: Mapping[str, Array]) -> Array:
    """The factor of theta_b/(k^2 D') in t0 where photons stream, in 1/Mpc^2: -g kappa' D'."""
    return np.asarray(-history["visibility"] * history["scattering_rate"] * history["growth_velocity"])


class LatePhotons:
    """The contribution of photon multipoles to t0 and t2 from request.tau[first] on.

    early: sources until then, from which streaming photons are computed; empty for sets with CLASS's approximation.
    """

    def __init__(self, request: Request, fields: FieldValues, first: int, early: Mapping[str, Factors]) -> None:
        self._request = request
        self._fields = fields
        self._tau = request.tau[first:]
        self._history = {name: column[first:] for name, column in request.history.items()}
        self.sources = [source for source in PIECE_OF if source in tables_but_p(request.tables)]
        scales = fields.scales
        start = start_of_reionization(request.tau, request.history["scattering_rate"], scales.tau_dark_end)
        # where all wavenumbers stream, nothing is scattered
        is_needed = start is not None and self.sources and _free_columns(request.k, start, scales)
        self._start = start if start is not None and is_needed else np.inf
        self._early = early if is_needed else {}
        # the times (Mpc) at which fields of the late region are needed
        self.times = np.empty(0)
        if not np.isinf(self._start):
            duration = duration_of_change(request.tau, request.history["scattering_rate"], self._start)
            self.times = uniform_times(self._start, scales.tau_0, duration)
        # the pieces of the late region that blocks() needs
        self.pieces = (("doppler",) if "t0" in self.sources else ()) + (_SCATTERED if self.times.size else ())

    def regions(self) -> dict[str, slice]:
        """The photon regions that contain times, each with its rows of request.tau[first:]."""
        first_reionized = int(np.searchsorted(self._tau, self._fields.scales.tau_dark_end, side="right"))
        both = {"reionized": slice(first_reionized, self._tau.size), "dark": slice(0, first_reionized)}
        return {region: rows for region, rows in both.items() if self.sources and rows.start < rows.stop}

    def blocks(self, region: str, rows: slice, late: Mapping[str, Factors]) -> Iterator[tuple[str, slice, Single]]:
        """Yield the contribution to a source in blocks of times: source, rows, and values at the first wavenumbers;
        photons of the others stream.

        t0 already has the term of streaming_factor() everywhere. late: by piece, fields of the late region at
        self.times and then at request.tau[first:].
        """
        history = {name: column[rows] for name, column in self._history.items()}
        neutral, added = self._photons(region, rows, late)
        streaming = self._streaming(rows, late) if region == "reionized" and self._early else None
        for source in self.sources:
            terms = [neutral[source].scaled(history["visibility"])]
            if source == "t0":
                doppler = late["doppler"].at(slice(self.times.size, None)).at(rows)
                terms.append(doppler.scaled(-streaming_factor(history)))
            product = Factors.sum_of(terms)
            for some, width in self._steps(rows):
                inside = slice(some.start - rows.start, some.stop - rows.start)
                part = product.left[inside] @ product.right[:, :width]
                if source in added:
                    scattered = added[source][inside]
                    part[:, :scattered.shape[1]] += scattered[:, :width]
                part = self._where_free(part, some)
                yield source, some, part if streaming is None else streaming.added_to(source, part, inside)

    def _photons(
        self, region: str, rows: slice, late: Mapping[str, Factors]
    ) -> tuple[dict[str, Factors], dict[str, Single]]:
        """By source, the photons of a universe that stays neutral, and the contribution of reionisation."""
        tau = self._tau[rows]
        if region == "dark" or not self.times.size:
            pieces = [PIECE_OF[source] for source in self.sources]
            at_tau = self._fields.factors(region, tau, pieces)
            return {source: at_tau[PIECE_OF[source]] for source in self.sources}, {}
        both = self._fields.factors(region, np.concatenate([self.times, tau]), PIECE_OF.values())
        there = slice(self.times.size)
        changed = self._rescattered({piece: factors.at(there) for piece, factors in {**late, **both}.items()})
        to_tau = lagrange_matrix(self.times, tau)
        to_tau.data *= np.repeat(self._history["visibility"][rows] * (tau > self._start), np.diff(to_tau.indptr))
        to_tau = to_tau.astype(np.float32)
        added = {"t0": changed.temperature, "t2": changed.polarization}
        return ({source: both[PIECE_OF[source]].at(slice(self.times.size, None)) for source in self.sources},
                {source: to_tau @ added[source] for source in self.sources})

    def _rescattered(self, pieces: Mapping[str, Factors]) -> Photons:
        k = self._request.k[:_free_columns(self._request.k, self._start, self._fields.scales)]
        at = {piece: pieces[piece].transposed(k.size) for piece in (*_SCATTERED, *PIECE_OF.values())}
        history = _History.of(self._request, self.times)
        return rescatter(
            k, self.times, history.exp_minus_kappa, history.visibility,
            neutral=Photons((at["temperature"] + at["shear"]).T, at["polarization"].T),
            velocity=(history.growth_velocity * at["doppler"] * k.astype(np.float32)[:, None]).T,
            # 2 phi': the potentials are equal, up to the small shear of neutrinos
            potential_decay=at["isw"].T,
        )

    def _streaming(self, rows: slice, late: Mapping[str, Factors]) -> _Streaming:
        """The photons beyond the fields, at some rows of request.tau[first:]."""
        request, scales, tau = self._request, self._fields.scales, self._tau[rows]
        rate, a, visibility, growth_velocity = (self._history[name][rows] for name in (
            "scattering_rate", "exp_minus_kappa", "visibility", "growth_velocity"))
        first = int(np.searchsorted(request.k, scales.streaming_trigger / scales.tau_0))
        last = np.where(tau > self._start, np.searchsorted(request.k, LAST_PHASE / tau), 0)
        some = slice(first, max(int(last.max()), first))
        k = request.k[some]

        def at(factors: Factors) -> Single:
            return factors.left @ factors.right[:, some]

        doppler, isw = (at(late[name].at(slice(self.times.size, None)).at(rows)) for name in ("doppler", "isw"))
        early = {name: at(factors) for name, factors in self._early.items()}
        temperature, polarization = FreeStreaming.of(
            k, request.tau[:request.tau.size - self._tau.size], **early, tau_rec=scales.tau_rec).at(tau)
        slow = slow_polarization(k, tau, a, visibility, growth_velocity[:, None] * doppler * k, isw)
        phase = np.outer(tau, k)
        is_there = scales.is_streaming(k, tau) & (phase < LAST_PHASE) & (tau > self._start)[:, None]
        # no factor exp(-kappa): the early sources have it
        return _Streaming(first, last, {
            "t0": (rate[:, None] * temperature * is_there).astype(np.float32),
            "t2": ((rate[:, None] * polarization + visibility[:, None] * slow) * is_there).astype(np.float32)})

    def _steps(self, rows: slice) -> Iterator[tuple[slice, int]]:
        """Blocks of times, each with the number of wavenumbers that do not stream at its first time."""
        for start in range(rows.start, rows.stop, ROWS):
            width = _free_columns(self._request.k, self._tau[start], self._fields.scales)
            yield slice(start, min(start + ROWS, rows.stop)), width

    def _where_free(self, part: Single, rows: slice) -> Single:
        """Zero where photons stream, in place."""
        tau, scales = self._tau[rows], self._fields.scales
        edge = slice(_free_columns(self._request.k, tau[-1], scales), part.shape[1])
        part[:, edge] *= ~scales.is_streaming(self._request.k[edge], tau)
        return part


def _free_columns(k: Array, tau: float, scales: Scales) -> int:
    """How many of the wavenumbers do not stream at tau (Mpc)."""
    return int(np.searchsorted(k, scales.streaming_trigger / tau, side="right"))


@dataclass(frozen=True)
class _Streaming:
    """Contributions to t0 and t2 of photons beyond the fields, at the times of a region and the wavenumbers k[first:].

    last: the number of wavenumbers for which they are needed, at each time.
    """

    first: int
    last: NDArray[np.intp]
    sources: Mapping[str, Single]

    def added_to(self, source: str, part: Single, rows: slice) -> Single:
        """Add these photons to a block of times, which then has more wavenumbers."""
        last = max(int(self.last[rows].max()), self.first)
        whole = np.zeros((len(part), max(last, part.shape[1])), dtype=np.float32)
        whole[:, :part.shape[1]] = part
        whole[:, self.first:last] += self.sources[source][rows, :last - self.first]
        return whole


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
