"""Train one of the paper's networks: mean squared error, Adam, one cosmology per batch (section 3.2); on request with
another optimizer, and a loss that is weighted in time.

Models are read from disk as they are needed, so that sets larger than memory train; the first ones stay in memory. The
state is written after each epoch, and a training that was killed resumes from there. The network of the epoch with the
smallest validation loss is kept: at a constant learning rate the loss fluctuates. A falling
rate, which is not in the paper, prevents this.
"""
from __future__ import annotations

import fcntl
import math
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from cosmicnet.errors import CosmicnetError
from cosmicnet.network import Normalization
from cosmicnet.paper.architecture import LEAK, OUTPUT, Architecture, Convolution, layers
from cosmicnet.paper.inputs import COSMOLOGY, SCALES, TIMES, Inputs, Waves, physical_inputs
from cosmicnet.paper.network import NetworkInputs, Rescaling, SourceNetwork

from ..work.digest import code_digest, json_digest
from ..work.files import read_json, write_json
from ..work.keras_setup import initializers, load_keras
from ..work.soap import soap
from .dataset import PaperModel, read_paper_model

__all__ = [
    "Epoch", "TimeWeights", "Trained", "TrainingTask", "build_model", "epochs_of",
    "inputs_of_keras", "inputs_of_model",
    "train_network", "weights_of",
]

Array = NDArray[np.float64]
Weights = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
# inputs, targets, weights of the times
Batch = tuple[tuple[NDArray[np.float32], ...], NDArray[np.float32], NDArray[np.float32]]

STATE = "epochs.json"

# Times of the weights: tau/tau_rec, bins of its logarithm, and the smallest source, of the largest, that counts.
WEIGHTED_TIMES = (0.5, 100.0)
WEIGHT_BINS = 80
SMALLEST_SOURCE = 1e-4

# Prepared cosmologies stay in the memory of each process up to so many bytes; one takes 5.4 MB.
KEPT_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class TrainingTask:
    """A training: architecture, paths of models, their wavenumbers k (1/Mpc), epochs. made_by: the identity of the
    models. learning_rate_end: None for a constant rate. optimizer: 'adam' or 'soap'. weighted_in_time: see
    TimeWeights."""

    architecture: Architecture
    training: tuple[Path, ...]
    validation: tuple[Path, ...]
    k: Array
    epochs: int
    learning_rate: float
    seed: int
    made_by: str = ""
    learning_rate_end: float | None = None
    optimizer: str = "adam"
    weighted_in_time: bool = False

    def rate(self, epoch: int) -> float:
        """Adam's rate in this epoch, counted from 0."""
        if self.learning_rate_end is None or self.epochs == 1:
            return self.learning_rate
        ratio = self.learning_rate_end / self.learning_rate
        return float(self.learning_rate * ratio ** (epoch / (self.epochs - 1)))

    @property
    def key(self) -> str:
        """Key of the saved state of this training; at a constant rate, a longer training continues a shorter one."""
        identity = {
            "architecture": asdict(self.architecture), "learning_rate": self.learning_rate, "seed": self.seed,
            "training": [p.name for p in self.training], "validation": [p.name for p in self.validation],
            "k": self.k.tolist(), "made by": self.made_by, "code": code_digest(__name__)}
        if self.learning_rate_end is not None:
            identity |= {"learning_rate_end": self.learning_rate_end, "epochs": self.epochs}
        if self.optimizer == "soap":
            identity["optimizer"] = self.optimizer
        if self.weighted_in_time:
            identity["weighted in time"] = True
        return json_digest(identity)[:16]


@dataclass(frozen=True)
class TimeWeights:
    """Weights of the loss by time, the inverse of the source's rms over all cosmologies and k at this tau/tau_rec.

    With equal weights an error matters as much where the source is a thousandth of its peak, but acts over ten thousand
    Mpc, as at the peak, which takes a hundred. log_time: middles of bins of ln(tau/tau_rec); rms: of the rescaled
    source without its offset, relative to the largest.
    """

    log_time: Array
    rms: Array

    def __call__(self, tau_over_rec: Array) -> NDArray[np.float32]:
        rms = np.exp(np.interp(np.log(tau_over_rec), self.log_time, np.log(self.rms)))
        return np.asarray(1.0 / rms, dtype=np.float32)


@dataclass(frozen=True)
class Epoch:
    """Mean squared errors of the rescaled source (weighted where the training is), and wall time."""

    loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True)
class Trained:
    """The network after epoch `best` of the history."""

    network: SourceNetwork
    history: tuple[Epoch, ...]
    best: int

    @property
    def validation_loss(self) -> float:
        return self.history[self.best - 1].validation_loss

    @property
    def seconds(self) -> float:
        """Wall time."""
        return sum(epoch.seconds for epoch in self.history)


def train_network(task: TrainingTask, folder: Path, quiet: bool = False) -> Trained:
    """Train, or resume from the state in `folder`; one process at a time, the next one reads the result.

    Raises DatasetError for models that cannot be read, CosmicnetError for a state that is damaged or
    past the last epoch.
    """
    work = _work(task, folder)
    work.mkdir(parents=True, exist_ok=True)
    with _alone(work.with_name(f"{work.name}.lock")):
        return _train(task, work, quiet)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One process at a time; the lock of a process that dies is released."""
    with file.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _train(task: TrainingTask, work: Path, quiet: bool) -> Trained:
    keras, source = load_keras(), task.architecture.source
    history = _history(work)
    if len(history) > task.epochs:
        raise CosmicnetError(
            f"{work} has {len(history)} epochs, more than the {task.epochs} asked for: raise epochs or delete it")
    rescaling = _rescaling(source, task.training, task.made_by)
    weights = _time_weights(source, task.training, task.made_by) if task.weighted_in_time else None
    # made in any case: Keras has to know it before it loads a state
    optimizer = (soap if task.optimizer == "soap" else keras.optimizers.Adam)(task.learning_rate)
    if history:
        model = _load(keras, work, len(history))
    else:
        model = build_model(task.architecture, task.k.size, task.seed)
        # eq. 3.1, divided by the number of wavenumbers and times
        model.compile(optimizer=optimizer, loss="mse")
    prepared: dict[Path, Batch] = {}
    for number in range(len(history), task.epochs):
        start = time.perf_counter()
        model.optimizer.learning_rate = task.rate(number)
        order = np.random.default_rng([task.seed, number]).permutation(len(task.training))
        batches = partial(_batches, task, rescaling, weights, prepared)
        fitted = model.fit(batches([task.training[i] for i in order]), verbose=0, shuffle=False,
                           validation_data=batches(list(task.validation)))
        loss, validation = (float(fitted.history[name][0]) for name in ("loss", "val_loss"))
        history.append(Epoch(loss, validation, time.perf_counter() - start))
        _save(model, work, history)
        if not quiet:
            Console(stderr=True).print(
                f"S_{source.upper()} epoch {number + 1} of {task.epochs}: loss {loss:.2e}, "
                f"validation {validation:.2e}, {history[-1].seconds:.0f} s", highlight=False)
    # TensorFlow keeps the generators of all datasets of a process, and they keep this
    prepared.clear()
    best = _best(work, history)
    trained = weights_of(_load(keras, work, best), task.architecture, task.k.size)
    return Trained(SourceNetwork(task.architecture, rescaling, trained), tuple(history), best)


def epochs_of(task: TrainingTask, folder: Path) -> list[Epoch]:
    """The epochs of this task that `folder` has."""
    return _history(_work(task, folder))


def _work(task: TrainingTask, folder: Path) -> Path:
    return folder / f"{task.architecture.source}-{task.key}"


def inputs_of_model(model: PaperModel) -> Inputs:
    return physical_inputs(model.cosmology, model.setup["T_cmb"], model.tau, model.history)


def _batches(
    task: TrainingTask, rescaling: Rescaling, weights: TimeWeights | None, prepared: dict[Path, Batch],
    paths: list[Path],
) -> Any:
    """A tf.data.Dataset of one batch per cosmology, read ahead while the last one trains; puts some into `prepared`."""
    import tensorflow as tf

    def read() -> Iterator[Batch]:
        for path in paths:
            batch = prepared.get(path) or _batch(task, path, rescaling, weights)
            if path not in prepared and sum(map(_bytes, [*prepared.values(), batch])) <= KEPT_BYTES:
                prepared[path] = batch
            yield batch

    source, k = task.architecture.source, task.k.size
    shapes = [(len(TIMES[source]),), rescaling.cosmology.scale.shape, rescaling.scales.scale.shape, (k, 2), (k, 1)]
    signature = (tuple(tf.TensorSpec((None, *shape), tf.float32) for shape in shapes),
                 tf.TensorSpec((None, k), tf.float32), tf.TensorSpec((None,), tf.float32))
    batches = tf.data.Dataset.from_generator(read, output_signature=signature)
    return batches.apply(tf.data.experimental.assert_cardinality(len(paths))).prefetch(2)


def _batch(task: TrainingTask, path: Path, rescaling: Rescaling, weights: TimeWeights | None) -> Batch:
    """Inputs, targets and weights of one cosmology, every array with the times as its first axis."""
    source = task.architecture.source
    model = read_paper_model(path, (source,))
    x = rescaling.apply(source, Waves(inputs_of_model(model), task.k))
    target = rescaling.source.apply(model.sources[source].astype(float)).astype(np.float32)
    weight = (np.ones(model.tau.size, dtype=np.float32) if weights is None
              else weights(model.tau / model.cosmology["tau_rec"]))
    return inputs_of_keras(x), target, weight


def inputs_of_keras(x: NetworkInputs) -> tuple[NDArray[np.float32], ...]:
    """The inputs of build_model(), with the times as the first axis and all wavenumbers."""
    every_time = np.ones((x.times.shape[1], 1), dtype=np.float32)
    damping = np.zeros((len(every_time), len(x.oscillations), 1), dtype=np.float32)
    damping[:, :len(x.damping)] = x.damping.transpose(2, 0, 1)
    # contiguous: TensorFlow reads them again in each epoch
    return (np.ascontiguousarray(x.times.T), every_time * x.cosmology, every_time * x.scales,
            np.ascontiguousarray(x.oscillations.transpose(2, 0, 1)), damping)


def _bytes(batch: Batch) -> int:
    inputs, *others = batch
    return sum(array.nbytes for array in (*inputs, *others))


@lru_cache(maxsize=len(TIMES))
def _rescaling(source: str, paths: tuple[Path, ...], made_by: str) -> Rescaling:
    """The affine maps of section 2.2.2, over the training set: read once, however many draws a process trains."""
    rows, largest, moments = [], [], np.zeros(3)
    for path in paths:
        model = read_paper_model(path, (source,))
        inputs = inputs_of_model(model)
        rows.append(np.concatenate([inputs.cosmology, inputs.scales]))
        largest.append([np.abs(inputs.times[name]).max() for name in ("g", "g_prime")])
        table = model.sources[source].astype(float)
        moments += table.size, table.sum(), (table**2).sum()
    peak = dict(zip(("g", "g_prime"), np.mean(largest, axis=0).tolist(), strict=True))
    times = np.array([peak.get(name, 1.0) for name in TIMES[source]])
    mean, sigma = np.mean(rows, axis=0), np.std(rows, axis=0)
    number = inputs.cosmology.size
    average = moments[1] / moments[0]
    return Rescaling(
        times=Normalization(np.zeros_like(times), times),
        cosmology=Normalization(mean[:number], sigma[:number]), scales=Normalization(mean[number:], sigma[number:]),
        source=Normalization(np.array(average), np.sqrt(np.array(moments[2] / moments[0] - average**2))))


@lru_cache(maxsize=len(TIMES))
def _time_weights(source: str, paths: tuple[Path, ...], made_by: str) -> TimeWeights:
    edges = np.linspace(np.log(WEIGHTED_TIMES[0]), np.log(WEIGHTED_TIMES[1]), WEIGHT_BINS + 1)
    squares, rows = np.zeros(WEIGHT_BINS), np.zeros(WEIGHT_BINS)
    for path in paths:
        model = read_paper_model(path, (source,))
        place = np.searchsorted(edges, np.log(model.tau / model.cosmology["tau_rec"])).clip(1, WEIGHT_BINS) - 1
        np.add.at(squares, place, (model.sources[source].astype(float) ** 2).mean(axis=1))
        np.add.at(rows, place, 1.0)
    met = rows > 0
    rms = np.sqrt(squares[met] / rows[met])
    return TimeWeights(0.5 * (edges[1:] + edges[:-1])[met], np.maximum(rms / rms.max(), SMALLEST_SOURCE))


def _history(work: Path) -> list[Epoch]:
    """The epochs that were finished."""
    file = work / STATE
    if not file.exists():
        return []
    try:
        return [Epoch(**entry) for entry in read_json(file)["epochs"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CosmicnetError(f"{file} is damaged; delete {work} to train anew") from error


def _save(model: Any, work: Path, history: list[Epoch]) -> None:
    """Weights and optimizer of this epoch first, then the list of epochs that names them; then drop all but this epoch
    and the best."""
    model.save(_state(work, len(history)))
    write_json(work / STATE, {"epochs": [asdict(epoch) for epoch in history]})
    for number in {*_kept(work, history)} - {len(history), _best(work, history)}:
        _state(work, number).unlink()


def _kept(work: Path, history: list[Epoch]) -> list[int]:
    """The epochs whose weights are there."""
    return [number for number in range(1, len(history) + 1) if _state(work, number).exists()]


def _best(work: Path, history: list[Epoch]) -> int:
    """The epoch with the smallest validation loss; one that diverged only where all did."""
    def rank(number: int) -> tuple[bool, float]:
        loss = history[number - 1].validation_loss
        return math.isnan(loss), loss

    kept = _kept(work, history)
    if not kept:
        raise CosmicnetError(f"{work}: the weights of all epochs are gone; delete it to train anew")
    return min(kept, key=rank)


def _load(keras: Any, work: Path, epochs: int) -> Any:
    try:
        return keras.saving.load_model(_state(work, epochs))
    except (OSError, ValueError, KeyError, BadZipFile, zlib.error) as error:
        raise CosmicnetError(f"{_state(work, epochs)} cannot be read; delete {work} to train anew") from error


def _state(work: Path, epochs: int) -> Path:
    return work / f"epoch{epochs:04d}.keras"


def build_model(architecture: Architecture, k_size: int, seed: int) -> Any:
    """A keras.Model from inputs_of_keras() to (times, k_size).

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
