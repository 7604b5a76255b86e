"""The paper's recipe, training set, training and search: checked, resumable, the same however often they stop."""
from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paper_models import RECIPE, K, Killed, architecture, kill_at, model, plan_of, small_recipe, write_models

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import write_whole
from cosmicnet.paper.inputs import Waves
from cosmicnet.training.evaluate.boxes import PLANCK_5_SIGMA
from cosmicnet.training.models.dataset import model_path
from cosmicnet.training.paper import dataset as dataset_module
from cosmicnet.training.paper import train as train_module
from cosmicnet.training.paper.dataset import read_paper_model, write_paper_model
from cosmicnet.training.paper.page import _curve
from cosmicnet.training.paper.recipe import load_paper_recipe
from cosmicnet.training.paper.train import Epoch, Trained, TrainingTask, train_network
from cosmicnet.training.recipe.schema import RecipeError
from cosmicnet.training.work.files import DatasetError, write_json
from cosmicnet.training.work.soap import soap

TEXT = RECIPE.read_text(encoding="utf-8")
ONE_EPOCH = {"loss": 1.0, "validation_loss": 1.0, "seconds": 1.0}


def test_full_recipe_differs_in_sizes_and_in_the_training_only() -> None:
    full, small = (load_paper_recipe(RECIPE.with_name(name)) for name in ("paper.toml", "paper_small.toml"))
    for name in ("box", "sigmas", "class_settings", "companion"):
        assert getattr(full, name) == getattr(small, name)
    # the paper's own
    assert full.training.model_dump(exclude={"seed"}) == {
        "optimizer": "adam", "weighted_in_time": False, "learning_rate": 1e-3, "learning_rate_end": None}
    for source in ("t0", "t1", "t2"):
        assert getattr(full.networks, source).hyperparameters == getattr(small.networks, source).hyperparameters
    assert [getattr(full.sets, name).models for name in ("training", "validation", "hyperparameters", "test")] == [
        10000, 2000, 100, 100]
    assert [getattr(full.networks, source).epochs for source in ("t0", "t1", "t2")] == [15, 3, 45]
    assert (full.search.draws, full.search.keep, full.training.learning_rate) == (500, 30, 1e-3)


@pytest.mark.parametrize("old, new, message", [
    ("learning_rate =", "learning_rat =", "line 70: training.learning_rat: "),
    ("keep = 3", "keep = 9", "search: keep = 9 "),
    ("epochs = {t0 = 20, t1 = 10, t2 = 20}", "epochs = {t0 = 2}", "epochs: "),
    ("width = [12, 300]", "width = [300, 12]", "width = [300, 12]: "),
    ("seed = 2}", "seed = 1}", "line 29: sets: validation.seed: "),
    ("learning_rate_end = 3e-6", "learning_rate_end = 3e-2", "learning_rate_end = 0.03 "),
    ("N_ncdm = 1", "h = 0.67", "class_settings.h: "),
    ("N_ncdm = 1", "z_reio = 8", "class_settings.z_reio: "),
    ("N_ncdm = 1", 'neural_network = "yes"', "class_settings.neural_network: "),
    ("l_max_scalars", "l_max_tensors", "class_settings.l_max_scalars: "),
    ("source_models = 10", "source_models = 101", "report.source_models = 101 "),
    ("hypercube = 480", "hypercube = 2", " 2 points of the hypercube"),
    ("kernel = [2, 16]", "kernel = [1, 16]", "search.kernel.0: "),
    ("sigma = 0.42", "sigma = 0", "box.H0.sigma: "),
    ("omega_cdm = {mean", "omega_cdn = {mean", "box.omega_cdn: "),
    ("omega_cdm = {mean = 0.11933, sigma = 0.00091}\n", "", "box: "),
    ("N_ncdm = 1", "H0 = 67", "class_settings.H0: "),
    ("[sets]", "[sets", "TOML"),
    ("scales = 24", "scales = 0", "networks.t0.hyperparameters.scales: "),
])
def test_mistakes_in_a_recipe_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(RecipeError, match=re.escape(message)) as error:
        load_paper_recipe(file)
    assert str(file) in str(error.value)


def test_sets_are_independent_hypercubes_and_the_test_set_is_that_of_evaluate() -> None:
    recipe = load_paper_recipe(RECIPE)
    points = {name: recipe.points(name) for name in ("training", "validation", "hyperparameters", "test")}
    assert len(points["training"]) == recipe.sets.training.models
    assert points["test"] == [{name: p[name] for name in recipe.box}
                              for p in PLANCK_5_SIGMA.points(recipe.report.source_models)]
    low, high = np.array(list(recipe.bounds.values())).T
    validation = (np.array([list(p.values()) for p in points["validation"]]) - low) / (high - low)
    number = recipe.sets.validation.models
    # one point in every slice of every parameter
    assert all(sorted((column * number).astype(int)) == list(range(number)) for column in validation.T)
    assert points["training"][0] not in points["validation"]
    more = recipe.model_copy(update={"sets": recipe.sets.model_copy(update={
        "training": recipe.sets.training.model_copy(update={"models": recipe.sets.training.points})})})
    grown = more.points("training")
    assert len(grown) > recipe.sets.training.models
    assert grown[:recipe.sets.training.models] == points["training"]


def test_model_comes_back_from_its_file(tmp_path: Path) -> None:
    path, written = model_path(tmp_path, 3), model(5)
    write_paper_model(path, written)
    got = read_paper_model(path)
    assert (got.cosmology, got.setup) == (written.cosmology, written.setup)
    assert np.array_equal(got.tau, written.tau)
    for group in ("history", "sources"):
        first, second = getattr(got, group), getattr(written, group)
        assert first.keys() == second.keys() and all(np.array_equal(first[n], second[n]) for n in first)
    assert got.sources["t0"].dtype == np.float32
    assert list(read_paper_model(path, ("t2",)).sources) == ["t2"]


def test_damaged_model_is_named(tmp_path: Path) -> None:
    path = model_path(tmp_path, 0)
    write_paper_model(path, model(5))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"00000\.h5"):
        read_paper_model(path)


def test_model_of_another_format_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model_path(tmp_path, 0)
    with monkeypatch.context() as patch:
        patch.setattr(dataset_module, "FORMAT_VERSION", 0)
        write_paper_model(path, model(5))
    with pytest.raises(DatasetError, match=r"00000\.h5.*format 0"):
        read_paper_model(path)


def write_small_text(path: Path) -> None:
    write_whole({path: "whole"})


def write_small_model(path: Path) -> None:
    write_paper_model(path, model(5))


@pytest.mark.parametrize("write", [write_small_text, write_small_model])
def test_two_processes_may_write_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    path, rename = tmp_path / "file", os.replace

    def late(old: Path, new: Path) -> None:
        with monkeypatch.context() as other:
            other.setattr(os, "replace", rename)
            other.setattr(os, "getpid", lambda: 0)
            write(path)
        rename(old, new)

    monkeypatch.setattr(os, "replace", late)
    write(path)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("write", [write_small_text, write_small_model])
def test_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    def refuse(old: Path, new: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError):
        write(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_folder_without_models_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="`cosmicnet paper generate`"):
        plan_of(small_recipe(), tmp_path).models_of("training")
    with pytest.raises(DatasetError, match="`cosmicnet paper generate`"):
        _ = plan_of(small_recipe(), tmp_path).k


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_models(tmp_path / "models")
    return tmp_path


def task(work: Path, epochs: int = 2, rate_end: float | None = None) -> TrainingTask:
    given = plan_of(small_recipe(), work).task(architecture("t0"), epochs)
    return replace(given, learning_rate=1e-3, learning_rate_end=rate_end)


def same(a: Trained, b: Trained) -> bool:
    losses = [[(e.loss, e.validation_loss) for e in t.history] for t in (a, b)]
    return losses[0] == losses[1] and all(
        np.array_equal(x, y) for name in a.network.weights
        for x, y in zip(a.network.weights[name], b.network.weights[name], strict=True))


# Adam at a constant rate is that of test_paper_kills.py
@pytest.mark.parametrize("options", [
    {"learning_rate_end": 1e-5}, {"optimizer": "soap", "weighted_in_time": True},
])
def test_training_that_was_killed_ends_with_the_same_weights(
    work: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any],
) -> None:
    given = replace(task(work), **options)
    whole = train_network(given, work / "whole", quiet=True)
    with monkeypatch.context() as patch:
        kill_at(patch, train_module, "_save", 1)
        with pytest.raises(Killed):
            train_network(given, work / "killed", quiet=True)
    resumed = train_network(given, work / "killed", quiet=True)
    assert same(whole, resumed)
    assert whole.history[-1].loss < whole.history[0].loss
    # finished trainings are only read
    assert same(train_network(given, work / "killed", quiet=True), resumed)
    assert {p.name for p in (work / "killed").glob("*/*.keras")} == {"epoch0002.keras", f"epoch{whole.best:04d}.keras"}
    assert whole.validation_loss == min(epoch.validation_loss for epoch in whole.history)


def test_soap_follows_a_valley_that_adam_crosses() -> None:
    """Weights that act together: features that are nearly the same, as those of neighbouring wavenumbers."""
    keras = train_module.load_keras()
    import tensorflow as tf

    generator = np.random.default_rng(2)
    x = (generator.normal(size=(400, 12)) * np.geomspace(1.0, 0.02, 12)) @ np.linalg.qr(
        generator.normal(size=(12, 12)))[0]
    y = x @ generator.normal(size=(12, 6))
    losses = {}
    for name, optimizer in (("adam", keras.optimizers.Adam), ("soap", soap)):
        model = keras.Sequential([keras.layers.Dense(6, kernel_initializer="zeros", use_bias=False)])
        # all steps in one call of the compiled graph
        model.compile(optimizer=optimizer(0.01), loss="mse", steps_per_execution=800)
        model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(), steps_per_epoch=800, shuffle=False, verbose=0)
        losses[name] = float(((model(x) - y) ** 2).numpy().mean())
    assert losses["soap"] < 1e-3 * losses["adam"]


def test_weights_of_times_are_the_inverse_of_the_rms_of_the_source(work: Path) -> None:
    weights = train_module._time_weights("t0", task(work).training, "")
    models = [read_paper_model(path) for path in task(work).training]
    tau = np.concatenate([m.tau / m.cosmology["tau_rec"] for m in models])
    rms = np.concatenate([np.sqrt((m.sources["t0"].astype(float) ** 2).mean(axis=1)) for m in models])
    at_peak, at_reionisation = (np.abs(tau - t) < 0.1 * t for t in (1.0, 5000.0 / 281.0))
    ratio = weights(tau[at_reionisation]).mean() / weights(tau[at_peak]).mean()
    expected = rms[at_peak].mean() / rms[at_reionisation].mean()
    assert ratio == pytest.approx(expected, rel=0.2) and expected > 100.0
    assert weights(tau).max() <= 1.0 / train_module.SMALLEST_SOURCE * (1.0 + 1e-6)


def test_learning_rate_falls_geometrically_to_that_of_the_last_epoch(work: Path) -> None:
    constant, falling = task(work, epochs=5), task(work, epochs=5, rate_end=1e-5)
    assert [constant.rate(epoch) for epoch in range(5)] == [1e-3] * 5
    assert [falling.rate(epoch) for epoch in range(5)] == pytest.approx(np.geomspace(1e-3, 1e-5, 5))
    # longer trainings go on from shorter ones only where the rate of an epoch does not depend on their number
    assert constant.key == replace(constant, epochs=6).key
    assert len({falling.key, replace(falling, epochs=6).key, constant.key}) == 3
    # it is the rate that Adam takes: with hardly any, nothing changes in the second of two epochs
    moved = [train_network(task(work, rate_end=end), work / f"{end}", quiet=True).history for end in (1e-3, 1e-12)]
    changes = [abs(history[1].validation_loss - history[0].validation_loss) for history in moved]
    assert changes[1] < 1e-6 < changes[0]


def test_rescaling_gives_inputs_and_targets_of_order_one(work: Path) -> None:
    models = [read_paper_model(path) for path in task(work).training]
    rescaling = train_module._rescaling("t0", task(work).training, "")
    rescaled = [rescaling.apply("t0", Waves(train_module.inputs_of_model(m), K)) for m in models]
    for values in (np.array([x.cosmology for x in rescaled]), np.array([x.scales for x in rescaled])[:, [0, 1, 2, 3]]):
        assert values.mean(axis=0) == pytest.approx(0.0, abs=1e-3)
        assert values.std(axis=0) == pytest.approx(1.0, abs=1e-3)
    assert np.mean([np.abs(x.times[:2]).max(axis=1) for x in rescaled], axis=0) == pytest.approx(1.0, abs=1e-5)
    targets = np.concatenate([rescaling.source.apply(m.sources["t0"].astype(float)) for m in models])
    assert (targets.mean(), targets.std()) == (pytest.approx(0.0, abs=1e-6), pytest.approx(1.0, abs=1e-6))


def test_training_that_went_further_is_not_taken_for_a_shorter_one(work: Path) -> None:
    state = work / "training" / f"t0-{task(work).key}"
    state.mkdir(parents=True)
    write_json(state / "epochs.json", {"epochs": [ONE_EPOCH] * 3})
    with pytest.raises(CosmicnetError, match=r"3 epochs.* 2 "):
        train_network(task(work), work / "training", quiet=True)


@pytest.mark.parametrize("file, message", [
    ("epoch0001.keras", r"epoch0001.keras cannot be read; delete .* to train anew"),
    ("epochs.json", r"epochs.json is damaged; delete .* to train anew"),
])
def test_damaged_state_of_a_training_is_named(work: Path, file: str, message: str) -> None:
    state = work / "training" / f"t0-{task(work).key}"
    state.mkdir(parents=True)
    write_json(state / "epochs.json", {"epochs": [ONE_EPOCH]})
    (state / file).write_bytes(b"0")
    with pytest.raises(CosmicnetError, match=message):
        train_network(task(work), work / "training", quiet=True)


@pytest.mark.parametrize("losses, best", [
    ((math.nan, 0.3, 0.2, math.nan), 3), ((math.nan, math.inf), 2), ((0.1, math.nan), 1), ((math.nan, math.nan), 1),
])
def test_epoch_that_diverged_is_the_best_only_where_all_did(
    tmp_path: Path, losses: tuple[float, ...], best: int
) -> None:
    for number in range(1, len(losses) + 1):
        train_module._state(tmp_path, number).touch()
    assert train_module._best(tmp_path, [Epoch(loss, loss, 1.0) for loss in losses]) == best


def test_training_that_diverges_ends(work: Path) -> None:
    trained = train_network(replace(task(work), learning_rate=1e30), work / "training", quiet=True)
    assert [math.isfinite(epoch.validation_loss) for epoch in trained.history] == [False, False]
    assert train_network(replace(task(work), learning_rate=1e30), work / "training", quiet=True).best == trained.best


def test_no_more_cosmologies_are_kept_than_memory_is_given(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, prepared = task(work), dict[Path, train_module.Batch]()
    rescaling = train_module._rescaling("t0", given.training, "")
    size = train_module._bytes(train_module._batch(given, given.training[0], rescaling, None))
    monkeypatch.setattr(train_module, "KEPT_BYTES", 3.5 * size)
    for _ in range(2):
        assert len(list(train_module._batches(given, rescaling, None, prepared, list(given.training)))) == 5
        assert list(prepared) == list(given.training[:3])


def test_learning_curve_is_the_smallest_loss_so_far() -> None:
    history = [Epoch(1.0, loss, 1.0) for loss in (0.5, 0.3, 0.4, 0.1, 0.2, 0.05)]
    assert _curve(history, 70) == "70: 5.0e-01; 140: 3.0e-01; 280: 1.0e-01; 420: 5.0e-02"
    assert _curve([], 70) == ""


def test_no_model_stays_in_memory_after_a_training(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process trains hundreds of draws, and TensorFlow never lets go of the generator of a dataset."""
    kept: list[dict[Path, object]] = []
    batches = train_module._batches

    def watched(*arguments: Any) -> object:
        kept.append(arguments[3])
        return batches(*arguments)

    monkeypatch.setattr(train_module, "_batches", watched)
    train_network(task(work), work / "watched", quiet=True)
    assert kept and not any(kept)
