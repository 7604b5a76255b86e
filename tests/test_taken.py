"""Models of another recipe are taken over by what they hold; the recipe integrates only where there are none."""
from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_contents import contents
from recipes import plan_of, tiny_recipe
from serial_pool import serial_pool
from test_dataset import make_model

from cosmicnet.training.checks.visible import RequestSummary
from cosmicnet.training.models import integrate as module
from cosmicnet.training.models.dataset import TrainingModel, read_model
from cosmicnet.training.models.integrate import RECIPE_FILE, complete_models, integrate
from cosmicnet.training.models.sampling import SampledRegion, replaced, sample, unit_cube
from cosmicnet.training.one_level import plan as plan_module
from cosmicnet.training.one_level import taken as taken_module
from cosmicnet.training.one_level.plan import OneLevelPlan
from cosmicnet.training.one_level.taken import TAKEN_FILE
from cosmicnet.training.recipe.schema import Recipe
from cosmicnet.training.work.files import DatasetError

pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

MODELS = 20
# what CLASS reports of every model besides its parameters
SETUP = {"gauge": 1.0, "T_cmb": 2.7255}
PRECISION = {"tol_perturbations_integration": 1e-5}


@pytest.fixture(autouse=True)
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, float]]:
    """The points that were integrated, by a stand-in for CLASS that reports helium as well."""
    points = []

    def integrate_model(settings: Mapping[str, Any], parameters: Mapping[str, float]) -> TrainingModel:
        points.append(dict(parameters))
        return TrainingModel(**{**vars(make_model(len(points))), "parameters": dict(parameters), "setup": SETUP,
                                "cosmology": {"YHe": 0.245, "N_ur": 2.0308, **parameters}, "precision": PRECISION})

    monkeypatch.setattr(plan_module, "integrate_model", integrate_model)
    monkeypatch.setattr(module, "single_threaded_pool", serial_pool)
    monkeypatch.setattr(taken_module, "summaries",
                        lambda _settings, _points: iter([RequestSummary({}, {}, SETUP, PRECISION, {})]))
    return points


@pytest.fixture
def source(tmp_path: Path, computed: list[Any]) -> Path:
    """The work folder of the tiny recipe with all its models."""
    integrate(plan_of(tiny_recipe(tmp_path), tmp_path / "source"))
    computed.clear()
    return tmp_path / "source"


def changed(folder: Path, ranges: Mapping[str, tuple[float, float]], settings: Mapping[str, Any] = {},
            **sampling: Any) -> Recipe:
    """The tiny recipe with other ranges, and other settings."""
    recipe = tiny_recipe(folder, **sampling)
    mine = {**recipe.sampling.ranges, **ranges}
    return recipe.model_copy(update={
        "domain": {**recipe.domain, **ranges}, "sampling": recipe.sampling.model_copy(update={"ranges": mine}),
        "class_settings": {**recipe.class_settings, **settings}})


def taking(recipe: Recipe, tmp_path: Path, source: Path) -> OneLevelPlan:
    plan = plan_of(recipe, tmp_path / "new")
    plan.take_over(source)
    return plan


def test_the_same_recipe_integrates_nothing_again(source: Path, tmp_path: Path, computed: list[Any]) -> None:
    before = contents(source)
    plan = taking(tiny_recipe(tmp_path), tmp_path, source)
    assert len(integrate(plan)) == MODELS and computed == []
    assert sorted(path.read_bytes() for path in plan.taken) == sorted(
        content for name, content in before.items() if name.endswith(".h5"))
    assert contents(source) == before


def test_a_wider_range_integrates_what_is_new(source: Path, tmp_path: Path, computed: list[Any]) -> None:
    recipe = changed(tmp_path, {"H0": (65.0, 80.0)})
    plan = taking(recipe, tmp_path, source)
    models = integrate(plan)
    assert len(plan.taken) == MODELS and len(models) == MODELS + len(computed)
    ranges = recipe.sampling.ranges.items()
    old, points, new = (np.array([[(point[name] - low) / (high - low) for name, (low, high) in ranges]
                                  for point in some])
                        for some in ([read_model(path).parameters for path in plan.taken], plan.points, computed))
    # the old range is a third of the new one
    assert sum(points[:, 2] > 1.0 / 3.0) <= sum(new[:, 2] > 1.0 / 3.0) and len(computed) < MODELS
    for point in points:
        if not (point == new).all(axis=1).any():
            to_points = np.sort(np.linalg.norm(points - point, axis=1))
            assert np.linalg.norm(old - point, axis=1).min() < to_points[1]


def test_a_new_parameter_has_the_value_that_class_reported(source: Path, tmp_path: Path, computed: list[Any]) -> None:
    plan = taking(changed(tmp_path, {"YHe": (0.24, 0.25)}), tmp_path, source)
    models = integrate(plan)
    assert len(plan.taken) == MODELS and 0 < len(computed) < MODELS
    values = {**read_model(plan.taken[0]).cosmology}
    assert values["YHe"] == 0.245 and len(models) == MODELS + len(computed)


def test_a_setting_that_becomes_a_parameter_is_no_difference(tmp_path: Path, computed: list[Any]) -> None:
    fixed = changed(tmp_path, {}, {"YHe": 0.245})
    integrate(plan_of(fixed, tmp_path / "source"))
    assert len(taking(changed(tmp_path, {"YHe": (0.24, 0.25)}), tmp_path, tmp_path / "source").taken) == MODELS


def test_more_models_never_replace_what_was_integrated(source: Path, tmp_path: Path) -> None:
    plan = taking(changed(tmp_path, {"H0": (65.0, 75.0)}, design="sobol"), tmp_path, source)
    few = dict(plan.files)
    many = plan.with_models(80).files
    assert few.items() <= many.items() and len(many) > 80 - MODELS


@pytest.mark.parametrize(("ranges", "integrated"), [
    ({"a": (0.0, 1.0)}, 0), ({"a": (0.0, 1.2)}, 130), ({"a": (0.0, 2.0)}, 340), ({"e": (0.0, 1.0)}, 430)])
def test_the_number_of_points_that_are_new(ranges: dict[str, tuple[float, float]], integrated: int) -> None:
    """Of 600 in four parameters or five; the old models have e near 0.5, as helium from nucleosynthesis nearly has one
    value."""
    old = SampledRegion(dict.fromkeys("abcd", (0.0, 1.0)))
    new = SampledRegion({**old.ranges, **ranges})
    models, points = (sample(region, unit_cube("sobol", len(region.ranges), 1), 600) for region in (old, new))
    models = [{"e": 0.5 + 0.02 * model["a"], **model} for model in models]
    assert 600 - len(replaced(points, models, new)) == pytest.approx(integrated, rel=0.05)


def test_models_outside_are_left_out_and_counted(source: Path, tmp_path: Path) -> None:
    plan = plan_of(changed(tmp_path, {"H0": (67.0, 72.0)}), tmp_path / "new")
    told = plan.take_over(source)
    inside = [p for p in plan_of(tiny_recipe(tmp_path), source).points if p["H0"] >= 67.0]
    assert len(plan.taken) == len(inside)
    assert f"{MODELS - len(inside)} outside sampling.ranges.H0" in told


def test_damaged_models_are_left_out_and_counted(source: Path, tmp_path: Path) -> None:
    path = source / "models" / "00003.h5"
    path.write_bytes(path.read_bytes()[:-20])
    plan = plan_of(tiny_recipe(tmp_path), tmp_path / "new")
    assert "1 damaged" in plan.take_over(source)
    assert len(plan.taken) == MODELS - 1


@pytest.mark.parametrize(("ranges", "settings", "named"), [
    ({}, {"gauge": "newtonian"}, r"class_settings\.gauge"),
    ({"H0": (80.0, 90.0)}, {}, r"20 outside sampling\.ranges\.H0"),
    ({"ksi_ncdm": (0.0, 1.0)}, {}, "ksi_ncdm")])
def test_where_nothing_fits_the_error_names_the_cause(
        source: Path, tmp_path: Path, ranges: Any, settings: Any, named: str) -> None:
    with pytest.raises(DatasetError, match=named):
        taking(changed(tmp_path, ranges, settings), tmp_path, source)
    assert not (tmp_path / "new").exists()


def test_a_parameter_that_is_fixed_now_must_have_this_value(source: Path, tmp_path: Path) -> None:
    recipe = changed(tmp_path, {}, {"N_ur": 2.03})
    del recipe.sampling.ranges["N_ur"]
    with pytest.raises(DatasetError, match=r"20 with another N_ur than class_settings\.N_ur = 2\.03"):
        taking(recipe, tmp_path, source)
    del recipe.class_settings["N_ur"]
    with pytest.raises(DatasetError, match="N_ur varies there"):
        taking(recipe, tmp_path, source)


@pytest.mark.parametrize(("entry", "named"), [
    ({"version": "3.5.0"}, "3.5.0"), ({"source_digest": "b"}, "other equations")])
def test_models_of_another_class_are_not_taken_over(
        source: Path, tmp_path: Path, entry: dict[str, str], named: str) -> None:
    path = source / "models" / RECIPE_FILE
    identity = json.loads(path.read_text())
    path.write_text(json.dumps({**identity, "class": {**identity["class"], **entry}}))
    with pytest.raises(DatasetError, match=named):
        taking(tiny_recipe(tmp_path), tmp_path, source)


def test_what_class_reports_otherwise_is_a_difference(
        source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default that changed, say, which no recipe shows."""
    other = RequestSummary({}, {}, {**SETUP, "T_cmb": 2.726}, PRECISION, {})
    monkeypatch.setattr(taken_module, "summaries", lambda _settings, _points: iter([other]))
    with pytest.raises(DatasetError, match="20 with another T_cmb"):
        taking(tiny_recipe(tmp_path), tmp_path, source)


@pytest.mark.parametrize(("file", "named"), [
    ("nothing", RECIPE_FILE), (RECIPE_FILE, "two levels"), ("3f/identity.json", "learned .* --install"),
    (f"models/{RECIPE_FILE}", "damaged")])
def test_other_folders_are_named(tmp_path: Path, file: str, named: str) -> None:
    (tmp_path / "other" / file).parent.mkdir(parents=True)
    (tmp_path / "other" / file).write_text("{}")
    with pytest.raises(DatasetError, match=named):
        taking(tiny_recipe(tmp_path), tmp_path, tmp_path / "other")


def test_the_second_time_nothing_changes(source: Path, tmp_path: Path, computed: list[Any]) -> None:
    """After an interruption the same command is given again; the other folder may be gone by then."""
    recipe = changed(tmp_path, {"H0": (65.0, 75.0)})
    models = integrate(taking(recipe, tmp_path, source))
    before, number = contents(tmp_path / "new"), len(computed)
    shutil.rmtree(source)
    plan = taking(recipe, tmp_path, source)
    assert integrate(plan) == models and len(computed) == number
    assert set(complete_models(plan)) == set(models)
    assert contents(tmp_path / "new") == before


def test_models_are_taken_over_before_the_first_own_one(source: Path, tmp_path: Path) -> None:
    recipe = changed(tmp_path, {"H0": (65.0, 75.0)})
    integrate(plan_of(recipe, tmp_path / "new"))
    with pytest.raises(DatasetError, match="of its own already"):
        taking(recipe, tmp_path, source)


def test_models_of_models_taken_over_can_be_taken_over(source: Path, tmp_path: Path) -> None:
    plan = taking(changed(tmp_path, {"H0": (65.0, 75.0)}), tmp_path, source)
    models = integrate(plan)
    wider = plan_of(changed(tmp_path, {"H0": (65.0, 80.0)}), tmp_path / "third")
    wider.take_over(tmp_path / "new")
    assert len(wider.taken) == len(models)


def test_a_damaged_list_is_an_error(source: Path, tmp_path: Path) -> None:
    plan = taking(tiny_recipe(tmp_path), tmp_path, source)
    path = plan.models / TAKEN_FILE
    path.write_text(path.read_text().replace("65.", "66."))
    with pytest.raises(DatasetError, match=TAKEN_FILE):
        integrate(plan)
