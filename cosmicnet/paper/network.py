"""One of the three networks, evaluated with NumPy: many times of one cosmology together, in single precision.

Time is the last axis of all intermediate results, so that a layer is a product of matrices whatever its kind.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..network import Normalization
from .architecture import LEAK, OUTPUT, Architecture, Convolution, Layer, layers
from .inputs import TIMES, Waves

__all__ = ["NetworkInputs", "Rescaling", "SourceNetwork"]

Single = NDArray[np.float32]


@dataclass(frozen=True)
class NetworkInputs:
    """The rescaled inputs of a network, by channel.

    times: (inputs, tau); cosmology: (4,); scales: (5,); oscillations: (k, 2, tau); damping: (undamped, 1, tau), as in
    Waves.
    """

    times: Single
    cosmology: Single
    scales: Single
    oscillations: Single
    damping: Single


@dataclass(frozen=True)
class Rescaling:
    """The affine maps of section 2.2.2.

    times: g and g' in units of the mean of their largest values, others unchanged. cosmology, scales, source: eq. 2.13;
    the one of the source has shape ().
    """

    times: Normalization
    cosmology: Normalization
    scales: Normalization
    source: Normalization

    def apply(self, source: str, waves: Waves) -> NetworkInputs:
        """The inputs of the network of a source."""
        inputs = waves.inputs
        times = np.stack([inputs.times[name] for name in TIMES[source]], axis=1)
        return NetworkInputs(
            self.times.apply(times).astype(np.float32).T, self.cosmology.apply(inputs.cosmology).astype(np.float32),
            self.scales.apply(inputs.scales).astype(np.float32), waves.oscillations(source), waves.damping)


@dataclass(frozen=True)
class SourceNetwork:
    """Weights by name of the layer: dense (inputs, width) or kernel (length, channels, filters), and the bias."""

    architecture: Architecture
    rescaling: Rescaling
    weights: Mapping[str, tuple[Single, Single]]

    def __call__(self, x: NetworkInputs) -> Single:
        """Rescaled source at all times and wavenumbers, shape (tau, k)."""
        a = self.architecture
        names = iter(f"dense{i}" for i in range(1, len(self.weights)))
        behind_times = [x.times]
        for _ in a.times:
            behind_times.append(self._dense(next(names), behind_times[-1]))
        single = [self._dense(next(names), values[:, None]) for values in (x.cosmology, x.scales)]
        k_size = len(x.oscillations)
        channels = [self._channel(x.oscillations, k_size, a.oscillations, 1),
                    self._channel(x.damping, k_size, a.damping, 1 + len(a.oscillations))]
        hidden = self._central(next(names), behind_times[-1], single, channels)
        for _ in a.central[1:]:
            hidden = self._dense(next(names), hidden)
        weight, bias = self.weights[OUTPUT]
        if a.skips:
            hidden = np.concatenate([hidden, behind_times[1]])
        result = hidden.T @ weight
        result += bias
        return np.asarray(result)

    def with_output(self, matrix: NDArray[Any] | csr_array) -> SourceNetwork:
        """The network whose output is matrix @ (physical source), matrix (m, k): same cost, no rescaling left. Computed
        in the precision of the matrix."""
        weight, bias = (np.asarray(a, dtype=matrix.dtype) for a in self.weights[OUTPUT])
        offset, scale = (np.asarray(a, dtype=matrix.dtype) for a in (self.rescaling.source.offset,
                                                                     self.rescaling.source.scale))
        folded = (matrix @ (scale * weight.T)).T, matrix @ (offset + scale * bias)
        identity = Normalization(np.zeros(()), np.ones(()))
        return replace(
            self, rescaling=replace(self.rescaling, source=identity),
            weights={**self.weights, OUTPUT: (folded[0].astype(np.float32), folded[1].astype(np.float32))})

    def layers(self) -> list[Layer]:
        return layers(self.architecture, self.weights[OUTPUT][1].size)

    def _dense(self, name: str, values: Single) -> Single:
        weight, bias = self.weights[name]
        return _leaky(weight.T @ values, bias)

    def _central(self, name: str, hidden: Single, single: list[Single], channels: list[Single]) -> Single:
        """The first central layer; products with inputs that do not depend on time are computed once."""
        weight, bias = self.weights[name]
        row, result = len(hidden), weight[:len(hidden)].T @ hidden
        for values in single:
            bias = bias + values[:, 0] @ weight[row:row + len(values)]
            row += len(values)
        for table in channels:
            result += weight[row:row + len(table)].T @ table
            row += len(table)
        return _leaky(result, bias)

    def _channel(self, values: Single, length: int, convolutions: tuple[Convolution, ...], first: int) -> Single:
        """Convolutions and pools in turn; returns one column per time. values: zero beyond their end up to `length`."""
        for number, c in enumerate(convolutions, first):
            weight, bias = self.weights[f"conv{number}"]
            # bias and ReLU are the same behind the pool, where there are fewer values
            values = _pool(_convolution(values, length, weight, c.stride), c.pool)
            values += bias[:, None]
            np.maximum(values, np.float32(0.0), out=values)
            length = len(values)
        return values.reshape(-1, values.shape[2])


def _convolution(values: Single, length: int, weight: Single, stride: int) -> Single:
    """(n, channels, tau) -> (ceil(length/stride), filters, tau), padded with zeros at both ends alike; without bias.

    values: zero from n to length, and contiguous. Each result is the product of the kernel, as a matrix, with a window
    of the values; windows are views of the same memory.
    """
    kernel, channels, filters = weight.shape
    given, times = len(values), values.shape[2]
    size = -(-length // stride)
    before = max((size - 1) * stride + kernel - length, 0) // 2
    kernels, rows = weight.reshape(-1, filters).T, values.reshape(-1, times)
    result = np.empty((size, filters, times), dtype=np.float32)
    # windows that lie within the values; others are cut
    first = min(-(-before // stride), size)
    last = min(max((before + given - kernel) // stride + 1, first), size)
    if last > first:
        row, column = rows.strides
        windows = as_strided(rows[(first * stride - before) * channels:], (last - first, kernel * channels, times),
                             (stride * channels * row, row, column), writeable=False)
        np.matmul(kernels, windows, out=result[first:last])
    end = min(max(-(-(before + given) // stride), last), size)
    for i in (*range(first), *range(last, end)):
        start = i * stride - before
        inside = slice(max(start, 0), min(start + kernel, given))
        np.matmul(kernels[:, (inside.start - start) * channels:(inside.stop - start) * channels],
                  rows[inside.start * channels:inside.stop * channels], out=result[i])
    result[end:] = 0.0
    return result


def _leaky(values: Single, bias: Single) -> Single:
    """The activation of a dense layer, in place."""
    values += bias[:, None]
    return np.asarray(np.maximum(values, np.float32(LEAK) * values, out=values))


def _pool(values: Single, pool: int) -> Single:
    """The maximum of every `pool` neighbours; a remainder at the end is dropped."""
    end = len(values) // pool * pool
    return np.asarray(reduce(np.maximum, [values[offset:end:pool] for offset in range(pool)]))
