"""The search over hyperparameters of the paper's networks: resumable, shared, the same however it was made."""
from __future__ import annotations

import copy
import json
import math
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paper_models import Killed, kill_at, network, plan_of, small_recipe, write_models
from serial_pool import serial_pool

from cosmicnet.training.models.integrate import RECIPE_FILE
from cosmicnet.training.paper import search as search_module
from cosmicnet.training.paper.recipe import OWN, PaperRecipe, draw_architecture
from cosmicnet.training.paper.search import draw_label, search
from cosmicnet.training.paper.train import Epoch, Trained, TrainingTask
from cosmicnet.training.recipe.schema import RecipeError


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_models(tmp_path / "models")
    return tmp_path


def stand_in_spectra(settings: Any, parameters: Any, m: Any, k: Any, replaced: Any) -> dict[str, Any]:
    """C_l as sums over times, of a few wavenumbers."""
    power = {name: (table[:, ::5].astype(float) ** 2).mean(axis=0)
             for name, table in {**m.sources, **replaced}.items()}
    return {"tt": power["t0"] + power["t1"], "ee": power["t2"]}


def untrained(wanted: TrainingTask, folder: Path, quiet: bool = False) -> Trained:
    weights = network(wanted.architecture.source, sum(wanted.architecture.central), wanted.architecture)
    return Trained(weights, (Epoch(1.0, 1.0 / sum(wanted.architecture.times), 1.0),), 1)


@pytest.fixture
def without_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums in place of CLASS; random weights in place of training."""
    monkeypatch.setattr(search_module, "train_network", untrained)
    monkeypatch.setattr(search_module, "spectra_of_sources", stand_in_spectra)


def test_resumed_search_equals_the_uninterrupted_one(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe()
    whole = search(plan_of(recipe, work), "t1")
    (work / "search").rename(work / "first")
    for call in (0, 1):
        with monkeypatch.context() as patch:
            kill_at(patch, search_module, "_train", call)
            with pytest.raises(Killed):
                search(plan_of(recipe, work), "t1")
    assert search(plan_of(recipe, work), "t1") == whole
    assert (work / "first" / "t1.json").read_bytes() == (work / "search" / "t1.json").read_bytes()
    best = sorted(whole, key=lambda j: j.validation_loss)
    # the best two, and the recipe's own if it is none of them
    assert len(best) in (recipe.search.keep, recipe.search.keep + 1)
    assert OWN in [j.draw for j in best[:2]] or [j.draw for j in best[2:]] == [OWN]
    assert [j.cl_error for j in whole] == sorted(j.cl_error for j in whole)


def test_several_processes_make_the_same_search(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Draws are tasks of a pool, whose C_l are judged here; their plan must be one that workers can be sent."""
    monkeypatch.setattr(search_module, "single_threaded_pool", serial_pool)
    recipe = small_recipe(draws=2)
    plan = plan_of(recipe, work, processes=2)
    assert pickle.loads(pickle.dumps(plan)) == plan
    shared = search(plan, "t1")
    shutil.rmtree(work / "search")
    assert search(plan_of(recipe, work), "t1") == shared


def test_draws_depend_on_their_number_alone_and_stay_in_range() -> None:
    recipe = small_recipe()
    draws = [draw_architecture(recipe, "t0", number) for number in range(200)]
    assert draw_architecture(recipe, "t0", 7) == draws[7] and len(set(draws)) > 190
    widths = np.array([[*a.times, a.parameters, a.scales, *a.central] for a in draws])
    assert (widths.min(), widths.max()) == recipe.search.width
    # log-uniform: as many below as above the geometric mean
    assert np.mean(widths <= np.sqrt(3 * 9)) == pytest.approx(0.5, abs=0.1)


def test_search_that_leaves_no_wavenumbers_is_refused(work: Path) -> None:
    given = small_recipe().model_dump()
    given["search"] |= {"first_stride": (2, 30)}
    with pytest.raises(RecipeError, match="40 wavenumbers"):
        search(plan_of(PaperRecipe(**given), work), "t0")


def test_search_of_other_layers_or_models_is_another_one(work: Path) -> None:
    def name(recipe: PaperRecipe) -> str:
        return search_module._key(plan_of(recipe, work), "t1")

    recipe, names = small_recipe(), []
    given = recipe.model_dump()
    for change in (("networks", "t1", "hyperparameters", "central", [5]), ("training", "learning_rate", 1e-2)):
        changed = copy.deepcopy(given)
        table = changed
        for key in change[:-2]:
            table = table[key]
        table[change[-2]] = change[-1]
        names.append(name(PaperRecipe(**changed)))
    falling = recipe.model_copy(update={"training": recipe.training.model_copy(update={"learning_rate_end": 1e-5})})
    # draws are trained at a constant rate
    assert name(falling) == name(recipe)
    names.append(name(recipe))
    (work / "models" / RECIPE_FILE).write_text('{"class": "another"}')
    assert len({*names, name(recipe)}) == 4


def test_ranking_is_stored_with_hyperparameters(work: Path, without_class: None) -> None:
    judged = search(plan_of(small_recipe(draws=2), work), "t2")
    stored = json.loads((work / "search" / "t2.json").read_text())
    assert [entry["draw"] for entry in stored["best"]] == [j.draw for j in judged]
    assert stored["best"][0]["architecture"]["times"] == list(judged[0].architecture.times)
    assert replace(judged[0], cl_error=0.0).validation_loss > 0.0


def test_report_takes_the_search_of_its_recipe_only(work: Path, without_class: None) -> None:
    recipe = small_recipe(draws=2)
    assert search_module.found_before(plan_of(recipe, work), "t2") is None
    judged = search(plan_of(recipe, work), "t2")
    found = search_module.found_before(plan_of(recipe, work), "t2")
    assert found is not None and [entry["draw"] for entry in found] == [j.draw for j in judged]
    assert search_module.found_before(plan_of(small_recipe(draws=3), work), "t2") is None
    longer = recipe.model_copy(update={"search": recipe.search.model_copy(update={"epochs": {**recipe.search.epochs,
                                                                                             "t2": 7}})})
    assert search_module.found_before(plan_of(longer, work), "t2") is None


def test_longer_search_takes_the_draws_of_a_shorter_one(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = search(plan_of(small_recipe(draws=2), work), "t1")
    trained: list[int] = []
    draw = search_module._draw
    monkeypatch.setattr(search_module, "_draw", lambda *given: trained.append(given[-1]) or draw(*given))
    search(plan_of(small_recipe(draws=4), work), "t1")
    assert trained == [2, 3]
    assert search(plan_of(small_recipe(draws=2), work), "t1") == few


def test_damaged_draw_is_trained_again(work: Path, without_class: None) -> None:
    first = search(plan_of(small_recipe(draws=2), work), "t1")
    path, = (work / "search").glob("*/draw_0001.json")
    path.write_text("{")
    assert search(plan_of(small_recipe(draws=2), work), "t1") == first


def diverging(monkeypatch: pytest.MonkeyPatch, losses: dict[Any, float]) -> None:
    """Validation losses in place of those of a training, by architecture."""
    def train(wanted: TrainingTask, folder: Path, quiet: bool = False) -> Trained:
        trained = untrained(wanted, folder)
        loss = losses.get(wanted.architecture, trained.validation_loss)
        return replace(trained, history=(Epoch(loss, loss, 1.0),))

    monkeypatch.setattr(search_module, "train_network", train)


def test_draws_that_diverge_are_done_and_ranked_last(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe()
    drawn = [draw_architecture(recipe, "t1", number) for number in range(4)]
    diverging(monkeypatch, {drawn[0]: math.nan, drawn[1]: math.inf, drawn[2]: math.nan})
    # one of the two that are kept has diverged
    assert [j.draw for j in search(plan_of(recipe, work), "t1")] == [3]
    # JSON has no NaN and Infinity
    stored = json.loads((work / "search" / "t1.json").read_text(), parse_constant=pytest.fail)
    assert [entry["draw"] for entry in stored["best"]] == [3]


def test_draw_without_finite_spectra_is_not_kept(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe()
    first = search(plan_of(recipe, work), "t1")
    errors = iter([math.nan, *[1.0] * (len(first) - 1)] * recipe.sets.hyperparameters.models)
    monkeypatch.setattr(search_module, "cl_error", lambda *_: next(errors))
    # in the order of their validation losses
    lowest, *others = sorted(first, key=lambda j: (j.validation_loss, j.draw))
    others.sort(key=lambda j: j.draw)
    assert search(plan_of(recipe, work), "t1") == [replace(other, cl_error=1.0) for other in others]
    assert lowest not in others


def test_search_of_which_all_draws_diverge_is_refused(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe()
    diverging(monkeypatch, {draw_architecture(recipe, "t1", number): math.nan for number in range(4)})
    with pytest.raises(RecipeError, match=r"learning_rate = 0\.001: .*S_T1"):
        search(plan_of(recipe, work), "t1")


def test_own_hyperparameters_are_the_first_draw_and_judged_in_any_case(
    work: Path, without_class: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_recipe()
    own = recipe.networks.t1.hyperparameters.architecture("t1")
    assert draw_architecture(recipe, "t1", OWN) == own
    diverging(monkeypatch, {own: 1e3})
    judged = search(plan_of(recipe, work), "t1")
    assert len(judged) == recipe.search.keep + 1 and own in [j.architecture for j in judged]
    assert {draw_label(j.draw) for j in judged} > {"1 (the recipe's own)"}


def test_own_hyperparameters_that_leave_no_wavenumbers_are_refused(work: Path) -> None:
    given = small_recipe().model_dump()
    given["networks"]["t0"]["hyperparameters"]["damping"] = [(2, 5, 30, 2), (2, 3, 2, 2)]
    with pytest.raises(RecipeError, match=r"networks.t0.hyperparameters: .*40 wavenumbers"):
        search(plan_of(PaperRecipe(**given), work), "t0")
