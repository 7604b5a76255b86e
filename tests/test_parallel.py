"""Pools of processes: one thread each, and none outlives the command that started it."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from distributed import LocalCluster

from cosmicnet.errors import CosmicnetError
from cosmicnet.training.work import parallel
from cosmicnet.training.work.parallel import count_workers, progress, single_threaded_pool

PATIENCE = 180.0


def until(condition: Callable[[], bool]) -> None:
    """Wait, at most PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def alive(process: int) -> bool:
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A command with three workers, one of them soon idle, and their process ids; its user set two threads."""
    script = Path(__file__).parent / "pool_run.py"
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    # a process group of its own: its signals do not reach pytest
    command = subprocess.Popen([sys.executable, str(script), str(tmp_path)], start_new_session=True,
                               stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: len(list(tmp_path.iterdir())) == 3)
        yield command, [int(path.stem) for path in tmp_path.iterdir()]
    finally:
        for process in (command.pid, *(int(path.stem) for path in tmp_path.iterdir())):
            if alive(process):
                os.kill(process, signal.SIGKILL)
        command.communicate()


def test_workers_have_one_thread(running: object, tmp_path: Path) -> None:
    assert [path.suffix for path in tmp_path.iterdir()] == [".1", ".1", ".1"]


def test_workers_end_when_their_parent_is_killed(running: tuple[subprocess.Popen[str], list[int]]) -> None:
    command, workers = running
    assert all(alive(worker) for worker in workers)
    command.kill()
    until(lambda: not any(alive(worker) for worker in workers))


def test_interrupt_ends_all_without_messages_of_workers(
    running: tuple[subprocess.Popen[str], list[int]]
) -> None:
    command, workers = running
    # until one of them waits for work, which is where an interrupt would show
    time.sleep(2.0)
    os.killpg(command.pid, signal.SIGINT)
    _, errors = command.communicate(timeout=PATIENCE)
    assert command.returncode != 0
    assert "SpawnProcess" not in errors
    until(lambda: not any(alive(worker) for worker in workers))


def test_task_of_a_killed_worker_goes_to_another(running: tuple[subprocess.Popen[str], list[int]]) -> None:
    command, workers = running
    folder = Path(str(command.args[-1]))  # type: ignore[index]
    os.kill(workers[0], signal.SIGKILL)
    until(lambda: sum(len(path.read_text().splitlines()) for path in folder.iterdir()) > 3)
    assert command.poll() is None


def test_error_leaves_the_pool() -> None:
    with pytest.raises(ZeroDivisionError), single_threaded_pool(1):
        raise ZeroDivisionError


def test_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(CosmicnetError, match=r"tcp://127\.0\.0\.1:9"), \
            single_threaded_pool(1, "tcp://127.0.0.1:9"):
        pass


def test_scheduler_without_workers_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    with LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        assert count_workers(2, address) == 1
        with single_threaded_pool(2, address) as pool:
            future = pool.submit(abs, -3)
            cluster.scale(1)
            assert future.result(timeout=PATIENCE) == 3
        assert count_workers(2, address) == 1
    assert capsys.readouterr().err.count(f"{address}: this Dask scheduler has no workers yet; waiting") == 1


def test_log_has_a_line_a_minute_with_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 20.0, 40.0, 60.0, 80.0])
    monkeypatch.setattr(parallel, "monotonic", lambda: next(clock))
    with progress("counting sheep", 6, done=2) as advance:
        for _ in range(4):
            advance()
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["counting sheep: 5/6, 0:01:00 so far, 0:00:20 left",
                                      "counting sheep: 6/6, 0:01:20 so far, 0:00:00 left"]
    assert shown.out == ""
