"""One of the three networks, evaluated with NumPy: all times of one cosmology in one batch, single precision."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..network import Normalization
from .architecture import LEAK, OUTPUT, Architecture, Convolution, Layer, layers
from .inputs import TIMES, Waves

__all__ = ["NetworkInputs", "Rescaling", "SourceNetwork"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Where the damping envelope is smaller at all times, it is taken as zero.
DAMPED = 1e-8


@dataclass(frozen=True)
class NetworkInputs:
    """The rescaled inputs of a network, by channel.

    times: (tau, inputs); cosmology: (4,); scales: (5,); oscillations: (tau, k, 2); damping: (tau, k, 1).
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
            self.times.apply(times).astype(np.float32), self.cosmology.apply(inputs.cosmology).astype(np.float32),
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
        hidden, first = x.times, None
        for _ in a.times:
            hidden = _leaky(self._affine(next(names), hidden))
            first = hidden if first is None else first
        single = [_leaky(self._affine(next(names), values)) for values in (x.cosmology, x.scales)]
        k_size = x.damping.shape[1]
        undamped = int(np.count_nonzero(x.damping.max(axis=0) > DAMPED))
        channels = [self._channel(x.oscillations, k_size, a.oscillations, 1),
                    self._channel(x.damping[:, :undamped], k_size, a.damping, 1 + len(a.oscillations))]
        hidden = _leaky(self._central(next(names), hidden, single, channels))
        for _ in a.central[1:]:
            hidden = _leaky(self._affine(next(names), hidden))
        if a.skips:
            assert first is not None
            hidden = np.concatenate([hidden, first], axis=1)
        return self._affine(OUTPUT, hidden)

    def with_output(self, matrix: Array | csr_array) -> SourceNetwork:
        """The network whose output is matrix @ (physical source), matrix (m, k): same cost, no rescaling left."""
        weight, bias = (a.astype(float) for a in self.weights[OUTPUT])
        source = self.rescaling.source
        folded = ((matrix @ (source.scale * weight).T).T, matrix @ source.invert(bias))
        identity = Normalization(np.zeros(()), np.ones(()))
        return replace(
            self, rescaling=replace(self.rescaling, source=identity),
            weights={**self.weights, OUTPUT: (folded[0].astype(np.float32), folded[1].astype(np.float32))})

    def layers(self) -> list[Layer]:
        return layers(self.architecture, self.weights[OUTPUT][1].size)

    def _affine(self, name: str, values: Single) -> Single:
        weight, bias = self.weights[name]
        return np.asarray(values @ weight + bias)

    def _central(self, name: str, hidden: Single, single: list[Single], channels: list[Single]) -> Single:
        """The first central layer; products with inputs that do not depend on time are computed once."""
        weight, bias = self.weights[name]
        row, result = hidden.shape[1], hidden @ weight[:hidden.shape[1]] + bias
        for values in single:
            result += values @ weight[row:row + values.size]
            row += values.size
        for table in channels:
            result += table @ weight[row:row + table.shape[1]]
            row += table.shape[1]
        return np.asarray(result)

    def _channel(self, values: Single, length: int, convolutions: tuple[Convolution, ...], first: int) -> Single:
        """Convolutions and pools in turn; returns one row per time. values: zero beyond their end up to `length`."""
        for number, c in enumerate(convolutions, first):
            weight, bias = self.weights[f"conv{number}"]
            # bias and ReLU are the same behind the pool, where there are fewer values
            values = _pool(_convolution(values, length, weight, c.stride), c.pool)
            values += bias
            np.maximum(values, np.float32(0.0), out=values)
            length = values.shape[1]
        return values.reshape(len(values), -1)


def _convolution(values: Single, length: int, weight: Single, stride: int) -> Single:
    """(tau, n, channels) -> (tau, ceil(length/stride), filters), padded with zeros at both ends alike; without bias.

    values: zero from n to length. They are cut into blocks of one stride, so that a kernel covers a few whole blocks:
    one matrix product gives the share of every block in each of the results that it enters.
    """
    kernel, channels, filters = weight.shape
    number, given, _ = values.shape
    size, parts = -(-length // stride), -(-kernel // stride)
    before = max((size - 1) * stride + kernel - length, 0) // 2
    blocks = min(-(-(before + given) // stride), size + parts - 1)
    padded = np.zeros((number, blocks * stride, channels), dtype=np.float32)
    padded[:, before:before + given] = values[:, :blocks * stride - before]
    kernels = np.zeros((parts * stride, channels, filters), dtype=np.float32)
    kernels[:kernel] = weight
    beside = kernels.reshape(parts, stride * channels, filters).transpose(1, 0, 2).reshape(-1, parts * filters)
    shares = (padded.reshape(number * blocks, stride * channels) @ beside).reshape(number, blocks, parts, filters)
    if parts == 1 and blocks == size:
        return shares[:, :, 0]
    result = np.zeros((number, size, filters), dtype=np.float32)
    result[:, :blocks] = shares[:, :size, 0]
    for part in range(1, parts):
        used = min(size, max(blocks - part, 0))
        result[:, :used] += shares[:, part:part + used, part]
    return result


def _leaky(values: Single) -> Single:
    return np.asarray(np.maximum(values, np.float32(LEAK) * values))


def _pool(values: Single, pool: int) -> Single:
    """The maximum of every `pool` neighbours; a remainder at the end is dropped."""
    end = values.shape[1] // pool * pool
    result = values[:, :end:pool].copy()
    for offset in range(1, pool):
        np.maximum(result, values[:, offset:end:pool], out=result)
    return result
