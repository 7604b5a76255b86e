"""From a SourceRequest to filled source tables: inputs -> networks -> bases -> tables, in place."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales
from .fields import Field, inputs_of
from .network import Network
from .pieces import PIECES, damping, time_factor
from .splines import SplineBasis, stack

__all__ = ["Emulator", "FieldEmulator", "Request"]

Array = NDArray[np.float64]

REGIONS = ("early", "late")
REGIMES = ("all", "free", "streaming")


class Request(Protocol):
    """What is read of a SourceRequest (class_patch/shim/cosmicnet_shim.pxi)."""

    k: Array
    k_size_cmb: int
    tau: Array
    tables: dict[str, Array]
    initial_conditions: int
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    history: dict[str, Array]


@dataclass(frozen=True)
class FieldEmulator:
    """One field: table(tau, k) = time basis (n_tau, r_t) @ core (r_t, r_k) @ wavenumber basis^T (r_k, n_k).

    mean_core: (r_t, r_k); components: (c, r_t*r_k), weighted by the network's outputs (c,).
    """

    field: Field
    network: Network
    mean_core: Array
    components: Array
    time_basis: SplineBasis
    wavenumber_basis: SplineBasis

    def core(self, cosmology: Mapping[str, float]) -> Array:
        """The small matrix in the middle, shape (r_t, r_k)."""
        coefficients = self.network(inputs_of(cosmology, self.field.inputs))
        return self.mean_core + (coefficients @ self.components).reshape(self.mean_core.shape)


@dataclass(frozen=True)
class _Factors:
    """One field at the request's grids: left (rows, r) with the factors in time, right (r, k.size)."""

    left: Array
    right: Array


class Emulator:
    """All fields of a network set, ready to fill tables."""

    def __init__(self, fields: Sequence[FieldEmulator]) -> None:
        self.fields = tuple(fields)
        # bases that share a coordinate are evaluated together
        self._wavenumber = _SharedBases(
            {f.field.name: (f.field.wavenumber, f.wavenumber_basis) for f in fields})
        self._time = {
            region: _SharedBases(
                {f.field.name: (f.field.time, f.time_basis) for f in fields if f.field.region == region})
            for region in REGIONS
        }

    def fill(self, request: Request) -> dict[str, float]:
        """Write every table of `request`; return the seconds spent per step.

        Nothing is checked here: the request must be covered (coverage.require_covered).
        """
        start = perf_counter()
        scales = Scales.of(request.cosmology, request.precision)
        cores = {f.field.name: f.core(request.cosmology) for f in self.fields}
        networks_done = perf_counter()
        wavenumber_bases = self._wavenumber.at(
            {name: to(request.k, scales) for name, to in WAVENUMBER_COORDINATES.items()})
        first_late = int(np.searchsorted(request.tau, scales.tau_free_streaming, side="right"))
        for region, rows in zip(REGIONS, (slice(first_late), slice(first_late, None)), strict=True):
            if request.tau[rows].size:
                factors = self._factors(request, region, rows, scales, cores, wavenumber_bases)
                self._fill_rows(request, rows, scales, factors)
        done = perf_counter()
        return {"networks": networks_done - start, "interpolation": done - networks_done}

    def _factors(
        self, request: Request, region: str, rows: slice, scales: Scales,
        cores: dict[str, Array], wavenumber_bases: dict[str, Array],
    ) -> dict[str, _Factors]:
        """Left and right factors of every field of one region, by field name."""
        tau = request.tau[rows]
        time_bases = self._time[region].at(
            {name: TIME_COORDINATES[name](tau, scales) for name in self._time[region].coordinates})
        history = {name: column[rows] for name, column in request.history.items()}
        if region == "late":
            history["damping"] = damping(history["exp_minus_kappa"], request.cosmology["tau_reio"])
        factors = {}
        for f in self.fields:
            if f.field.region != region:
                continue
            piece, name = PIECES[f.field.piece], f.field.name
            left = time_factor(piece, history)[:, None] * (time_bases[name] @ cores[name])
            factors[name] = _Factors(left, (wavenumber_bases[name] * (request.k**piece.power_of_k)[:, None]).T)
        return factors

    def _fill_rows(self, request: Request, rows: slice, scales: Scales, factors: dict[str, _Factors]) -> None:
        """Multiply the factors out, straight into CLASS's tables."""
        streaming = scales.is_streaming(request.k, request.tau[rows])
        for name, table in request.tables.items():
            if name == "p" and "t2" in request.tables:
                continue
            source = "t2" if name == "p" else name
            by_regime = {regime: [factors[f.field.name] for f in self.fields
                                  if f.field.name in factors and f.field.regime == regime
                                  and PIECES[f.field.piece].source == source]
                         for regime in REGIMES}
            out = table[rows]
            _multiply(by_regime["all"], out)
            for regime, where in (("free", ~streaming), ("streaming", streaming)):
                if by_regime[regime]:
                    product = np.empty_like(out)
                    _multiply(by_regime[regime], product)
                    np.add(out, product, out=out, where=where)
            if name == "p":
                out *= np.sqrt(6.0)
        if "p" in request.tables and "t2" in request.tables:
            np.multiply(request.tables["t2"][rows], np.sqrt(6.0), out=request.tables["p"][rows])


def _multiply(factors: list[_Factors], out: Array) -> None:
    """out = sum of left @ right, as one matrix product."""
    if not factors:
        out[...] = 0.0
        return
    np.matmul(np.concatenate([f.left for f in factors], axis=1),
              np.concatenate([f.right for f in factors], axis=0), out=out)


class _SharedBases:
    """Bases by field name, evaluated together per coordinate."""

    def __init__(self, bases: Mapping[str, tuple[str, SplineBasis]]) -> None:
        self.coordinates = tuple(dict.fromkeys(coordinate for coordinate, _ in bases.values()))
        self._columns: dict[str, dict[str, slice]] = {c: {} for c in self.coordinates}
        members: dict[str, list[SplineBasis]] = {c: [] for c in self.coordinates}
        for name, (coordinate, basis) in bases.items():
            start = sum(b.coefficients.shape[1] for b in members[coordinate])
            self._columns[coordinate][name] = slice(start, start + basis.coefficients.shape[1])
            members[coordinate].append(basis)
        self._stacked = {c: stack(members[c]) for c in self.coordinates}

    def at(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """By field name, the basis functions at the values of its coordinate, shape (values, functions)."""
        result = {}
        for coordinate in self.coordinates:
            all_functions = self._stacked[coordinate](values[coordinate])
            for name, columns in self._columns[coordinate].items():
                result[name] = all_functions[:, columns]
        return result
