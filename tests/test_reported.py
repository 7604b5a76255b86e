"""A setting that requests do not tell is refused where CLASS is a modified one."""
from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from builds import ROOT
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


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize(("setting", "message"), [
    ("l_max_scalars = 4000", r"line \d+: class_settings\.l_max_scalars: 4000 makes room for 6\d\d wavenumbers in "
     r"CLASS's tables, but models are integrated on 6\d\d, .* \(left out, it is 6500\)"),
    ("perturbations_sampling_stepsize = 0.09", r"line \d+: class_settings\.perturbations_sampling_stepsize: 0\.09 "
     r"makes room for 5\d\d times .* integrated on 478, .* lower it"),
    ("N_ncdm = 1", ""),
])
def test_room_for_the_grids_is_checked_before_anything_is_integrated(
    tmp_path: Path, setting: str, message: str
) -> None:
    path = tmp_path / "mine.toml"
    text = (ROOT / "training" / "recipes" / "lcdm.toml").read_text(encoding="utf-8")
    path.write_text(text.replace("N_ncdm = 1", setting if setting == "N_ncdm = 1" else f"N_ncdm = 1\n{setting}"))
    mine = load_recipe(path)
    middle = {name: 0.5 * (low + high) for name, (low, high) in mine.sampling.ranges.items()}
    with pytest.raises(RecipeError, match=message) if message else nullcontext():
        reported.require_told(mine, [middle], path)
