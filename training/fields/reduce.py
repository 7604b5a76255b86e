"""Compress the tables of one field to a few numbers per model, which its network predicts.

A table is V core U^T: U and V are the leading directions in wavenumber and time over all models, and core is a mean
plus a few principal components. Rows are weighted by the exact time factor (visibility, ...), columns by the inverse
size of the field there, so that every scale has the same relative accuracy.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from cosmicnet.evaluation import FittedField
from cosmicnet.fields import Field
from cosmicnet.network import Network
from cosmicnet.splines import SplineBasis

from .nodes import NODES

__all__ = ["MEAN_ACCURACY", "ReducedField", "expand", "fitted_field", "keep_components", "reduce_field"]

Array = NDArray[np.float64]

# The smallest weight of a time, relative to the largest.
TIME_FLOOR = 1e-6

# The bases are reduced again for the mean and the kept components, this much finer than the tolerance: an error of the
# mean is the same in every cosmology.
MEAN_ACCURACY = 0.1


@dataclass(frozen=True)
class ReducedField:
    """table = time_basis (nodes, r_t) @ core (r_t, r_k) @ wavenumber_basis (nodes, r_k)^T, in the
    field's units; core = mean_core + coefficients @ components, all flattened to r_t*r_k.

    coefficients: (models, components). error: weighted relative rms error of the compression per model.
    """

    time_basis: Array
    wavenumber_basis: Array
    mean_core: Array
    components: Array
    coefficients: Array
    error: Array


def reduce_field(
    tables: NDArray[np.float32], weight: Array, floor: Array, tolerance: float
) -> ReducedField:
    """Compress tables (models, time nodes, wavenumber nodes) to a relative rms error of `tolerance`.

    weight: (time nodes,). floor: (wavenumber nodes,), the least weighted size to which errors are relative.
    """
    time_weight = np.maximum(weight, TIME_FLOOR * weight.max())
    weighted = tables * time_weight[:, None]
    size = np.sqrt((weighted**2).sum(axis=1).mean(axis=0))
    scale = np.maximum(size, floor)
    row_weight = 1.0 / np.where(scale > 0.0, scale, 1.0)
    weighted *= row_weight
    u = _leading(np.einsum("ntk,ntl->kl", weighted, weighted, optimize=True), 0.5 * tolerance)
    v = _leading(np.einsum("ntk,nsk->ts", weighted, weighted, optimize=True), 0.5 * tolerance)
    cores = np.einsum("ta,ntk,kb->nab", v, weighted, u, optimize=True).reshape(len(tables), -1)
    mean = cores.mean(axis=0)
    left, singular, right = np.linalg.svd(cores - mean, full_matrices=False)
    tail = np.sqrt(np.cumsum((singular**2)[::-1])[::-1])
    number = max(int((tail > 0.5 * tolerance * np.sqrt((cores**2).sum())).sum()), 1)
    reduced = ReducedField(
        time_basis=v / time_weight[:, None],
        wavenumber_basis=u / row_weight[:, None],
        mean_core=mean,
        components=right[:number],
        coefficients=left[:, :number] * singular[:number],
        error=np.zeros(0),
    )
    error = [
        np.linalg.norm(expand(reduced, c) * time_weight[:, None] * row_weight - t) / (np.linalg.norm(t) or 1.0)
        for c, t in zip(reduced.coefficients, weighted, strict=True)
    ]
    return ReducedField(**{**vars(reduced), "error": np.array(error)})


def keep_components(reduced: ReducedField, kept: NDArray[np.bool_], tolerance: float) -> ReducedField:
    """Drop all components but the `kept` ones (c,), and the directions that these and the mean do not need.

    tolerance: relative rms error of the mean and the components together; `error` does not change.
    """
    components, coefficients = reduced.components[kept], reduced.coefficients[:, kept]
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    size = np.sqrt((coefficients**2).mean(axis=0))
    cores = np.concatenate([reduced.mean_core[None], size[:, None] * components]).reshape(-1, *shape)
    in_time = _leading(np.einsum("nab,ncb->ac", cores, cores), 0.5 * tolerance)
    in_wavenumber = _leading(np.einsum("nab,nac->bc", cores, cores), 0.5 * tolerance)

    def project(flat: Array) -> Array:
        matrices = flat.reshape(-1, *shape)
        projected = np.einsum("ax,nab,by->nxy", in_time, matrices, in_wavenumber, optimize=True)
        return np.asarray(projected).reshape(len(matrices), -1)

    return ReducedField(
        time_basis=reduced.time_basis @ in_time,
        wavenumber_basis=reduced.wavenumber_basis @ in_wavenumber,
        mean_core=project(reduced.mean_core)[0],
        components=project(components),
        coefficients=coefficients,
        error=reduced.error,
    )


def fitted_field(field: Field, reduced: ReducedField, network: Network) -> FittedField:
    """The field as the runtime evaluates it; network: of the coefficients."""
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    return FittedField(
        field=field,
        network=network,
        mean_core=reduced.mean_core.reshape(shape),
        components=reduced.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[field.time], reduced.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[field.wavenumber], reduced.wavenumber_basis))


def expand(reduced: ReducedField, coefficients: Array) -> Array:
    """The table (time nodes, wavenumber nodes) for one model's coefficients."""
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    core = (reduced.mean_core + coefficients @ reduced.components).reshape(shape)
    return reduced.time_basis @ core @ reduced.wavenumber_basis.T


def _leading(gram: Array, tolerance: float) -> Array:
    """Orthonormal directions, strongest first; the rest is `tolerance` of the total (rms)."""
    values, vectors = eigh(gram)
    values = np.maximum(values, 0.0)
    if not values.any():
        # zero everywhere: one direction keeps the shapes of arrays
        return np.asarray(vectors[:, -1:])
    left_out = np.sqrt(np.cumsum(values) / values.sum())
    return np.asarray(vectors[:, left_out > tolerance][:, ::-1])

