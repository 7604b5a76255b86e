"""Train the network of one field with Keras: a linear skip connection, then dense layers for the rest."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cosmicnet.network import Network

from ..recipe.schema import Training
from ..work.keras_setup import initializers, load_keras
from .polynomial import cross_validate, polynomial_network, skip_exponents

__all__ = ["Trained", "train_network"]

Array = NDArray[np.float64]

# The held-out models are looked at every so many epochs.
EPOCHS_PER_CHECK = 50


@dataclass(frozen=True)
class Trained:
    """A network and its weighted relative rms errors on held-out models: of the skip connection alone,
    and of the network that was chosen (the dense layers are kept only where they help)."""

    network: Network
    skip_error: float
    error: float


def _held_out(models: int, settings: Training) -> NDArray[np.bool_]:
    order = np.random.default_rng(settings.seed).permutation(models)
    return np.asarray(order < settings.validation_fraction * models)


def train_network(
    inputs: Array, outputs: Array, input_names: tuple[str, ...], degree: int, settings: Training
) -> Trained:
    """Train on (models, n) inputs and (models, outputs) PCA coefficients.

    The coefficients of one field are all in one unit, so their squared error is the squared error of
    the field (its components are orthonormal) and needs no further weights.
    """
    held_out = _held_out(len(inputs), settings)
    exponents = skip_exponents(input_names, degree, settings.linear)
    strengths = cross_validate(inputs[~held_out], outputs[~held_out], exponents, settings.seed).strengths
    start = polynomial_network(inputs[~held_out], outputs[~held_out], exponents, strengths)
    norm = np.linalg.norm(outputs[held_out]) or 1.0
    skip_error = float(np.linalg.norm(start(inputs[held_out]) - outputs[held_out]) / norm)
    # the skip connection of the final network sees all models; the dense layers learn what it leaves
    final = polynomial_network(inputs, outputs, exponents, strengths)
    weights, biases = _dense_layers(start, inputs, outputs, held_out, settings)
    dense = Network(start.input_map, exponents, start.skip, weights, biases, start.output_map)
    error = float(np.linalg.norm(dense(inputs[held_out]) - outputs[held_out]) / norm)
    if not error < skip_error:  # NaN where training diverged
        # the last layer is enough, unless those before it give no numbers
        kept = -1 if np.isfinite(error) else 0
        weights = (*weights[:kept], *map(np.zeros_like, weights[kept:]))
        biases = (*biases[:kept], *map(np.zeros_like, biases[kept:]))
        return Trained(Network(final.input_map, exponents, final.skip, weights, biases, final.output_map),
                       skip_error, skip_error)
    return Trained(dense, skip_error, error)


def _dense_layers(
    start: Network, inputs: Array, outputs: Array, held_out: NDArray[np.bool_], settings: Training
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Weights and biases of the dense layers that learn what the skip connection leaves, the best on
    the held-out models over all epochs; zeros where there are too few epochs for one look."""
    checks = settings.epochs // EPOCHS_PER_CHECK
    if not checks:
        sizes = (inputs.shape[1], *settings.hidden, outputs.shape[1])
        return tuple(np.zeros(shape) for shape in pairwise(sizes)), tuple(np.zeros(size) for size in sizes[1:])
    keras = load_keras()
    import tensorflow as tf

    z = start.input_map.apply(inputs).astype(np.float32)
    rest = (outputs - start(inputs)) / start.output_map.scale
    # the rest is small: Adam wants it of order one
    size = float(np.sqrt((rest**2).mean())) or 1.0
    target = (rest / size).astype(np.float32)
    drawn = initializers(settings.seed)
    layers = [keras.layers.Dense(width, activation="tanh", kernel_initializer=next(drawn))
              for width in settings.hidden]
    model = keras.Sequential([keras.Input((z.shape[1],)), *layers,
                              keras.layers.Dense(target.shape[1], kernel_initializer="zeros")])
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, max(settings.epochs, 1))
    # all models in one batch; many epochs per call of the compiled graph, which is far faster
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse", steps_per_execution=EPOCHS_PER_CHECK)
    batch = tf.data.Dataset.from_tensors((z[~held_out], target[~held_out])).repeat()
    best = keras.callbacks.EarlyStopping(patience=checks, restore_best_weights=True)
    model.fit(batch, steps_per_epoch=EPOCHS_PER_CHECK, epochs=checks, callbacks=[best], verbose=0, shuffle=False,
              validation_data=(z[held_out], target[held_out]), validation_batch_size=len(inputs))
    arrays = [np.asarray(a, dtype=float) for a in model.get_weights()]
    weights, biases = list(arrays[0::2]), list(arrays[1::2])
    weights[-1], biases[-1] = weights[-1] * size, biases[-1] * size
    return tuple(weights), tuple(biases)
