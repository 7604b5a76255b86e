"""A setting that requests do not tell is refused where CLASS is a modified one."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from recipes import write_tiny
from test_dataset import make_model

from cosmicnet.running_class import RunningClass
from cosmicnet.store import DEFAULT_SET, load_network_set
from cosmicnet.training import reported
from cosmicnet.training.config import Recipe, RecipeError, load_recipe
from cosmicnet.training.dataset import write_model

STOCK = load_network_set(DEFAULT_SET).manifest.source_digest


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    write_tiny(tmp_path)
    tiny = load_recipe(tmp_path / "tiny.toml")
    return tiny.model_copy(update={"class_settings": {**tiny.class_settings, "my_drag": 1.02}})


def write(folder: Path, **setup: float) -> Path:
    write_model(folder / "00000.h5", replace(make_model(), setup={"N_ncdm": 1.0, **setup}))
    return folder / "00000.h5"


def test_setting_that_is_not_reported_is_named(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reported, "running_class", lambda: RunningClass("v3.4.1", "another"))
    with pytest.raises(RecipeError, match=r"class_settings\.my_drag: this CLASS does not report it"):
        reported.require_reported(recipe, write(tmp_path))
    reported.require_reported(recipe, write(tmp_path, my_drag=1.02))


def test_stock_class_reports_all_that_matters(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reported, "running_class", lambda: RunningClass("v3.4.1", STOCK))
    reported.require_reported(recipe, write(tmp_path))
