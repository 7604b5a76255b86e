"""Generation: resumable bit by bit, honest about failures. Most tests put a stand-in for CLASS in its place."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recipes import COARSE, tiny_recipe
from test_dataset import FULL_DEVICE, make_model

from cosmicnet.errors import CosmicnetError
from cosmicnet.training.models import generate as module
from cosmicnet.training.models.dataset import TrainingModel, failure_path, model_path, read_model
from cosmicnet.training.models.generate import Generated, GenerationError, Workplace
from cosmicnet.training.models.sampling import points
from cosmicnet.training.recipe.schema import Recipe

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Parameters = Mapping[str, float]

HERE = Path()


def generate(recipe: Recipe, folder: Path, processes: int) -> Generated:
    return module.generate(recipe, recipe.sampling.models, Workplace(folder, HERE, processes))


class Serial:
    """A pool that works in this process, where a stand-in reaches."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


@contextmanager
def serial_pool(processes: int, scheduler: str | None = None) -> Iterator[Serial]:
    yield Serial()


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
    monkeypatch.setattr(module, "integrate", made)
    monkeypatch.setattr(module, "single_threaded_pool", serial_pool)
    return made


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return tiny_recipe(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_latin_hypercube_has_one_model_in_every_layer(recipe: Recipe, tmp_path: Path) -> None:
    drawn = points(recipe, 20, HERE)
    number = recipe.sampling.models
    for name, (low, high) in recipe.sampling.ranges.items():
        assert sorted(int(number * (p[name] - low) / (high - low)) for p in drawn) == list(range(number)), name
    assert points(recipe, 20, HERE) == drawn
    assert points(tiny_recipe(tmp_path, seed=2), 20, HERE) != drawn


def test_every_point_becomes_the_model_of_its_number(stand_in: StandIn, recipe: Recipe, tmp_path: Path) -> None:
    generated = generate(recipe, tmp_path / "models", 1)
    assert generated.failed == {}
    assert generated.models == tuple(model_path(tmp_path / "models", i) for i in range(20))
    assert [read_model(path).parameters for path in generated.models] == points(recipe, 20, HERE)


def test_finished_generation_computes_nothing(stand_in: StandIn, recipe: Recipe, tmp_path: Path) -> None:
    first = generate(recipe, tmp_path / "models", 1)
    before = contents(tmp_path / "models")
    assert generate(recipe, tmp_path / "models", 1) == first
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
    generate(recipe, tmp_path / "whole", 1)
    stand_in.computed.clear()
    for last in (0, 3, 11):
        stand_in.fail = stop_at(last, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            generate(recipe, tmp_path / "models", 1)
    stand_in.fail = lambda number: None
    generate(recipe, tmp_path / "models", 1)
    assert len(stand_in.computed) == 20
    assert contents(tmp_path / "models") == contents(tmp_path / "whole")


def test_folder_of_another_recipe_is_refused(
        stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models"
    generate(recipe, folder, 1)
    before = contents(folder)
    others = {
        "sampling.seed": tiny_recipe(tmp_path, seed=2),
        "sampling.models": tiny_recipe(tmp_path, models=21),
        "class_settings.N_ncdm": recipe.model_copy(update={"class_settings": {**recipe.class_settings, "N_ncdm": 2}}),
        "class_settings.gauge": recipe.model_copy(update={"class_settings": {**recipe.class_settings, "gauge": "x"}}),
    }
    for entry, other in others.items():
        with pytest.raises(GenerationError, match=rf"another recipe \({entry} differ\)") as raised:
            generate(other, folder, 1)
        assert str(folder) in str(raised.value)
    assert contents(folder) == before
    assert len(stand_in.computed) == 20
    # what is trained from the models may change
    generate(recipe.model_copy(update={"description": "other"}), folder, 1)
    monkeypatch.setattr(module, "AlignedGrids", lambda: COARSE)
    with pytest.raises(GenerationError, match=r"another recipe \(grids\."):
        generate(recipe, folder, 1)


def test_recipe_that_was_mended_before_its_first_model_keeps_its_folder(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path
) -> None:
    wrong = recipe.model_copy(update={"class_settings": {**recipe.class_settings, "N_ndcm": 1}})
    module.claim(wrong, Workplace(tmp_path / "models", HERE, 1))
    assert len(generate(recipe, tmp_path / "models", 1).models) == 20
    with pytest.raises(GenerationError, match=r"another recipe \(class_settings\.N_ndcm differ\)"):
        generate(wrong, tmp_path / "models", 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sampling": 3, "class_settings": {}}'])
def test_damaged_recipe_beside_the_models_is_refused(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, text: str
) -> None:
    generate(recipe, tmp_path / "models", 1)
    (tmp_path / "models" / module.RECIPE_FILE).write_text(text)
    with pytest.raises(GenerationError, match=r"recipe\.json is damaged"):
        generate(recipe, tmp_path / "models", 1)


def fails(numbers: set[int], error: Exception) -> Callable[[Mapping[str, Any], Parameters], TrainingModel]:
    calls = iter(range(1000))

    def compute(settings: Mapping[str, Any], parameters: Parameters) -> TrainingModel:
        if next(calls) in numbers:
            raise error
        return make_model()
    return compute


def test_failed_models_are_left_out_and_told(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = classy.CosmoComputationError("it would not converge")
    monkeypatch.setattr(module, "integrate", fails({4, 17}, error))
    generated = generate(recipe, tmp_path / "models", 1)
    assert set(generated.failed) == {4, 17}
    assert "it would not converge" in generated.failed[4]
    assert [int(path.stem) for path in generated.models] == [i for i in range(20) if i not in (4, 17)]
    assert all(path.exists() for path in generated.models)
    assert {path.stem for path in (tmp_path / "models").glob("*.h5")} == {path.stem for path in generated.models}
    assert "left out model 17" in capsys.readouterr().err
    # CLASS would say the same: they are not tried again until the file that tells is deleted
    monkeypatch.setattr(module, "integrate", stand_in)
    assert set(generate(recipe, tmp_path / "models", 1).failed) == {4, 17}
    assert stand_in.computed == []
    failure_path(tmp_path / "models", 4).unlink()
    assert set(generate(recipe, tmp_path / "models", 1).failed) == {17}
    assert stand_in.computed == [points(recipe, 20, HERE)[4]]


def test_more_than_a_tenth_failing_is_an_error(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = classy.CosmoComputationError("it would not converge")
    monkeypatch.setattr(module, "integrate", fails({4, 5, 17}, error))
    with pytest.raises(GenerationError, match="3 of 20 models failed") as raised:
        generate(recipe, tmp_path / "models", 1)
    message = str(raised.value)
    assert "it would not converge" in message
    assert str(points(recipe, 20, HERE)[4]["H0"]) in message


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="there is no /dev/full here")
def test_full_disk_stops_and_generation_goes_on_afterwards(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / f"00007.h5.{os.getpid()}.tmp").symlink_to(FULL_DEVICE)
    with pytest.raises(OSError, match="No space left on device") as raised:
        generate(recipe, folder, 1)
    assert str(folder / "00007.h5") in str(raised.value)
    assert not (folder / "00007.h5").exists()
    assert len(generate(recipe, folder, 1).models) == 20
    generate(recipe, tmp_path / "whole", 1)
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="there is no /dev/full here")
def test_full_disk_at_the_very_start(stand_in: StandIn, recipe: Recipe, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / f"recipe.json.{os.getpid()}.tmp").symlink_to(FULL_DEVICE)
    with pytest.raises(OSError, match="No space left on device"):
        generate(recipe, folder, 1)
    assert contents(folder) == {}


def test_stock_classy_is_noticed_before_anything_is_written(
    stand_in: StandIn, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classy, "Class", object)
    with pytest.raises(CosmicnetError, match="is not the patched one"):
        generate(recipe, tmp_path / "models", 1)
    assert not (tmp_path / "models").exists()


@pytest.mark.usefixtures("patched")
def test_settings_without_room_for_the_grids_are_told_with_their_entry(recipe: Recipe, tmp_path: Path) -> None:
    point = {name: 0.5 * (low + high) for name, (low, high) in recipe.sampling.ranges.items()}
    few = {**recipe.class_settings, "l_max_scalars": 60, "k_step_sub": 0.5, "k_step_super": 0.1}
    said = module._integrate_and_write(few, point, tmp_path, 0, module.running_class())
    assert str(said).startswith("class_settings: CLASS makes room for fewer wavenumbers k, or times tau, than models "
                                "are integrated on: raise l_max_scalars")
    assert not [*tmp_path.glob("*.h5"), *tmp_path.glob("*.failed")]


def test_models_that_are_missing_are_counted_before_training(recipe: Recipe, tmp_path: Path) -> None:
    place = Workplace(tmp_path / "models", tmp_path, 1)
    module.claim(recipe, place)
    for index in range(7):
        model_path(place.folder, index).touch()
    with pytest.raises(GenerationError, match="models: 13 of 20 models are missing; `cosmicnet generate` goes on with"):
        module.existing(recipe, place)
    for index in range(7, 18):
        model_path(place.folder, index).touch()
    for index in (18, 19):
        failure_path(place.folder, index).write_text("too extreme")
    # more than the recipe asks for, of a set that was grown
    model_path(place.folder, 20).touch()
    found = module.existing(recipe, place)
    assert len(found.models) == 19 and found.failed == {18: "too extreme", 19: "too extreme"}
    # what generation refuses is not trained on either
    model_path(place.folder, 17).unlink()
    failure_path(place.folder, 17).touch()
    with pytest.raises(GenerationError, match="3 of 20 models failed; the first, 17, with:"):
        module.existing(recipe, place)
