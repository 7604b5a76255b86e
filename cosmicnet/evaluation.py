"""Fields at the times and wavenumbers that are asked for: networks -> cores -> bases.

The last product, with the bases in wavenumber, is in single precision, good to 1e-6 of a source's largest value.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales
from .fields import Field, inputs_of
from .network import Network
from .splines import SplineBasis, stack

__all__ = ["REGIONS", "Evaluation", "FieldBases", "FieldEmulator"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]
_Real = TypeVar("_Real", np.float32, np.float64)

REGIONS = ("early", "late", "dark", "reionized")


@dataclass(frozen=True)
class FieldEmulator:
    """One field: table(tau, k) = time basis (n_tau, r_t) @ core (r_t, r_k) @ wavenumber basis^T (r_k, n_k).

    mean_core: (r_t, r_k); components: (c, r_t*r_k), weighted by the network's outputs (c,), in single precision,
    being small corrections to the mean.
    """

    field: Field
    network: Network
    mean_core: Array
    components: NDArray[np.float32]
    time_basis: SplineBasis
    wavenumber_basis: SplineBasis

    def core(self, cosmology: Mapping[str, float]) -> Array:
        """The small matrix in the middle, shape (r_t, r_k)."""
        coefficients = self.network(inputs_of(cosmology, self.field.inputs)).astype(np.float32)
        return self.mean_core + (coefficients @ self.components).reshape(self.mean_core.shape)


class FieldBases:
    """The fields of a set by region and piece, with bases on the same knots side by side."""

    def __init__(self, fields: Sequence[FieldEmulator]) -> None:
        self.fields = {region: {f.field.piece: f for f in fields if f.field.region == region} for region in REGIONS}
        self.time = {region: _SharedBases([(piece, f.field.time, f.time_basis) for piece, f in members.items()])
                     for region, members in self.fields.items()}
        self.wavenumber = _SharedBases(
            [(f.field.name, f.field.wavenumber, f.wavenumber_basis) for f in fields])


class Evaluation:
    """The fields of one cosmology, at the wavenumbers of one request."""

    def __init__(self, bases: FieldBases, cosmology: Mapping[str, float], scales: Scales, k: Array) -> None:
        self.scales = scales
        self._bases = bases
        self._cosmology = cosmology
        self._cores: dict[str, Array] = {}
        self._wavenumber = bases.wavenumber.single_at(
            {name: to(k, scales) for name, to in WAVENUMBER_COORDINATES.items()})

    def lefts(self, region: str, tau: Array, pieces: Collection[str]) -> dict[str, Single]:
        """By piece, time basis times core at tau (Mpc), shape (tau.size, r_k)."""
        shared = self._bases.time[region]
        bases = shared.at({name: TIME_COORDINATES[name](tau, self.scales) for name in shared.coordinates})
        return {piece: (bases[piece] @ self._core(region, piece)).astype(np.float32) for piece in pieces}

    def _core(self, region: str, piece: str) -> Array:
        member = self._bases.fields[region][piece]
        name = member.field.name
        if name not in self._cores:
            self._cores[name] = member.core(self._cosmology)
        return self._cores[name]

    def pieces(self, region: str) -> tuple[str, ...]:
        """The pieces that have fields in a region."""
        return tuple(self._bases.fields[region])

    def wavenumber(self, region: str, piece: str) -> Single:
        """The wavenumber basis of a field at the request's k, shape (k.size, r_k)."""
        return self._wavenumber[self._bases.fields[region][piece].field.name]

    def tables(
        self, region: str, pieces: Sequence[str], tau: Array, columns: int
    ) -> list[Single]:
        """Fields at tau (Mpc) and the first `columns` wavenumbers, each of shape (tau.size, columns)."""
        lefts = self.lefts(region, tau, pieces)
        return [lefts[piece] @ self.wavenumber(region, piece)[:columns].T for piece in pieces]


class _SharedBases:
    """Bases by name, those of one coordinate evaluated together."""

    def __init__(self, bases: Sequence[tuple[str, str, SplineBasis]]) -> None:
        self.coordinates = tuple(dict.fromkeys(coordinate for _, coordinate, _ in bases))
        self._columns: dict[str, dict[str, slice]] = {c: {} for c in self.coordinates}
        members: dict[str, list[SplineBasis]] = {c: [] for c in self.coordinates}
        for name, coordinate, basis in bases:
            start = sum(b.coefficients.shape[1] for b in members[coordinate])
            self._columns[coordinate][name] = slice(start, start + basis.coefficients.shape[1])
            members[coordinate].append(basis)
        self._stacked = {c: stack(members[c]) for c in self.coordinates}

    def at(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """By name, the basis functions at the values of its coordinate, shape (values, functions)."""
        return self._apart({c: self._stacked[c](values[c]) for c in self.coordinates})

    def single_at(self, values: Mapping[str, Array]) -> dict[str, Single]:
        """The same in single precision."""
        return self._apart({c: self._stacked[c].single(values[c]) for c in self.coordinates})

    def _apart(self, functions: Mapping[str, NDArray[_Real]]) -> dict[str, NDArray[_Real]]:
        return {name: functions[coordinate][:, columns] for coordinate, names in self._columns.items()
                for name, columns in names.items()}
