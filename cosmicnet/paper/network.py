"""One of the three networks, evaluated with NumPy: all times of one cosmology in one batch, single precision."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..network import Normalization
from .architecture import LEAK, OUTPUT, Architecture, Convolution, Layer, layers
from .inputs import TIMES, Inputs, damping_envelope, oscillations

__all__ = ["NetworkInputs", "Rescaling", "SourceNetwork"]

Array = NDArray[np.float64]
Single = NDArray[np.float32]


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

    def apply(self, source: str, inputs: Inputs, k: Array) -> NetworkInputs:
        """The inputs of the network of a source at the wavenumbers k (1/Mpc)."""
        times = np.stack([inputs.times[name] for name in TIMES[source]], axis=1)
        return NetworkInputs(
            self.times.apply(times).astype(np.float32), self.cosmology.apply(inputs.cosmology).astype(np.float32),
            self.scales.apply(inputs.scales).astype(np.float32), oscillations(source, inputs, k),
            damping_envelope(inputs, k))


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
        channels = [*self._channel(x.oscillations, a.oscillations, 1),
                    *self._channel(x.damping, a.damping, 1 + len(a.oscillations))]
        hidden = _leaky(self._central(next(names), hidden, single, channels))
        for _ in a.central[1:]:
            hidden = _leaky(self._affine(next(names), hidden))
        if a.skips:
            assert first is not None
            hidden = np.concatenate([hidden, first], axis=1)
        return self._affine(OUTPUT, hidden)

    def with_output(self, matrix: Array) -> SourceNetwork:
        """The network whose output is matrix @ (physical source), matrix (m, k): same cost, no rescaling left."""
        weight, bias = (a.astype(float) for a in self.weights[OUTPUT])
        source = self.rescaling.source
        folded = (source.scale * weight @ matrix.T, source.invert(bias) @ matrix.T)
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

    def _channel(self, values: Single, convolutions: tuple[Convolution, ...], first: int) -> list[Single]:
        """Convolutions and pools in turn; returns one row per time."""
        for number, c in enumerate(convolutions, first):
            values = _pool(np.maximum(self._convolution(f"conv{number}", values, c.stride), 0.0), c.pool)
        return [values.reshape(len(values), -1)]

    def _convolution(self, name: str, values: Single, stride: int) -> Single:
        """(tau, n, channels) -> (tau, ceil(n/stride), filters), padded with zeros at both ends alike."""
        weight, bias = self.weights[name]
        kernel, channels, filters = weight.shape
        number, length, _ = values.shape
        size = -(-length // stride)
        missing = max((size - 1) * stride + kernel - length, 0)
        padded = np.pad(values, ((0, 0), (missing // 2, missing - missing // 2), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded.reshape(number, -1), kernel * channels, axis=1)
        rows = windows[:, ::stride * channels][:, :size]
        return np.asarray((rows.reshape(-1, kernel * channels) @ weight.reshape(-1, filters) + bias)
                          .reshape(number, size, filters))


def _leaky(values: Single) -> Single:
    return np.asarray(np.maximum(values, np.float32(LEAK) * values))


def _pool(values: Single, pool: int) -> Single:
    """The maximum of every `pool` neighbours; a remainder at the end is dropped."""
    number, length, filters = values.shape
    size = length // pool
    return np.asarray(values[:, :size * pool].reshape(number, size, pool, filters).max(axis=2))
