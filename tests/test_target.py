"""Growing until the target is met or the budget is spent, and the price; stand-ins for CLASS and training."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recipes import tiny_recipe, write_tiny

from cosmicnet.training import cli, evaluate, make_commands
from cosmicnet.training import make as module
from cosmicnet.training import price as price_module
from cosmicnet.training.config import Recipe, Target
from cosmicnet.training.generate import Generated, Workplace
from cosmicnet.training.make import TargetMissed, make
from cosmicnet.training.price import Price, PriceError, confirm, price


def with_target(folder: Path, **target: Any) -> Recipe:
    return tiny_recipe(folder, design="sobol").model_copy(update={"target": Target(wishart_chi2=1.0, **target)})


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the training sets, by which networks get better as 30/models."""
    sizes: list[int] = []

    class Saved:
        name = "tiny"

    def generate(recipe: Recipe, number: int, place: Workplace) -> Generated:
        sizes.append(number)
        return Generated((Path(),) * number, {})

    monkeypatch.setattr(module, "generate", generate)
    monkeypatch.setattr(module, "train", lambda *arguments: Saved())
    monkeypatch.setattr(module, "unseen_chi2", lambda *arguments: 30.0 / sizes[-1])
    return sizes


def test_it_grows_until_the_target_is_met(numbers: list[int], tmp_path: Path) -> None:
    made = make(with_target(tmp_path, models_max=100), Workplace(tmp_path, tmp_path, 1), tmp_path)
    assert numbers == [20, 30]
    assert (made.models, made.chi2) == (30, 1.0)


def test_without_a_target_there_is_one_round(numbers: list[int], tmp_path: Path) -> None:
    assert make(tiny_recipe(tmp_path), Workplace(tmp_path, tmp_path, 1), tmp_path).chi2 is None
    assert numbers == [20]


@pytest.mark.parametrize(("target", "sizes", "message"), [
    ({"models_max": 25}, [20, 25], "below 1.2, not 1, with 25 models; the budget of target.models_max = 25 is spent"),
    ({"models_max": 99, "hours": 1e-9}, [20], "the budget of target.hours = 1e-09 is spent"),
])
def test_budget_that_is_spent_is_told(
    numbers: list[int], tmp_path: Path, target: dict[str, Any], sizes: list[int], message: str
) -> None:
    with pytest.raises(TargetMissed) as raised:
        make(with_target(tmp_path, **target), Workplace(tmp_path, tmp_path, 1), tmp_path)
    assert message in str(raised.value)
    assert numbers == sizes


def test_target_that_more_models_do_not_meet(
    numbers: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "unseen_chi2", lambda *arguments: 7.0)
    with pytest.raises(TargetMissed, match="it was 7 with fewer, so that more do not help"):
        make(with_target(tmp_path, models_max=1000), Workplace(tmp_path, tmp_path, 1), tmp_path)
    assert numbers == [20, 30]


def test_networks_that_miss_the_target_are_measured_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missed(*arguments: object) -> None:
        raise TargetMissed("below 1, not 2")

    measured: list[object] = []
    monkeypatch.setattr(module, "make", missed)
    monkeypatch.setattr(make_commands, "_check", lambda *arguments: None)
    monkeypatch.setattr(price_module, "price", lambda *arguments: None)
    monkeypatch.setattr(price_module, "confirm", lambda *arguments: None)
    monkeypatch.setattr(evaluate, "settings_for", lambda networks, *arguments, **options: networks)
    monkeypatch.setattr(evaluate, "evaluate", measured.append)
    output = tmp_path / "nets"
    assert cli.main(["make", str(write_tiny(tmp_path)), "--output", str(output), "--work", str(tmp_path / "work")]) == 1
    assert measured == [str(output)]
    assert "below 1, not 2" in capsys.readouterr().err


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workplace:
    """A model of 3 MB and 1 MB of tables that took 6 and 0 seconds."""
    place = Workplace(tmp_path / "models", tmp_path, 2)
    place.folder.mkdir()
    first = place.folder / "00000.h5"

    def generate_one(recipe: Recipe, number: int, where: Workplace) -> tuple[Path, float]:
        first.write_bytes(b"0" * 3_000_000)
        return first, 6.0

    monkeypatch.setattr(price_module, "generate_one", generate_one)
    monkeypatch.setattr(price_module, "_resample_one", lambda *arguments: (0.0, 1_000_000))
    return place


def test_price_is_that_of_the_models_that_are_missing(timed: Workplace, tmp_path: Path) -> None:
    recipe = with_target(tmp_path, models_max=50, unseen=10)
    found = price(recipe, timed, 2, evaluated=20)
    assert (found.models, found.missing, found.models_max) == (20, 19, 50)
    assert found.disk == 19 * 4e6 and found.disk_max == 49 * 4e6
    # thirty unseen models besides, each 0.6 of a model; training takes 2.6 s per model and 1000 epochs, on one core
    training = 2.6 * recipe.training.epochs / 1000 / 60
    assert found.minutes == pytest.approx((19 + 18) * 6.0 / 2 / 60 + 20 * training)
    assert found.minutes_max == pytest.approx((49 + 18) * 6.0 / 2 / 60 + 50 * training)


def test_disk_that_is_too_small_is_told_before(
    timed: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_module, "_free", lambda folder: 5e6)
    with pytest.raises(PriceError, match="76 MB are needed for 19 models, but 5 MB are free"):
        price(with_target(tmp_path, models_max=50), timed, 2)


def test_disk_that_may_become_too_small_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    confirm(Price(20, 50, 20, 1.0, 2.0, 1e6, 3e9, 1e9), assume_yes=True)
    assert "1000 MB are free, which is not enough for the most" in capsys.readouterr().err


def test_price_on_a_cluster_is_that_of_its_workers(timed: Workplace, tmp_path: Path) -> None:
    alone, many = (price(with_target(tmp_path, models_max=50), timed, workers) for workers in (1, 100))
    assert many.minutes < 0.05 * alone.minutes + 0.1


@pytest.mark.parametrize(("answer", "goes_on"), [("", True), ("y", True), ("n", False)])
def test_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool) -> None:
    found = Price(20, 20, 20, 1.0, 1.0, 1e6, 1e6, 1e9)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    confirm(found, assume_yes=False)  # no terminal
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    confirm(found, assume_yes=True)
    if goes_on:
        confirm(found, assume_yes=False)
    else:
        with pytest.raises(PriceError, match="stopped"):
            confirm(found, assume_yes=False)
