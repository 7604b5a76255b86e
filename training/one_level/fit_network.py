"""Fit the network of one field: a polynomial skip connection, then dense layers for its residual, with Keras."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cosmicnet.network import Network

from ..fields.polynomial import cross_validate, polynomial_network, skip_exponents
from ..recipe.schema import Training
from ..work.keras_setup import initializers, load_keras

__all__ = ["NetworkFit", "fit_network"]

Array = NDArray[np.float64]

# Epochs between two evaluations of the held-out models.
EPOCHS_PER_CHECK = 50


@dataclass(frozen=True)
class NetworkFit:
    """A network and the relative rms errors of its outputs on held-out models: of the skip connection alone, and of the
    whole network. Dense layers that do not help are zero."""

    network: Network
    skip_error: float
    error: float


def _held_out(models: int, settings: Training) -> NDArray[np.bool_]:
    order = np.random.default_rng(settings.seed).permutation(models)
    return np.asarray(order < settings.validation_fraction * models)


def fit_network(
    inputs: Array, outputs: Array, input_names: tuple[str, ...], degree: int, settings: Training
) -> NetworkFit:
    """Fit outputs (models, outputs), the coefficients of a field's components, to inputs (models, n).

    The components are orthonormal, so the squared error of the coefficients is that of the field, without weights.
    """
    held_out = _held_out(len(inputs), settings)
    exponents = skip_exponents(input_names, degree, settings.linear)
    strengths = cross_validate(inputs[~held_out], outputs[~held_out], exponents, settings.seed).strengths
    start = polynomial_network(inputs[~held_out], outputs[~held_out], exponents, strengths)
    norm = np.linalg.norm(outputs[held_out]) or 1.0
    skip_error = float(np.linalg.norm(start(inputs[held_out]) - outputs[held_out]) / norm)
    # the final skip connection is fitted to all models
    final = polynomial_network(inputs, outputs, exponents, strengths)
    weights, biases = _dense_layers(start, inputs, outputs, held_out, settings)
    dense = Network(start.input_map, exponents, start.skip, weights, biases, start.output_map)
    error = float(np.linalg.norm(dense(inputs[held_out]) - outputs[held_out]) / norm)
    if not error < skip_error:  # NaN where training diverged
        # zeros in the last layer switch the dense layers off, unless earlier layers are not finite
        kept = -1 if np.isfinite(error) else 0
        weights = (*weights[:kept], *map(np.zeros_like, weights[kept:]))
        biases = (*biases[:kept], *map(np.zeros_like, biases[kept:]))
        return NetworkFit(Network(final.input_map, exponents, final.skip, weights, biases, final.output_map),
                       skip_error, skip_error)
    return NetworkFit(dense, skip_error, error)


def _dense_layers(
    start: Network, inputs: Array, outputs: Array, held_out: NDArray[np.bool_], settings: Training
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Weights and biases of the dense layers, fitted to the residual of the skip connection: the best epoch on the
    held-out models; zeros for fewer epochs than one evaluation needs."""
    checks = settings.epochs // EPOCHS_PER_CHECK
    if not checks:
        sizes = (inputs.shape[1], *settings.hidden, outputs.shape[1])
        return tuple(np.zeros(shape) for shape in pairwise(sizes)), tuple(np.zeros(size) for size in sizes[1:])
    keras = load_keras()
    import tensorflow as tf

    z = start.input_map.apply(inputs).astype(np.float32)
    residual = (outputs - start(inputs)) / start.output_map.scale
    # Adam wants targets of order one
    size = float(np.sqrt((residual**2).mean())) or 1.0
    target = (residual / size).astype(np.float32)
    drawn = initializers(settings.seed)
    layers = [keras.layers.Dense(width, activation="tanh", kernel_initializer=next(drawn))
              for width in settings.hidden]
    model = keras.Sequential([keras.Input((z.shape[1],)), *layers,
                              keras.layers.Dense(target.shape[1], kernel_initializer="zeros")])
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, max(settings.epochs, 1))
    # all models in one batch; many epochs per call of the compiled graph is far faster
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse", steps_per_execution=EPOCHS_PER_CHECK)
    batch = tf.data.Dataset.from_tensors((z[~held_out], target[~held_out])).repeat()
    best = keras.callbacks.EarlyStopping(patience=checks, restore_best_weights=True)
    model.fit(batch, steps_per_epoch=EPOCHS_PER_CHECK, epochs=checks, callbacks=[best], verbose=0, shuffle=False,
              validation_data=(z[held_out], target[held_out]), validation_batch_size=len(inputs))
    arrays = [np.asarray(a, dtype=float) for a in model.get_weights()]
    weights, biases = list(arrays[0::2]), list(arrays[1::2])
    weights[-1], biases[-1] = weights[-1] * size, biases[-1] * size
    return tuple(weights), tuple(biases)
