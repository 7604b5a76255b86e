"""Growing until the target is met or the budget is spent, and the cost; stand-ins for CLASS and training."""
from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes import plan_of, tiny_recipe, write_tiny
from synthetic import make_network_set

from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.store import load_network_set, save_network_set
from cosmicnet.training.checks import cost as cost_module
from cosmicnet.training.checks.cost import Cost, confirm_cost, estimate_cost, estimate_integration
from cosmicnet.training.commands import cli, plans
from cosmicnet.training.commands import make as module
from cosmicnet.training.commands.make import TargetMissed, make
from cosmicnet.training.evaluate import evaluate, unseen
from cosmicnet.training.evaluate.evaluate import SpectraPair
from cosmicnet.training.models.integrate import Timed, missing_models
from cosmicnet.training.one_level.plan import OneLevelPlan
from cosmicnet.training.recipe.schema import Target
from cosmicnet.training.work.class_spectra import Spectra


def work(folder: Path) -> OneLevelPlan:
    return plan_of(tiny_recipe(folder), folder, work=folder / "work")


def with_target(folder: Path, **target: Any) -> OneLevelPlan:
    recipe = tiny_recipe(folder, design="sobol").model_copy(update={"target": Target(wishart_chi2=1.0, **target)})
    return plan_of(recipe, folder, work=folder / "work")


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the training sets, by which networks get better as 30/models."""
    sizes: list[int] = []

    def integrate(plan: OneLevelPlan) -> list[Path]:
        sizes.append(plan.number)
        return [Path()] * plan.number

    def fit(plan: OneLevelPlan, models: list[Path], output: Path) -> Manifest:
        made = make_network_set()
        named = replace(made.manifest, description=f"of {len(models)} models")
        return save_network_set(output, replace(made, manifest=named))

    monkeypatch.setattr(module, "integrate", integrate)
    monkeypatch.setattr(OneLevelPlan, "fit", fit)
    monkeypatch.setattr(module, "unseen_chi2", lambda *arguments: 30.0 / sizes[-1])
    return sizes


def installed(folder: Path) -> str:
    return load_network_set(folder / "nets").manifest.description


def test_it_grows_until_the_target_is_met(numbers: list[int], tmp_path: Path) -> None:
    made = make(with_target(tmp_path, models_max=100), tmp_path / "nets")
    assert numbers == [20, 30]
    assert (made.models, made.chi2) == (30, 1.0)
    assert installed(tmp_path) == "of 30 models"


def test_without_a_target_there_is_one_round(numbers: list[int], tmp_path: Path) -> None:
    assert make(work(tmp_path), tmp_path / "nets").chi2 is None
    assert numbers == [20]
    assert installed(tmp_path) == "of 20 models"


@pytest.mark.parametrize(("target", "sizes", "message"), [
    ({"models_max": 25}, [20, 25], "below 1.2, not 1, with 25 models; the budget of target.models_max = 25 is spent"),
    ({"models_max": 99, "hours": 1e-9}, [20], "the budget of target.hours = 1e-09 is spent"),
])
def test_spent_budget_is_reported(
    numbers: list[int], tmp_path: Path, target: dict[str, Any], sizes: list[int], message: str
) -> None:
    with pytest.raises(TargetMissed) as raised:
        make(with_target(tmp_path, **target), tmp_path / "nets")
    assert message in str(raised.value)
    assert numbers == sizes


@pytest.mark.parametrize(("chi2", "sizes", "best", "message"), [
    ([7.0, 7.0], [20, 30], 20, "7 with 20 .*7 with 30"),
    ([3.0, 9.0], [20, 30], 20, "3 with 20 .*9 with 30"),
    ([9.0, 3.0, 2.9], [20, 30, 45], 45, r"3 with 30 .*2\.9 with 45"),
    ([math.inf, math.inf], [20, 30], 20, "inf with 20 .*inf with 30"),
    ([math.inf, 4.0, math.inf], [20, 30, 45], 30, "4 with 30 .*inf"),
])
def test_best_round_is_installed_where_more_models_do_not_help(
    numbers: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    chi2: list[float], sizes: list[int], best: int, message: str,
) -> None:
    monkeypatch.setattr(module, "unseen_chi2", lambda *arguments: chi2[len(numbers) - 1])
    with pytest.raises(TargetMissed, match=message):
        make(with_target(tmp_path, models_max=1000), tmp_path / "nets")
    assert numbers == sizes
    assert installed(tmp_path) == f"of {best} models"
    assert f"networks of {best} models, the best of {len(sizes)} rounds" in " ".join(capsys.readouterr().err.split())


def test_run_that_goes_on_leaves_what_is_installed_until_its_end(
    numbers: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(with_target(tmp_path, models_max=100), tmp_path / "nets")
    seen: list[str] = []

    def unseen_chi2(*arguments: object) -> float:
        seen.append(installed(tmp_path))
        return 30.0 / numbers[-1]

    monkeypatch.setattr(module, "unseen_chi2", unseen_chi2)
    make(with_target(tmp_path, models_max=100), tmp_path / "nets")
    assert seen == ["of 30 models"] * 2
    assert installed(tmp_path) == "of 30 models"


def test_spectra_of_no_universe_count_as_infinite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TE^2 > TT EE, in one model of twenty."""
    ell = np.arange(2.0, 30.0)
    one = np.ones_like(ell)
    full = Spectra(ell, one, 0.1 * one, one, one, one, one)
    pairs: list[SpectraPair] = []
    monkeypatch.setattr(unseen, "unseen_points", lambda *arguments: range(20))
    monkeypatch.setattr(evaluate, "_compute_pair", lambda index, *arguments: pairs[index])
    monkeypatch.setattr(evaluate, "single_threaded_pool", lambda *arguments: ThreadPoolExecutor(1))
    for wrong, expected in ((0, 0.0), (1, math.inf)):
        nets = [replace(full, te=2.0 * one)] * wrong + [full] * (20 - wrong)
        pairs[:] = [SpectraPair({}, full, net) for net in nets]
        assert unseen.unseen_chi2(make_network_set().manifest, tmp_path, 20, work(tmp_path)) == expected


def test_model_that_is_not_covered_counts_as_infinite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Derived quantities may lie elsewhere than a fit to few models has them; more models mend that."""
    classy = pytest.importorskip("classy")
    ell = np.arange(2.0, 2000.0)
    one = np.ones_like(ell)
    full = Spectra(ell, one, 0.1 * one, one, one, one, one)

    def compute_spectra(parameters: dict[str, Any]) -> Spectra:
        if parameters["H0"] == 7:
            raise classy.CosmoComputationError("do not cover this request: tau_rec")
        return full

    monkeypatch.setattr(unseen, "unseen_points", lambda *arguments: [{"H0": index} for index in range(20)])
    monkeypatch.setattr(evaluate, "cached_spectra", lambda *arguments: full)
    monkeypatch.setattr(evaluate, "compute_spectra", compute_spectra)
    monkeypatch.setattr(evaluate, "single_threaded_pool", lambda *arguments: ThreadPoolExecutor(1))
    assert unseen.unseen_chi2(make_network_set().manifest, tmp_path, 20, work(tmp_path)) == math.inf
    assert "counts as infinitely far: {'H0': 7}: Error in Class: do not cover this request: tau_rec" in \
        " ".join(capsys.readouterr().err.split())
    # an evaluation goes on and says it
    pair = evaluate._compute_pair({"H0": 7}, {}, tmp_path)
    assert isinstance(pair, SpectraPair)
    errors = evaluate._errors(pair, None).errors
    assert errors["wishart_chi2"] == errors["tt_high_l"] == errors["pk"] == math.inf


def test_models_beyond_full_class_are_left_out_unless_they_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    classy = pytest.importorskip("classy")
    one = np.ones(28)
    full = Spectra(np.arange(2.0, 30.0), one, 0.1 * one, one, one, one, one)
    beyond = {3}

    def cached_spectra(parameters: dict[str, Any], folder: Path) -> Spectra:
        if parameters["H0"] in beyond:
            raise classy.CosmoComputationError("no such universe")
        return full

    monkeypatch.setattr(unseen, "unseen_points", lambda *arguments: [{"H0": index} for index in range(20)])
    monkeypatch.setattr(evaluate, "cached_spectra", cached_spectra)
    monkeypatch.setattr(evaluate, "compute_spectra", lambda *arguments: full)
    monkeypatch.setattr(evaluate, "single_threaded_pool", lambda *arguments: ThreadPoolExecutor(1))
    manifest = make_network_set().manifest
    assert unseen.unseen_chi2(manifest, tmp_path, 20, work(tmp_path)) == 0.0
    said = " ".join(capsys.readouterr().err.split())
    assert "left out" in said and "{'H0': 3}: Error in Class: no such universe" in said
    beyond |= {4, 5}
    with pytest.raises(CosmicnetError, match="17 of 20"):
        unseen.unseen_chi2(manifest, tmp_path, 20, work(tmp_path))


def test_networks_that_miss_the_target_are_measured_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missed(*arguments: object) -> None:
        raise TargetMissed("below 1, not 2")

    measured: list[object] = []
    monkeypatch.setattr(module, "make", missed)
    monkeypatch.setattr(plans, "count_checked_workers", lambda *arguments: None)
    monkeypatch.setattr(cost_module, "estimate_cost", lambda *arguments: None)
    monkeypatch.setattr(cost_module, "confirm_cost", lambda *arguments: None)
    monkeypatch.setattr(evaluate, "evaluate", lambda settings: measured.append(settings.network))
    output = tmp_path / "nets"
    assert cli.main(["make", str(write_tiny(tmp_path)), "--output", str(output), "--work", str(tmp_path / "work")]) == 1
    assert measured == [str(output)]
    assert "below 1, not 2" in capsys.readouterr().err


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OneLevelPlan:
    """A model of 3 MB and 1 MB of tables that took 6 and 0 seconds."""
    def time_models(plan: OneLevelPlan) -> list[Timed]:
        plan.models.mkdir(parents=True, exist_ok=True)
        first = plan.models / "00000.h5"
        first.write_bytes(b"0" * 3_000_000)
        return [Timed(len(missing_models(plan.files)), 6.0, first)]

    def resample_one(path: Path, plan: OneLevelPlan) -> tuple[float, int]:
        plan.table_of(path).write_bytes(b"")
        return 0.0, 1_000_000

    monkeypatch.setattr(cost_module, "time_models", time_models)
    monkeypatch.setattr(cost_module, "_resample_one", resample_one)
    return with_target(tmp_path, models_max=50, unseen=10)


def test_cost_is_that_of_the_models_that_are_missing(timed: OneLevelPlan) -> None:
    found = estimate_cost(timed, 2, evaluated=20)
    assert (found.models, found.missing, found.models_max) == (20, 19, 50)
    assert found.disk == 19 * 4e6 and found.disk_max == 49 * 4e6
    # thirty unseen models besides, each 0.6 of a model; training takes 2.6 s per model and 1000 epochs, on one core
    training = 2.6 * timed.recipe.training.epochs / 1000 / 60
    assert found.minutes == pytest.approx((19 + 18) * 6.0 / 2 / 60 + 20 * training)
    assert found.minutes_max == pytest.approx((49 + 18) * 6.0 / 2 / 60 + 50 * training)


def test_cost_of_generation_is_that_of_the_integration(timed: OneLevelPlan) -> None:
    found = estimate_integration(timed, 2)
    assert (found.models, found.missing, found.models_max) == (20, 19, 20)
    assert found.disk == found.disk_max == 19 * 3e6
    assert found.minutes == found.minutes_max == pytest.approx(19 * 6.0 / 2 / 60)


def test_disk_that_is_too_small_stops_the_command(timed: OneLevelPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_module, "free_bytes", lambda folder: 5e6)
    with pytest.raises(CosmicnetError, match=r"76 MB .*19 models.* 5 MB"):
        estimate_cost(timed, 2)


def test_disk_that_may_become_too_small_stops_the_command(timed: OneLevelPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_module, "free_bytes", lambda folder: 12e6)
    with pytest.raises(CosmicnetError, match=r"12 MB .*486 MB"):
        confirm_cost(timed.models, Cost(20, 50, 20, 1.0, 2.0, 1e6, 486e6), assume_yes=True)


def test_tables_to_be_made_again_need_disk(timed: OneLevelPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(timed.number):
        timed.models.mkdir(parents=True, exist_ok=True)
        (timed.models / f"{i:05}.h5").write_bytes(b"")
    found = estimate_cost(timed, 2)
    assert found.missing == 0
    assert found.disk == 19 * 1e6


def test_cost_on_a_cluster_is_that_of_its_workers(timed: OneLevelPlan) -> None:
    alone, many = (estimate_cost(timed, workers) for workers in (1, 100))
    assert many.minutes < 0.05 * alone.minutes + 0.1


@pytest.mark.parametrize(("answer", "goes_on"), [("", True), ("y", True), ("n", False)])
def test_a_terminal_is_asked(timed: OneLevelPlan, monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool) -> None:
    found = Cost(20, 20, 20, 1.0, 1.0, 1e6, 1e6)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    confirm_cost(timed.models, found, assume_yes=False)  # no terminal
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    confirm_cost(timed.models, found, assume_yes=True)
    if goes_on:
        confirm_cost(timed.models, found, assume_yes=False)
    else:
        with pytest.raises(CosmicnetError):
            confirm_cost(timed.models, found, assume_yes=False)
