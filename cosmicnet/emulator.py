"""From a SourceRequest to filled source tables, in place.

An Emulator is one architecture's networks. This package's own, FieldsEmulator, goes from inputs by networks and bases
to tables; cosmicnet.paper has the networks of CosmicNet I.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from time import perf_counter
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from .background import Background
from .combinations import COMBINATIONS, combined
from .compiled import MOST_TIMES, Compiled, compiled_fill
from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Boundaries, Scales, curvature_of
from .evaluation import Factors, FieldBases, FieldValues, FittedField
from .fields import REGIONS, Field, inputs_of
from .growth import growing_pieces, smooth_growth
from .manifest import FIELDS_ARCHITECTURE, Manifest
from .photons import (
    NEEDED_PIECES,
    PIECE_OF,
    STREAMING_OF,
    STREAMING_PIECES,
    LatePhotons,
    PhotonPlan,
    streaming_factor,
)
from .pieces import PIECES, SOURCES, fill_p, tables_but_p, time_factor, wavenumber_factor
from .pressure import slow_growth
from .request import Request
from .rescattering import duration_of_change, is_resolved, start_of_reionization
from .splines import cubic_at
from .threads import Once, run_together, threads_of_products

__all__ = ["Emulator", "FieldsEmulator", "NotFinite", "require_finite"]

Array = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Single = NDArray[np.float32]

# CLASS may start its sources a little before the first time of the bases, in tau/tau_rec. The visibility is below
# 1e-7 of its peak there, and the constant continuation of the bases is accurate enough.
OPAQUE_MARGIN = 0.06

# Pieces that may replace isw at late times: the one that growth multiplies, and the remainder.
PARTS_OF_ISW = ("isw_beyond_growth", "weyl")
# Pieces of t0 that other pieces may replace.
ALTERNATIVES = {"temperature", "acceleration", "isw_beyond_growth"}

# Rows of CLASS's table of electrons that resolve a change of the scattering rate. With fewer its splines overshoot;
# CLASS itself then stops at the first negative density that it meets.
ROWS_PER_CHANGE = 2.0

# What makes reionisation slower, by CLASS's number of reio_parametrization.
SLOWER = {1: "reionization_width or helium_fullreio_width", 2: "binned_reio_step_sharpness", 3: "reionization_width",
          4: "many_tanh_width", 5: "distance of reio_inter_z"}

# Tolerance of a logarithm of time at the ends of a grid.
ROUNDING = 1e-9


class NotFinite(ArithmeticError):
    """Networks gave a source, the argument, that is not finite."""


def require_finite(tables: Mapping[str, Array]) -> None:
    # a sum is not finite as soon as one number is not
    for name, table in tables.items():
        if not np.isfinite(table.sum()):
            raise NotFinite(name)


class Emulator(Protocol):
    """The networks of one architecture, ready to fill tables."""

    architecture: ClassVar[str]

    @property
    def sources(self) -> list[str]:
        """The tables that can be filled, a companion's included."""

    def why_out_of_reach(self, request: Request, k_max: float) -> Iterator[str]:
        """Yield one sentence for each end of the request's grids that the networks do not reach.

        k_max: the largest k (1/Mpc) that the set promises; the caller reports what lies beyond it.
        """

    def for_companion(self, request: Request) -> Request | None:
        """The request with those tables only that a companion set fills; None if there are none."""

    def fill(self, request: Request) -> dict[str, float]:
        """Write every table of the request; return the seconds spent per step, summed over threads.

        The request must be covered (coverage.why_not_covered), which is not checked here. Raises NotFinite.
        """

    def specifications(self) -> list[dict[str, Any]]:
        """Descriptions of the networks, for the entry `fields` of a manifest."""

    def arrays(self) -> Arrays:
        """All numbers of the networks, as a set stores them."""

    @classmethod
    def from_arrays(
        cls, manifest: Manifest, arrays: Mapping[str, NDArray[Any]], companion: Emulator | None
    ) -> Emulator:
        """The inverse of specifications() and arrays(); KeyError, TypeError or ValueError where they do not match.

        companion: the emulator of the set that manifest.companion names.
        """


class FieldsEmulator:
    """All fields of a network set."""

    architecture: ClassVar[str] = FIELDS_ARCHITECTURE

    def __init__(self, fields: Sequence[FittedField], boundaries: Boundaries | None = None) -> None:
        self.fields = tuple(fields)
        self.boundaries = boundaries
        self._bases = FieldBases(self.fields)

    @cached_property
    def sources(self) -> list[str]:
        """The tables that the fields can fill, at early and at late times."""
        there = {region: {f.field.piece for f in self.fields if f.field.region == region} for region in REGIONS}
        if set(PARTS_OF_ISW) <= there["late"]:
            there["late"].add("isw")
        photons_are_there = all(set(needed) <= there[region] for region, needed in NEEDED_PIECES.items())

        def is_complete(source: str) -> bool:
            needed = {piece for piece, of in PIECES.items() if of.source == source} - ALTERNATIVES
            late = photons_are_there if source in PIECE_OF else needed <= there["late"]
            return needed <= there["early"] and late

        both = there["early"] & there["late"]
        return [*(name for name in SOURCES if is_complete("t2" if name == "p" else name)),
                *(name for name, needed in COMBINATIONS.items() if set(needed) <= both)]

    def why_out_of_reach(self, request: Request, k_max: float) -> Iterator[str]:
        k_last = float(request.k[-1])
        scales = self.scales(request)
        early = [f for f in self.fields if f.field.region == "early"]
        # at smaller k than theirs, outside the horizon, fields have their limit
        ends = {(f.field.wavenumber, f.wavenumber_basis.last) for f in early}
        past_end = any(WAVENUMBER_COORDINATES[name](request.k[-1:], scales)[0] > last for name, last in ends)
        if past_end and k_last <= k_max:
            yield f"k up to {k_last:.4g}/Mpc is needed, beyond the reach of the networks for this sound horizon"
        start = (max((f.time_basis.first for f in early), default=0.0) - OPAQUE_MARGIN) * scales.tau_rec
        if request.tau[0] < start:
            yield (f"sources from tau = {float(request.tau[0]):.4g} Mpc on are needed, but the networks start at "
                   f"{start:.4g} Mpc")
        end = min((f.time_basis.last for f in early), default=np.inf) * scales.tau_rec
        if not scales.tau_free_streaming <= end:
            yield (f"sources of photons that do not stream freely are needed until tau = "
                   f"{scales.tau_free_streaming:.5g} Mpc, but the networks reach {end:.5g} Mpc")
        yield from self._outside_late_times(request, scales)
        yield from _unresolved_reionization(request, scales)

    def _outside_late_times(self, request: Request, scales: Scales) -> Iterator[str]:
        """Beyond their ends the bases are constant, which is correct only at early, opaque times."""
        late = request.tau[request.tau > scales.tau_free_streaming]
        if not late.size:
            return
        # dark fields cover the first of the late times, reionized ones the last
        ends = {(f.field.time, -np.inf if f.field.region == "reionized" else f.time_basis.first,
                 np.inf if f.field.region == "dark" else f.time_basis.last)
                for f in self.fields if f.field.region != "early"}
        for coordinate, first, last in sorted(ends):
            with np.errstate(invalid="ignore", divide="ignore"):
                needed = TIME_COORDINATES[coordinate](late[[0, -1]], scales)
            # written so that NaN is outside
            if not (first - ROUNDING <= needed[0] and needed[1] <= last + ROUNDING):
                yield (f"sources from tau = {late[0]:.5g} to {late[-1]:.5g} Mpc are needed, {coordinate} = "
                       f"{needed[0]:.4g} to {needed[1]:.4g}, but the networks reach from {first:.4g} to {last:.4g}")

    def scales(self, request: Request) -> Scales:
        """The times and lengths of a request, with this set's boundaries."""
        return Scales.of(request.cosmology, request.precision, self.boundaries)

    def for_companion(self, request: Request) -> Request | None:
        return None

    def fill(self, request: Request) -> dict[str, float]:
        start = perf_counter()
        needed = [f for f in self.fields if self._is_needed(f.field, request)]
        values = {**request.setup, **request.cosmology}
        # fields share inputs, some of which are integrals
        names = tuple(dict.fromkeys(name for f in needed for name in f.field.inputs))
        numbers = dict(zip(names, inputs_of(values, names), strict=True))
        inputs = {f.field.name: np.array([numbers[name] for name in f.field.inputs]) for f in needed}
        seconds = perf_counter() - start
        # a set with CLASS's own boundaries stands for its approximation beyond them
        of_tables = _OpenRequest(
            request, self._bases, inputs, self.scales(request), has_streaming=self.boundaries is not None).fill()
        slow_growth(request)
        return {"inputs": seconds, **of_tables}

    def _is_needed(self, field: Field, request: Request) -> bool:
        """Whether a field is part of a table of the request."""
        wanted = tables_but_p(request.tables)
        if not PIECE_OF.keys().isdisjoint(wanted):
            streaming = STREAMING_PIECES if field.region == "early" and self.boundaries is not None else ()
            needed = (*NEEDED_PIECES.get(field.region, ()), *streaming)
            if field.piece in needed or ("isw" in needed and field.piece in self._parts_of_isw()):
                return True
        if field.region not in ("early", "late"):
            return False
        combining = {piece for name in wanted for piece in COMBINATIONS.get(name, ())}
        return (PIECES[field.piece].source in wanted or field.piece in combining
                or (field.region == "late" and "isw" in combining and field.piece in self._parts_of_isw()))

    def _parts_of_isw(self) -> tuple[str, ...]:
        """The late pieces that stand for isw."""
        return PARTS_OF_ISW if PARTS_OF_ISW[0] in self._bases.fields["late"] else ()

    def specifications(self) -> list[dict[str, Any]]:
        return [asdict(f.field) for f in self.fields]

    def arrays(self) -> Arrays:
        """Compacted; knots once for all fields that share them."""
        return {name: _compact(name, array) for f in self.fields for name, array in f.arrays().items()}

    @classmethod
    def from_arrays(
        cls, manifest: Manifest, arrays: Mapping[str, NDArray[Any]], companion: Emulator | None
    ) -> FieldsEmulator:
        fields = [Field(**{**entry, "inputs": tuple(entry["inputs"])}) for entry in manifest.fields]
        for field in fields:
            field.require_known(manifest.derived_inputs)
        boundaries = Boundaries(**manifest.boundaries) if manifest.boundaries else None
        return cls([FittedField.from_arrays(field, arrays, manifest.dense_layers) for field in fields], boundaries)


def _unresolved_reionization(request: Request, scales: Scales) -> Iterator[str]:
    """Yield a reason if reionisation is too sudden for the uniform times of rescattering, or for CLASS's table of
    electrons, which is uniform in redshift."""
    if PIECE_OF.keys().isdisjoint(tables_but_p(request.tables)):
        return
    rate = request.history["scattering_rate"]
    start = start_of_reionization(request.tau, rate, scales.tau_dark_end)
    if start is None:
        return
    slower = SLOWER.get(int(request.setup.get("reio_parametrization", 1)), SLOWER[1])
    if not is_resolved(duration := duration_of_change(request.tau, rate, start), start):
        yield (f"reionisation takes {duration:.3g} Mpc of conformal time, too short for the networks: a larger "
               f"{slower} is covered")
        return
    later, row = request.tau >= start, request.precision.get("reionization_sampling", 0.0)
    redshift = duration_of_change(-1.0 / request.history["scale_factor"][later], rate[later], -np.inf)
    if redshift < ROWS_PER_CHANGE * row:
        yield (f"reionisation takes {redshift:.2g} in redshift, too short for CLASS's table of electrons in steps of "
               f"reionization_sampling = {row:g}: a larger {slower} is covered")


def _compact(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Large tables for storage: bases in single precision (6e-8), components in half precision (5e-4), since they are
    small corrections to the mean."""
    kind: type = np.int64 if array.dtype.kind == "i" else np.float64
    if name.endswith("/components"):
        kind = np.float16
    elif name.endswith(("_basis", "/mean_core")):
        kind = np.float32
    return np.ascontiguousarray(array, dtype=kind)


def _timed(durations: list[tuple[str, float]], step: str, task: Callable[[], object]) -> Callable[[], None]:
    """The task with a clock, which appends step and duration."""
    def run() -> None:
        start = perf_counter()
        task()
        durations.append((step, perf_counter() - start))

    return run


class _OpenRequest:
    """A request whose tables are being filled, early times apart from late ones. inputs: of the networks, by field."""

    def __init__(
        self, request: Request, bases: FieldBases, inputs: Mapping[str, Array], scales: Scales, has_streaming: bool
    ) -> None:
        self._request, self._bases, self._inputs, self._scales = request, bases, inputs, scales
        self._tables = tables_but_p(request.tables)
        self._plan = PhotonPlan.of(request, scales)
        self._first_late = self._plan.first
        # photons beyond their fields, if there are any
        self._has_streaming = has_streaming and self._first_late > 0 and not PIECE_OF.keys().isdisjoint(self._tables)

    def fill(self) -> dict[str, float]:
        """Write the tables, in C++ where possible; returns the seconds by step, summed over threads. Raises
        NotFinite."""
        fill, start = compiled_fill(self._request), perf_counter()
        if fill is None or self._plan.times.size > MOST_TIMES:
            seconds = self._fill_by_numpy()
            require_finite(self._tables)
            return seconds
        compiled = Compiled(
            self._request, self._bases, self._inputs, self._scales, self._plan,
            {region: self._pieces(region) for region in ("early", "late")}, self._has_streaming,
            self._growth_of_potentials() if self._is_isw_divided() else None)
        before = perf_counter() - start
        of_networks, of_photons, of_others, wrong = compiled.fill(fill)
        if wrong is not None:
            raise NotFinite(wrong)
        return {"networks": of_networks, "interpolation": before + of_others, "late photons": of_photons}

    def _fill_by_numpy(self) -> dict[str, float]:
        with threads_of_products() as threads:
            start = perf_counter()
            members = [member for fields in self._bases.fields.values() for member in fields.values()]
            cores = {member.field.name: member.core(self._inputs[member.field.name]).astype(np.float32)
                     for member in members if member.field.name in self._inputs}
            seconds = {"networks": perf_counter() - start, "interpolation": 0.0, "late photons": 0.0}
            self._fields = FieldValues(self._bases, cores, self._scales, self._request.k)
            self._early, self._early_sources = Once(self._early_fields), Once(self._sources_of_early)
            self._late, self._smoothed = Once(self._late_fields), Once(self._smoothed_fields)
            self._late_sources = Once(self._sources_of_late)
            self._photons = LatePhotons(self._request, self._fields, self._plan,
                                        self._streaming_sources if self._has_streaming else None, self._late)
            tasks = self._tasks()
            durations: list[tuple[str, float]] = []
            run_together([_timed(durations, step, task) for step, task in tasks], threads)
        for step, duration in durations:
            seconds[step] += duration
        return seconds

    def _tasks(self) -> list[tuple[str, Callable[[], object]]]:
        """The tasks that fill the tables, each with the step to which its time is counted. In this order they hardly
        wait for one another's results."""
        early: list[tuple[str, Callable[[], object]]] = []
        if self._first_late > 0:
            early.append(("interpolation", self._fill_early))
        if self._first_late == self._request.tau.size:
            return early
        photons = [("late photons", task) for task in self._photons.preparations()]
        return [*photons[:1], *early, *photons[1:], ("interpolation", self._fill_late),
                *(("late photons", partial(self._fill_photons, *part)) for part in reversed(self._photons.parts()))]

    def _early_fields(self) -> dict[str, Factors]:
        return self._fields.factors("early", self._request.tau[:self._first_late], self._pieces("early"))

    def _sources_of_early(self) -> dict[str, Factors]:
        return self._sources(self._early(), slice(self._first_late), is_late=False)

    def _streaming_sources(self) -> dict[str, Factors]:
        return {name: self._early_sources()[name] for name in STREAMING_OF}

    def _fill_early(self) -> None:
        rows, sources = slice(self._first_late), self._early_sources()
        for name, table in self._tables.items():
            if name not in COMBINATIONS:
                _multiply(sources.get(name), table[rows])
        self._fill_combinations(self._early(), rows)
        fill_p(self._request.tables, rows)

    def _sources_of_late(self) -> dict[str, Factors]:
        return self._sources(self._smoothed(), slice(self._first_late, None), is_late=True)

    def _smoothed_fields(self) -> dict[str, Factors]:
        """Late fields at the request's times."""
        here = {piece: factors.at(slice(self._photons.times.size, None)) for piece, factors in self._late().items()}
        growing = growing_pieces(bool(self._request.setup.get("has_fld")))
        return here | self._smooth({piece: here[piece] for piece in growing if piece in here})

    def _fill_late(self) -> None:
        """All but the photons."""
        sources = self._late_sources()
        for name, table in self._tables.items():
            if name not in self._photons.sources and name not in COMBINATIONS:
                _multiply(sources.get(name), table[self._first_late:])
        if not COMBINATIONS.keys().isdisjoint(self._tables):
            self._fill_combinations(self._smoothed(), slice(self._first_late, None))

    def _fill_photons(self, region: str, rows: slice) -> None:
        sources, first = self._late_sources(), self._first_late
        for name, some, part in self._photons.blocks(region, rows):
            _put_together(sources.get(name), part, some, self._tables[name][first:])
        fill_p(self._request.tables, slice(first + rows.start, first + rows.stop))

    def _late_fields(self) -> dict[str, Factors]:
        """Fields by piece, at the times of rescattering and then at the request's late times; isw is assembled from its
        parts."""
        late, pieces = self._request.tau[self._first_late:], self._pieces("late")
        rest, growing = PARTS_OF_ISW
        named = {*pieces, *PARTS_OF_ISW} - {"isw"} if self._is_isw_divided() else {*pieces}
        fields = self._fields.factors("late", np.concatenate([self._plan.times, late]), sorted(named))
        if self._is_isw_divided():
            fields["isw"] = Factors.sum_of([fields.pop(rest), fields[growing].scaled(self._growth_of_potentials())])
            if growing not in pieces:
                del fields[growing]
        return fields

    def _is_isw_divided(self) -> bool:
        """Whether late isw is needed and given by its parts."""
        return PARTS_OF_ISW[0] in self._bases.fields["late"] and "isw" in self._pieces("late")

    def _growth_of_potentials(self) -> Array:
        """At the times of rescattering and then at the request's late times."""
        times, late = self._plan.times, self._request.tau[self._first_late:]
        history = {name: column[self._first_late:] for name, column in self._request.history.items()}
        at_late = Background.of({**self._request.setup, **self._request.cosmology}).potential_growth(history)
        at_times = cubic_at(late, at_late[:, None], times)[:, 0] if times.size else times
        return np.concatenate([at_times, at_late])

    def _smooth(self, pieces: Mapping[str, Factors]) -> dict[str, Factors]:
        """Late fields with the slope of the growth equation close to today."""
        history = {name: column[self._first_late:] for name, column in self._request.history.items()}
        matrix = smooth_growth(self._request.tau[self._first_late:], history).astype(np.float32)
        rows, times = matrix.shape

        def smooth(left: Single) -> Single:
            return np.concatenate([left[:len(left) - rows], matrix @ left[len(left) - times:]])

        return {piece: Factors(smooth(factors.left), factors.right) for piece, factors in pieces.items()}

    def _pieces(self, region: str) -> list[str]:
        """The pieces of a region, early or late, that the tables need."""
        own = [piece for piece in self._bases.fields[region] if PIECES[piece].source in self._tables]
        combining = [piece for name in self._tables for piece in COMBINATIONS.get(name, ())]
        photons = self._plan.pieces if region == "late" else STREAMING_PIECES if self._has_streaming else ()
        rest, _ = PARTS_OF_ISW
        return list(dict.fromkeys("isw" if piece == rest else piece for piece in (*own, *combining, *photons)))

    def _fill_combinations(self, fields: Mapping[str, Factors], rows: slice) -> None:
        """Some rows of the tables that are combinations of pieces."""
        names = [name for name in self._tables if name in COMBINATIONS]
        if not names:
            return
        values = {**self._request.setup, **self._request.cosmology}
        pieces = {piece: fields[piece].left @ fields[piece].right for name in names for piece in COMBINATIONS[name]}
        history = {name: column[rows] for name, column in self._request.history.items()}
        found = combined(names, pieces, self._request.k, self._request.tau[rows], history, Background.of(values),
                         curvature_of(values))
        for name, table in found.items():
            self._tables[name][rows] = table

    def _sources(self, fields: Mapping[str, Factors], rows: slice, is_late: bool) -> dict[str, Factors]:
        """Fields at request.tau[rows] times their factors, added up by source."""
        history = {name: column[rows] for name, column in self._request.history.items()}
        curvature = curvature_of({**self._request.setup, **self._request.cosmology})
        terms: dict[str, list[Factors]] = {}
        for name, factors in fields.items():
            piece = PIECES[name]
            factor = time_factor(piece, history)
            if name == "doppler" and is_late:
                # as if all photons streamed; LatePhotons adds the rest
                factor = factor + streaming_factor(history)
            in_wavenumber = wavenumber_factor(piece, self._request.k, curvature) if piece.power_of_k else None
            terms.setdefault(piece.source, []).append(factors.scaled(factor, in_wavenumber))
        return {source: Factors.sum_of(parts) for source, parts in terms.items()}


def _put_together(smooth: Factors | None, part: Single, rows: slice, table: Array) -> None:
    """Write some rows of a source: its smooth part, plus the photons' at the first wavenumbers."""
    if smooth is None:
        table[rows, :part.shape[1]] = part
        table[rows, part.shape[1]:] = 0.0
    else:
        block = smooth.left[rows] @ smooth.right
        block[:, :part.shape[1]] += part
        table[rows] = block


def _multiply(source: Factors | None, out: Array) -> None:
    if source is None:
        out[...] = 0.0
    else:
        np.matmul(source.left, source.right, out=out)
