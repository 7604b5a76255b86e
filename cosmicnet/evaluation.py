"""Fields at the times and wavenumbers of a request: networks -> cores -> bases.

Bases and products are in single precision, good to 1e-6 of a source's largest value.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .coordinates import TIME_COORDINATES, WAVENUMBER_COORDINATES, Scales
from .fields import REGIONS, Field
from .network import Network
from .splines import DEGREE, SplineBasis, stack
from .threads import Once

__all__ = ["Factors", "FieldBases", "FieldValues", "FittedField"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class FittedField:
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

    def core(self, inputs: Array) -> Array:
        """The core, shape (r_t, r_k), for the field's inputs (inputs_of())."""
        coefficients = self.network(inputs).astype(np.float32)
        return self.mean_core + (coefficients @ self.components).reshape(self.mean_core.shape)

    @cached_property
    def single_mean(self) -> Single:
        """mean_core in single precision."""
        return self.mean_core.astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays of the field, by names that begin with its own; knots by the names of their coordinates."""
        f, name = self.field, self.field.name
        return {
            **self.network.arrays(name),
            f"{name}/mean_core": self.mean_core, f"{name}/components": self.components,
            f"{name}/time_basis": self.time_basis.coefficients,
            f"{name}/wavenumber_basis": self.wavenumber_basis.coefficients,
            f"knots/{f.region}/{f.time}": self.time_basis.knots, f"knots/{f.wavenumber}": self.wavenumber_basis.knots,
        }

    @classmethod
    def from_arrays(cls, field: Field, arrays: Mapping[str, NDArray[Any]], dense_layers: int) -> FittedField:
        """The inverse of arrays(); KeyError for a missing array, ValueError for shapes that do not fit together."""
        def get(key: str) -> Array:
            return np.asarray(arrays[key], dtype=np.float64)

        name = field.name
        fitted = cls(
            field=field,
            network=Network.from_arrays(name, arrays, dense_layers),
            mean_core=get(f"{name}/mean_core"),
            components=np.asarray(arrays[f"{name}/components"], dtype=np.float32),
            time_basis=SplineBasis(get(f"knots/{field.region}/{field.time}"), get(f"{name}/time_basis")),
            wavenumber_basis=SplineBasis(get(f"knots/{field.wavenumber}"), get(f"{name}/wavenumber_basis")),
        )
        fitted._require_consistent()
        return fitted

    def _require_consistent(self) -> None:
        def require(what: str, got: tuple[int, ...], needed: tuple[int, ...]) -> None:
            if got != needed:
                raise ValueError(f"field {self.field.name}: {what} have the shape {got}, must have {needed}")

        (rows, columns), number, inputs = self.mean_core.shape, len(self.components), len(self.field.inputs)
        require("components", self.components.shape, (number, rows * columns))
        require("inputs of the network", self.network.input_map.offset.shape, (inputs,))
        require("outputs of the network", self.network(np.ones(inputs)).shape, (number,))
        for what, basis, functions in (("time", self.time_basis, rows), ("wavenumber", self.wavenumber_basis, columns)):
            require(f"functions of {what}", basis.coefficients.shape, (basis.knots.size - DEGREE - 1, functions))


class FieldBases:
    """The fields of a set by region and piece, with bases on the same knots side by side."""

    def __init__(self, fields: Sequence[FittedField]) -> None:
        self.fields = {region: {f.field.piece: f for f in fields if f.field.region == region} for region in REGIONS}
        self.time = {region: _SharedBases([(piece, f.field.time, f.time_basis) for piece, f in members.items()])
                     for region, members in self.fields.items()}
        self.wavenumber = _SharedBases(
            [(f.field.name, f.field.wavenumber, f.wavenumber_basis) for f in fields])


@dataclass(frozen=True)
class Factors:
    """A table as a matrix product: left (times, r) @ right (r, wavenumbers)."""

    left: Single
    right: Single

    @classmethod
    def sum_of(cls, terms: Sequence[Factors]) -> Factors:
        """One product that is the sum of several."""
        if len(terms) == 1:
            return terms[0]
        return cls(np.concatenate([t.left for t in terms], axis=1), np.concatenate([t.right for t in terms], axis=0))

    def at(self, times: slice) -> Factors:
        return Factors(self.left[times], self.right)

    def columns(self, wavenumbers: slice) -> Factors:
        return Factors(self.left, self.right[:, wavenumbers])

    def table(self) -> Single:
        """The product, shape (times, wavenumbers)."""
        return np.asarray(self.left @ self.right)

    def scaled(self, in_time: Array, in_wavenumber: Array | None = None) -> Factors:
        """Multiplied by a function of time, shape (times,), and one of wavenumber, shape (wavenumbers,)."""
        right = self.right if in_wavenumber is None else self.right * in_wavenumber.astype(np.float32)
        return Factors(in_time.astype(np.float32)[:, None] * self.left, right)

    def transposed(self, columns: int) -> Single:
        """The first columns of the table, shape (columns, times)."""
        return np.asarray(self.right[:, :columns].T @ self.left.T)


class FieldValues:
    """The fields of one cosmology, given by their cores, at the wavenumbers of one request."""

    def __init__(self, bases: FieldBases, cores: Mapping[str, Single], scales: Scales, k: Array) -> None:
        self.scales = scales
        self._bases = bases
        self._cores = cores
        self._k = k
        # photons stream at larger wavenumbers, from the first time of a region on
        starts = {"dark": scales.tau_free_streaming, "reionized": scales.tau_dark_end}
        self._columns = {region: scales.free_columns(k, starts[region]) if region in starts else k.size
                         for region in REGIONS}
        self._in_k = {(f.wavenumber, columns): Once(partial(self._basis, f.wavenumber, columns))
                      for region, columns in self._columns.items()
                      for f in (member.field for member in bases.fields[region].values())}

    def _basis(self, coordinate: str, columns: int) -> dict[str, Single]:
        """Functions of the first wavenumbers, by field."""
        at_k = WAVENUMBER_COORDINATES[coordinate](self._k[:columns], self.scales)
        return self._bases.wavenumber.at({coordinate: at_k})

    def pieces(self, region: str) -> tuple[str, ...]:
        """The pieces that have fields in a region."""
        return tuple(self._bases.fields[region])

    def factors(self, region: str, tau: Array, pieces: Collection[str]) -> dict[str, Factors]:
        """Fields by piece, at tau (Mpc) and the request's wavenumbers; in photon regions at the first wavenumbers only,
        those that do not stream from the beginning on."""
        shared = self._bases.time[region]
        in_time = shared.at({name: TIME_COORDINATES[name](tau, self.scales) for name in shared.coordinates})
        return {piece: self._factors(self._bases.fields[region][piece], in_time[piece]) for piece in pieces}

    def _factors(self, member: FittedField, in_time: Single) -> Factors:
        """Multiply the core into whichever side makes this product and the final one cheaper."""
        core = self._cores[member.field.name]
        in_k = self._in_k[member.field.wavenumber, self._columns[member.field.region]]()[member.field.name]
        (r_t, r_k), n_tau, n_k = core.shape, in_time.shape[0], in_k.shape[0]
        if (r_t * r_k + n_k * r_k) * n_tau < (r_t * r_k + n_tau * r_t) * n_k:
            return Factors(in_time @ core, in_k.T)
        return Factors(in_time, core @ in_k.T)


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

    def basis(self, coordinate: str) -> SplineBasis:
        """The functions of a coordinate, side by side."""
        return self._stacked[coordinate]

    def at(self, values: Mapping[str, Array]) -> dict[str, Single]:
        """By name, the basis functions at the values of its coordinate, shape (values, functions)."""
        functions = {coordinate: self._stacked[coordinate].single(at) for coordinate, at in values.items()}
        return {name: table[:, columns] for coordinate, table in functions.items()
                for name, columns in self._columns[coordinate].items()}
