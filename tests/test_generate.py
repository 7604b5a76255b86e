"""Generation: resumable bit by bit, honest about failures. Most tests put a stand-in for CLASS in its place."""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from file_contents import contents
from recipes import COARSE, plan_of, tiny_recipe
from serial_pool import serial_pool
from test_dataset import FULL_DEVICE, make_model

from cosmicnet.errors import CosmicnetError
from cosmicnet.running_class import RunningClass
from cosmicnet.training.models import integrate as module
from cosmicnet.training.models.dataset import TrainingModel, failure_path, model_path, read_model
from cosmicnet.training.one_level import plan as plan_module
from cosmicnet.training.recipe.schema import Recipe
from cosmicnet.training.work.files import DatasetError

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Parameters = Mapping[str, float]


def generate(recipe: Recipe, work: Path) -> list[Path]:
    return module.integrate(plan_of(recipe, work))


def failures(folder: Path) -> set[int]:
    return {int(path.stem) for path in folder.glob("*.failed")}


class StandIn:
    """Instead of CLASS: numbers made of the parameters; `fail` raises for some of them."""

    def __init__(self) -> None:
        self.computed: list[Parameters] = []
        self.fail: Callable[[int], None] = lambda number: None

    def __call__(self, settings: Mapping[str, Any], parameters: Parameters) -> TrainingModel:
        self.fail(len(self.computed))
        self.computed.append(parameters)
        model = make_model(round(1e6 * parameters["H0"]))
        return TrainingModel(**{**vars(model), "parameters": dict(parameters)})


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setattr(plan_module, "integrate_model", made)
    monkeypatch.setattr(module, "single_threaded_pool", serial_pool)
    return made


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return tiny_recipe(tmp_path)


def test_latin_hypercube_has_one_model_in_every_layer(recipe: Recipe, tmp_path: Path) -> None:
    drawn = plan_of(recipe, tmp_path).points
    number = recipe.sampling.models
    for name, (low, high) in recipe.sampling.ranges.items():
        assert sorted(int(number * (p[name] - low) / (high - low)) for p in drawn) == list(range(number)), name
    assert plan_of(recipe, tmp_path).points == drawn
    assert plan_of(tiny_recipe(tmp_path, seed=2), tmp_path).points != drawn


def test_every_point_becomes_the_model_of_its_number(stand_in: StandIn, recipe: Recipe, tmp_path: Path) -> None:
    models = generate(recipe, tmp_path)
    assert failures(tmp_path / "models") == set()
    assert models == [model_path(tmp_path / "models", i) for i in range(20)]
    assert [read_model(path).parameters for path in models] == plan_of(recipe, tmp_path).points


def test_finished_generation_computes_nothing(stand_in: StandIn, recipe: Recipe, tmp_path: Path) -> None:
    first = generate(recipe, tmp_path)
    before = contents(tmp_path / "models")
    assert generate(recipe, tmp_path) == first
    assert len(stand_in.computed) == 20
    assert contents(tmp_path / "models") == before


def stop_at(last: int, error: type[BaseException]) -> Callable[[int], None]:
    def fail(number: int) -> None:
        if number == last:
            raise error
    return fail


def test_interrupted_generation_goes_on_to_the_same_files(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path
) -> None:
    generate(recipe, tmp_path / "whole")
    stand_in.computed.clear()
    for last in (0, 3, 11):
        stand_in.fail = stop_at(last, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            generate(recipe, tmp_path)
    stand_in.fail = lambda number: None
    generate(recipe, tmp_path)
    assert len(stand_in.computed) == 20
    assert contents(tmp_path / "models") == contents(tmp_path / "whole" / "models")


def test_folder_of_another_recipe_is_refused(
        stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models"
    generate(recipe, tmp_path)
    before = contents(folder)
    others = {
        "sampling.seed": tiny_recipe(tmp_path, seed=2),
        "sampling.models": tiny_recipe(tmp_path, models=21),
        "class_settings.N_ncdm": recipe.model_copy(update={"class_settings": {**recipe.class_settings, "N_ncdm": 2}}),
        "class_settings.gauge": recipe.model_copy(update={"class_settings": {**recipe.class_settings, "gauge": "x"}}),
    }
    for entry, other in others.items():
        with pytest.raises(DatasetError, match=rf"\({entry} ") as raised:
            generate(other, tmp_path)
        assert str(folder) in str(raised.value)
    assert contents(folder) == before
    assert len(stand_in.computed) == 20
    # entries of the training may change
    generate(recipe.model_copy(update={"description": "other"}), tmp_path)
    monkeypatch.setattr(plan_module, "AlignedGrids", lambda: COARSE)
    with pytest.raises(DatasetError, match=r"\(grids\."):
        generate(recipe, tmp_path)


def test_recipe_that_was_mended_before_its_first_model_keeps_its_folder(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path
) -> None:
    wrong = recipe.model_copy(update={"class_settings": {**recipe.class_settings, "N_ndcm": 1}})
    module.record_identity(tmp_path / "models", plan_of(wrong, tmp_path).identity)
    assert len(generate(recipe, tmp_path)) == 20
    with pytest.raises(DatasetError, match=r"class_settings\.N_ndcm"):
        generate(wrong, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sampling": 3, "class_settings": {}}'])
def test_damaged_recipe_beside_the_models_is_refused(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, text: str
) -> None:
    generate(recipe, tmp_path)
    (tmp_path / "models" / module.RECIPE_FILE).write_text(text)
    with pytest.raises(DatasetError, match=r"recipe\.json"):
        generate(recipe, tmp_path)


def fails(numbers: set[int], error: Exception) -> Callable[[Mapping[str, Any], Parameters], TrainingModel]:
    calls = iter(range(1000))

    def compute(settings: Mapping[str, Any], parameters: Parameters) -> TrainingModel:
        if next(calls) in numbers:
            raise error
        return make_model()
    return compute


def test_failed_models_are_left_out_and_shown(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = classy.CosmoComputationError("it would not converge")
    monkeypatch.setattr(plan_module, "integrate_model", fails({4, 17}, error))
    models = generate(recipe, tmp_path)
    assert failures(tmp_path / "models") == {4, 17}
    assert "it would not converge" in failure_path(model_path(tmp_path / "models", 4)).read_text()
    assert [int(path.stem) for path in models] == [i for i in range(20) if i not in (4, 17)]
    assert sorted((tmp_path / "models").glob("*.h5")) == models
    assert "left out model 00017" in capsys.readouterr().err
    # CLASS would fail again: models are not tried again until their .failed files are deleted
    monkeypatch.setattr(plan_module, "integrate_model", stand_in)
    assert generate(recipe, tmp_path) == models
    assert stand_in.computed == []
    failure_path(model_path(tmp_path / "models", 4)).unlink()
    assert len(generate(recipe, tmp_path)) == 19
    assert stand_in.computed == [plan_of(recipe, tmp_path).points[4]]


def test_more_than_a_tenth_failing_is_an_error(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = classy.CosmoComputationError("it would not converge")
    monkeypatch.setattr(plan_module, "integrate_model", fails({4, 5, 17}, error))
    with pytest.raises(DatasetError, match="3 of 20") as raised:
        generate(recipe, tmp_path)
    message = str(raised.value)
    assert "it would not converge" in message
    assert str(plan_of(recipe, tmp_path).points[4]["H0"]) in message


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="there is no /dev/full here")
def test_full_disk_stops_and_generation_goes_on_afterwards(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / f"00007.h5.{os.getpid()}.tmp").symlink_to(FULL_DEVICE)
    with pytest.raises(OSError) as raised:
        generate(recipe, tmp_path)
    assert str(folder / "00007.h5") in str(raised.value)
    assert not (folder / "00007.h5").exists()
    assert len(generate(recipe, tmp_path)) == 20
    generate(recipe, tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole" / "models")


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="there is no /dev/full here")
def test_full_disk_at_the_very_start(stand_in: StandIn, recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / f"recipe.json.{os.getpid()}.tmp").symlink_to(FULL_DEVICE)
    with pytest.raises(OSError):
        generate(recipe, tmp_path)
    assert contents(folder) == {}


def test_stock_classy_is_noticed_before_anything_is_written(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classy, "Class", object)
    with pytest.raises(CosmicnetError, match=r"docs/patch.md"):
        generate(recipe, tmp_path)
    assert not (tmp_path / "models").exists()


def test_models_that_are_missing_are_counted_before_training(recipe: Recipe, tmp_path: Path) -> None:
    plan = plan_of(recipe, tmp_path)
    module.record_identity(plan.models, plan.identity)
    models = [model_path(plan.models, index) for index in range(21)]
    for path in models[:7]:
        path.touch()
    with pytest.raises(DatasetError, match=r"13 of 20.*`cosmicnet generate`"):
        module.complete_models(plan)
    for path in models[7:18]:
        path.touch()
    for path in models[18:20]:
        failure_path(path).write_text("too extreme")
    # more than the recipe asks for, of a set that was grown
    models[20].touch()
    assert module.complete_models(plan) == [*models[:18], models[20]]
    # training refuses the failures that generation refuses
    models[17].unlink()
    failure_path(models[17]).touch()
    with pytest.raises(DatasetError, match=r"3 of 20.*00017"):
        module.complete_models(plan)


def test_worker_with_another_class_is_refused(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (RunningClass(version, "0" * 64) for version in ("v3.4.1", "v3.0"))
    answers = chain([here] * 20, repeat(there))
    plan = plan_of(recipe, tmp_path)
    module.record_identity(plan.models, plan.identity)
    monkeypatch.setattr(module, "running_class", lambda: next(answers))
    with pytest.raises(CosmicnetError, match=r"v3\.0 .*v3\.4\.1"):
        module.integrate(plan)
    assert not list(plan.models.glob("*.h5"))
