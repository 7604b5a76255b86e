"""Find, for one field, the few numbers per cosmology that a network has to give.

The table of a field is written as V core U^T: U and V are the leading directions in wavenumber and
time over all models, and the cores are mean + sum of a few components (a PCA). Rows and columns are
weighted by what they matter for: in time by the exact factor (visibility, ...), in wavenumber by the
inverse of the field's own size there, so that every scale is met to the same relative accuracy.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

__all__ = ["Reduction", "expand", "keep", "reduce_field"]

Array = NDArray[np.float64]

# Times that matter less than this fraction of the most important one get its weight.
TIME_FLOOR = 1e-6


@dataclass(frozen=True)
class Reduction:
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
) -> Reduction:
    """Compress tables (models, time nodes, wavenumber nodes) to a relative rms error of `tolerance`.

    weight: (time nodes,); floor: (wavenumber nodes,), where the field's weighted size is below it, the
    accuracy is relative to the floor.
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
    reduction = Reduction(
        time_basis=v / time_weight[:, None],
        wavenumber_basis=u / row_weight[:, None],
        mean_core=mean,
        components=right[:number],
        coefficients=left[:, :number] * singular[:number],
        error=np.zeros(0),
    )
    error = [
        np.linalg.norm(expand(reduction, c) * time_weight[:, None] * row_weight - t) / (np.linalg.norm(t) or 1.0)
        for c, t in zip(reduction.coefficients, weighted, strict=True)
    ]
    return Reduction(**{**vars(reduction), "error": np.array(error)})


def keep(reduction: Reduction, kept: NDArray[np.bool_], tolerance: float) -> Reduction:
    """Only the components (c,) that are `kept`, and of the bases what these and the mean need.

    tolerance: relative rms error of the mean and the components together; `error` is left as it was.
    """
    components, coefficients = reduction.components[kept], reduction.coefficients[:, kept]
    shape = reduction.time_basis.shape[1], reduction.wavenumber_basis.shape[1]
    size = np.sqrt((coefficients**2).mean(axis=0))
    cores = np.concatenate([reduction.mean_core[None], size[:, None] * components]).reshape(-1, *shape)
    in_time = _leading(np.einsum("nab,ncb->ac", cores, cores), 0.5 * tolerance)
    in_wavenumber = _leading(np.einsum("nab,nac->bc", cores, cores), 0.5 * tolerance)

    def project(flat: Array) -> Array:
        matrices = flat.reshape(-1, *shape)
        projected = np.einsum("ax,nab,by->nxy", in_time, matrices, in_wavenumber, optimize=True)
        return np.asarray(projected).reshape(len(matrices), -1)

    return Reduction(
        time_basis=reduction.time_basis @ in_time,
        wavenumber_basis=reduction.wavenumber_basis @ in_wavenumber,
        mean_core=project(reduction.mean_core)[0],
        components=project(components),
        coefficients=coefficients,
        error=reduction.error,
    )


def expand(reduction: Reduction, coefficients: Array) -> Array:
    """The table (time nodes, wavenumber nodes) for one model's coefficients."""
    shape = reduction.time_basis.shape[1], reduction.wavenumber_basis.shape[1]
    core = (reduction.mean_core + coefficients @ reduction.components).reshape(shape)
    return reduction.time_basis @ core @ reduction.wavenumber_basis.T


def _leading(gram: Array, tolerance: float) -> Array:
    """Orthonormal directions, strongest first, that leave out `tolerance` of the total (rms)."""
    values, vectors = eigh(gram)
    values = np.maximum(values, 0.0)
    if not values.any():
        # zero everywhere: one direction, so that arrays keep their shapes
        return np.asarray(vectors[:, -1:])
    left_out = np.sqrt(np.cumsum(values) / values.sum())
    return np.asarray(vectors[:, left_out > tolerance][:, ::-1])

