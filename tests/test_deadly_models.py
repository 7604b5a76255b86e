"""Models of which processes die: told apart from those beside them, left out, and no obstacle to all others."""
from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import KilledWorker
from recipes import plan_of
from test_generate import StandIn, failures, generate, recipe, stand_in

from cosmicnet.training.models import integrate as module
from cosmicnet.training.models.dataset import failure_path, model_path
from cosmicnet.training.models.integrate import DIED, Timed, time_models
from cosmicnet.training.recipe.schema import Recipe
from cosmicnet.training.work.parallel import results, single_threaded_pool

__all__ = ["recipe", "stand_in"]

pytestmark = pytest.mark.usefixtures("patched")

DEADLY = 3


def kills_its_process(number: int) -> int:
    if number == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def note(folder: Path, number: int) -> int:
    """One line in the file of this number, and the process that wrote it."""
    with (folder / str(number)).open("a") as file:
        file.write("once\n")
    time.sleep(0.1)
    return os.getpid()


def test_what_a_worker_had_finished_is_not_done_again_when_it_dies(tmp_path: Path) -> None:
    processes: list[int] = []
    with single_threaded_pool(2) as pool:
        for process in results(pool, note, {i: (tmp_path, i) for i in range(30)}, lambda _: 0, 1):
            processes.append(process)
            if len(processes) == 20:
                # the worker with the most finished tasks: half of them at least
                os.kill(Counter(processes).most_common(1)[0][0], signal.SIGKILL)
    assert len(processes) == 30
    # its unfinished task, and one that it finished a moment before, ran twice
    assert sum(len(path.read_text().splitlines()) for path in tmp_path.iterdir()) <= 33


class Pool:
    """Works in this process, but for models whose worker dies so many times."""

    def __init__(self, deaths: dict[int, int]) -> None:
        self.deaths = deaths

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        index = int(arguments[2].stem)
        if self.deaths.get(index, 0) > 0:
            self.deaths[index] -= 1
            future.set_exception(KilledWorker(str(index), None, 3))  # type: ignore[no-untyped-call]
        else:
            future.set_result(function(*arguments))
        return future


@pytest.fixture
def deaths(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """How often workers die of a model; to be filled by the test."""
    given: dict[int, int] = {}

    @contextmanager
    def pool(processes: int, scheduler: str | None = None) -> Iterator[Pool]:
        yield Pool(given)

    monkeypatch.setattr(module, "single_threaded_pool", pool)
    return given


def test_tasks_beside_a_deadly_one_are_not_blamed() -> None:
    with single_threaded_pool(2) as pool:
        got = sorted(results(pool, kills_its_process, {i: (i,) for i in range(10)}, lambda number: -number, 1))
    assert got == sorted([-DEADLY, *(i for i in range(10) if i != DEADLY)])


def test_deadly_model_is_left_out_and_shown(
    deaths: dict[int, int], recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deaths[DEADLY] = 1
    failure = failure_path(model_path(tmp_path / "models", DEADLY))
    assert len(generate(recipe, tmp_path)) == recipe.sampling.models - 1
    assert failure.read_text() == DIED
    assert f"left out model 0000{DEADLY}" in capsys.readouterr().err
    # tried again once the file is deleted
    failure.unlink()
    assert len(generate(recipe, tmp_path)) == recipe.sampling.models


def test_deadly_models_that_a_killed_run_has_left_are_no_obstacle(
    deaths: dict[int, int], recipe: Recipe, tmp_path: Path
) -> None:
    """They are all that is missing then, but few of all."""
    generate(recipe, tmp_path)
    for index in (DEADLY, DEADLY + 1):
        model_path(tmp_path / "models", index).unlink()
        deaths[index] = 1
    generate(recipe, tmp_path)
    assert failures(tmp_path / "models") == {DEADLY, DEADLY + 1}


def test_no_model_is_blamed_where_workers_die_of_many(
    deaths: dict[int, int], recipe: Recipe, tmp_path: Path
) -> None:
    deaths |= dict.fromkeys(range(8, 20), 9)
    with pytest.raises(KilledWorker):
        generate(recipe, tmp_path)
    assert failures(tmp_path / "models") == set()
    assert all(model_path(tmp_path / "models", i).exists() for i in range(8))


def test_deadly_first_model_leaves_the_next_to_be_timed(
    deaths: dict[int, int], recipe: Recipe, tmp_path: Path
) -> None:
    deaths[0] = 1
    timed, = time_models(plan_of(recipe, tmp_path))
    assert timed.path is not None and timed.path.stem == "00001" and timed.seconds > 0.0 and timed.missing == 18
    assert failures(tmp_path / "models") == {0}


@pytest.mark.parametrize("left", [[0, 1], [19]])
def test_deadly_models_that_are_left_do_not_stop_the_timing(
    deaths: dict[int, int], recipe: Recipe, tmp_path: Path, left: list[int]
) -> None:
    plan = plan_of(recipe, tmp_path)
    generate(recipe, tmp_path)
    for index in left:
        model_path(plan.models, index).unlink()
        deaths[index] = 99
    assert time_models(plan)[0].path is None
    # nothing is missing now: one that is there is timed
    path = time_models(plan)[0].path
    assert path is not None and path.exists() and failures(plan.models) == set(left)


def test_where_all_failed_before_there_is_nothing_to_time(recipe: Recipe, tmp_path: Path) -> None:
    plan = plan_of(recipe, tmp_path)
    module.record_identity(plan.models, plan.identity)
    for index in range(20):
        failure_path(model_path(plan.models, index)).write_text(DIED)
    assert time_models(plan) == [Timed(0, 0.0, None)]
