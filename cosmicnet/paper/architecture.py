"""The layers of Figure 2 and Tables 2 to 4 of the paper: names, shapes, numbers of parameters.

    g, g', e^-kappa, times ─ dense1 ─ dense2 ─ dense3 ─┐      (S_T1: dense1 alone)
                              └────── skip ────────────┼────────────────────────┐
    parameters ───────────── dense4 ───────────────────┤                        │
    scales ───────────────── dense5 ───────────────────┼─ dense6 ─ dense7 ──────┴─ S_T at all k
    cos, sin ─ conv1 ─ pool1 ─ conv2 ─ pool2 ──────────┤
    damping envelope ─ conv3 ─ pool3 ─ conv4 ─ pool4 ──┘

Dense layers have a leaky ReLU, convolutions a ReLU, the output neither. Convolutions are padded so that a stride s
makes ceil(n/s) of n values; pools are maxima of neighbours, and drop a remainder.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from .inputs import COSMOLOGY, SCALES, TIMES

__all__ = ["LEAK", "OUTPUT", "Architecture", "Convolution", "Layer", "layers"]

LEAK = 0.3
OUTPUT = "output"


@dataclass(frozen=True)
class Convolution:
    """A convolution and the pool behind it."""

    filters: int
    kernel: int
    stride: int
    pool: int


@dataclass(frozen=True)
class Architecture:
    """The hyperparameters of one network; the source is 't0', 't1' or 't2'."""

    source: str
    times: tuple[int, ...]
    parameters: int
    scales: int
    oscillations: tuple[Convolution, ...]
    damping: tuple[Convolution, ...]
    central: tuple[int, ...]

    @property
    def skips(self) -> bool:
        """Whether the first layer behind the times also goes to the output, past all others."""
        return len(self.times) > 1


@dataclass(frozen=True)
class Layer:
    """kind: 'dense', 'conv' or 'pool'; shape: of the output; weight: shape of the matrix or kernel, () for a pool."""

    name: str
    kind: str
    shape: tuple[int, ...]
    weight: tuple[int, ...]

    @property
    def parameters(self) -> int:
        return prod(self.weight) + self.weight[-1] if self.weight else 0


def layers(architecture: Architecture, k_size: int) -> list[Layer]:
    """All layers in the order of the paper's tables; ValueError if a channel is pooled away."""
    a = architecture
    dense, inputs = [], len(TIMES[a.source])
    for width in a.times:
        dense.append((inputs, width))
        inputs = width
    dense += [(len(COSMOLOGY), a.parameters), (len(SCALES), a.scales)]
    convolutions = [*_channel(a.oscillations, k_size, 2, 1), *_channel(a.damping, k_size, 1, 1 + len(a.oscillations))]
    ends = [convolutions[2 * len(a.oscillations) - 1], convolutions[-1]]
    inputs = a.times[-1] + a.parameters + a.scales + sum(prod(end.shape) for end in ends)
    for width in a.central:
        dense.append((inputs, width))
        inputs = width
    inputs += a.times[0] if a.skips else 0
    return [*(Layer(f"dense{i}", "dense", (weight[1],), weight) for i, weight in enumerate(dense, 1)),
            *convolutions, Layer(OUTPUT, "dense", (k_size,), (inputs, k_size))]


def _channel(convolutions: tuple[Convolution, ...], length: int, channels: int, first: int) -> Iterator[Layer]:
    for number, c in enumerate(convolutions, first):
        length = -(-length // c.stride)
        yield Layer(f"conv{number}", "conv", (length, c.filters), (c.kernel, channels, c.filters))
        length //= c.pool
        if not length:
            raise ValueError(f"conv{number}, pool{number}: stride {c.stride} and pool {c.pool} leave no wavenumbers")
        yield Layer(f"pool{number}", "pool", (length, c.filters), ())
        channels = c.filters
