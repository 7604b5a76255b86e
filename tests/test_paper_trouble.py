"""A work folder of the paper's networks in which something is damaged: each time an error that says what to do."""
from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from paper_models import small_recipe, write_models

from cosmicnet.errors import CosmicnetError
from cosmicnet.training.paper import search as module
from cosmicnet.training.paper.make import task_of
from cosmicnet.training.paper.search import found_before, result_file, search
from cosmicnet.training.paper.train import TrainingError, train
from cosmicnet.training.recipe.schema import RecipeError


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_models(tmp_path / "models")
    return tmp_path


@pytest.mark.parametrize("damage", ["a bit", "gone"])
def test_damaged_weights_of_an_epoch_are_named(work: Path, damage: str) -> None:
    recipe = small_recipe()
    task = task_of(recipe, work / "models", recipe.networks.t1.hyperparameters.architecture("t1"), 2)
    train(task, work / "training", quiet=True)
    for path in (work / "training").glob("*/*.keras"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        if damage == "gone":
            path.unlink()
    with pytest.raises(TrainingError, match=r"delete .* to train anew"):
        train(task, work / "training", quiet=True)


def test_database_that_fails_in_the_middle_is_named(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise optuna.exceptions.StorageInternalError("during the commit") from OSError("disk is full")

    monkeypatch.setattr(module, "_draw", full)
    with pytest.raises(CosmicnetError, match=r"search\.db: the database fails \(disk is full\); .* start again"):
        search(small_recipe(), work, "t1")


def test_file_that_is_no_database_is_named(work: Path) -> None:
    (work / "search").mkdir()
    (work / "search" / "search.db").write_text("this is no database, however long it may be" * 100)
    with pytest.raises(RecipeError, match=r"search\.db: cannot be opened as a database"):
        search(small_recipe(), work, "t1")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"study": 3}'])
def test_damaged_result_of_a_search_is_named(work: Path, text: str) -> None:
    (work / "search").mkdir()
    result_file(work, "t1").write_text(text)
    with pytest.raises(CosmicnetError, match=r"t1\.json is damaged; run the search again"):
        found_before(small_recipe(), work, "t1")


def test_search_of_another_number_of_draws_is_not_shown_as_this_one(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_judge", lambda recipe, work, source, best: [
        module.Judged(number, recipe.networks.t1.hyperparameters.architecture(source), loss, 0.1)
        for number, loss in best])
    search(small_recipe(draws=2), work, "t1")
    assert found_before(small_recipe(draws=2), work, "t1")
    assert found_before(small_recipe(draws=3), work, "t1") is None


def test_search_on_a_part_of_its_models_is_refused(work: Path) -> None:
    """Its losses would stay beside those of the whole set."""
    (work / "models" / "training" / "00004.h5").unlink()
    with pytest.raises(CosmicnetError, match="1 of 5 models are still to be integrated"):
        search(small_recipe(), work, "t1")
