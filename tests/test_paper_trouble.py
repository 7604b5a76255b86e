"""A damaged work folder of the paper's networks: each time an error that names the remedy."""
from __future__ import annotations

from pathlib import Path

import pytest
from paper_models import plan_of, small_recipe, write_models

from cosmicnet.errors import CosmicnetError
from cosmicnet.training.paper.search import found_before, result_file, search
from cosmicnet.training.paper.train import train_network


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_models(tmp_path / "models")
    return tmp_path


def test_damaged_weights_of_an_epoch_are_named(work: Path) -> None:
    recipe = small_recipe()
    task = plan_of(recipe, work).task(recipe.networks.t1.hyperparameters.architecture("t1"), 2)
    train_network(task, work / "training", quiet=True)
    for path in (work / "training").glob("*/*.keras"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    with pytest.raises(CosmicnetError, match=str(work / "training")):
        train_network(task, work / "training", quiet=True)
    for path in (work / "training").glob("*/*.keras"):
        path.unlink()
    with pytest.raises(CosmicnetError, match=str(work / "training")):
        train_network(task, work / "training", quiet=True)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"study": 3}'])
def test_damaged_result_of_a_search_is_named(work: Path, text: str) -> None:
    (work / "search").mkdir()
    result_file(work, "t1").write_text(text)
    with pytest.raises(CosmicnetError, match=r"t1\.json"):
        found_before(plan_of(small_recipe(), work), "t1")


def test_search_on_a_part_of_its_models_is_refused(work: Path) -> None:
    """Its losses would stay beside those of the whole set."""
    (work / "models" / "training" / "00004.h5").unlink()
    with pytest.raises(CosmicnetError, match="1 of 5 models"):
        search(plan_of(small_recipe(), work), "t1")
