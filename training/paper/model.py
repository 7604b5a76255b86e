"""The paper's architecture in Keras, layer by layer as in Figure 2, and its weights as the runtime takes them."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.paper.architecture import LEAK, OUTPUT, Architecture, Convolution, layers
from cosmicnet.paper.inputs import COSMOLOGY, SCALES, TIMES

from ..work.keras_setup import initializers, load_keras

__all__ = ["build", "weights_of"]

Weights = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


def build(architecture: Architecture, k_size: int, seed: int) -> Any:
    """A keras.Model from NetworkInputs' channels, each with the times as the first axis, to (times, k_size).

    The same seed gives the same weights, in any process.
    """
    keras = load_keras()
    a, widths = architecture, iter(layers(architecture, k_size))
    weights = initializers(seed)

    def dense(values: Any) -> Any:
        layer = next(widths)
        return keras.layers.LeakyReLU(negative_slope=LEAK)(
            keras.layers.Dense(layer.shape[0], kernel_initializer=next(weights), name=layer.name)(values))

    def channel(values: Any, convolutions: tuple[Convolution, ...], first: int) -> Any:
        for number, c in enumerate(convolutions, first):
            values = keras.layers.Conv1D(c.filters, c.kernel, c.stride, padding="same", activation="relu",
                                         kernel_initializer=next(weights), name=f"conv{number}")(values)
            values = keras.layers.MaxPooling1D(c.pool, name=f"pool{number}")(values)
        return keras.layers.Flatten()(values)

    times = keras.Input((len(TIMES[a.source]),), name="times")
    cosmology, scales = keras.Input((len(COSMOLOGY),), name="cosmology"), keras.Input((len(SCALES),), name="scales")
    oscillations = keras.Input((k_size, 2), name="oscillations")
    damping = keras.Input((k_size, 1), name="damping")
    behind_times = [times]
    for _ in a.times:
        behind_times.append(dense(behind_times[-1]))
    hidden = keras.layers.Concatenate()([
        behind_times[-1], dense(cosmology), dense(scales), channel(oscillations, a.oscillations, 1),
        channel(damping, a.damping, 1 + len(a.oscillations))])
    for _ in a.central:
        hidden = dense(hidden)
    if a.skips:
        hidden = keras.layers.Concatenate()([hidden, behind_times[1]])
    output = keras.layers.Dense(k_size, kernel_initializer=next(weights), name=OUTPUT)(hidden)
    return keras.Model([times, cosmology, scales, oscillations, damping], output)


def weights_of(model: Any, architecture: Architecture, k_size: int) -> Weights:
    """The weights of every layer by name, as SourceNetwork takes them."""
    named = {layer.name: model.get_layer(layer.name).get_weights()
             for layer in layers(architecture, k_size) if layer.weight}
    return {name: (np.asarray(weight, dtype=np.float32), np.asarray(bias, dtype=np.float32))
            for name, (weight, bias) in named.items()}
