"""Generation on the workers of a real scheduler, one of which is killed in the middle: the same files, none missing."""
from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from recipes import COARSE, write_tiny

from cosmicnet.training.models import integrate
from cosmicnet.training.models.dataset import model_path, write_model
from cosmicnet.training.one_level.plan import OneLevelPlan

pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

SCRIPT = Path(__file__).parent / "make_run.py"
PATIENCE = 300.0
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Scheduler(NamedTuple):
    process: subprocess.Popen[str]
    address: str


def first_line(process: subprocess.Popen[str], pattern: str) -> str:
    """The match of the pattern's group in the first line of stderr that has one."""
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(pattern, line)
        if found:
            return found[1]
    raise AssertionError(f"no {pattern} in what {process.args!r} said")


def worker(address: str) -> subprocess.Popen[str]:
    """A worker as one starts it on a node; the coarse grids are loaded into it first."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard",
               "--no-nanny", "--preload", str(SCRIPT)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    first_line(process, "(Registered to)")
    return process


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
               "--no-dashboard"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    try:
        yield Scheduler(process, first_line(process, r"Scheduler at:\s+(tcp://\S+)"))
    finally:
        process.terminate()
        process.communicate()


def models(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "models").glob("*.h5")}


def test_killed_worker_loses_no_model(
    scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(tmp_path)

    workers = [worker(scheduler.address) for _ in range(2)]
    try:
        command = subprocess.Popen([sys.executable, str(SCRIPT), "tiny.toml", "cluster", "-", "2", scheduler.address],
                                   cwd=tmp_path, env=ENVIRONMENT)
        end = time.monotonic() + PATIENCE
        while len(models(tmp_path / "cluster")) < 5:
            assert command.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)
        assert len(models(tmp_path / "cluster")) < 20
        assert command.wait(PATIENCE) == 0
    finally:
        for process in workers:
            process.kill()
            process.communicate()
    # as integrated here, one after the other
    monkeypatch.setattr(integrate, "AlignedGrids", lambda: COARSE)
    plan = OneLevelPlan.open(tmp_path / "tiny.toml", tmp_path / "here")
    plan.models.mkdir(parents=True)
    for index, point in enumerate(plan.points):
        write_model(model_path(plan.models, index), integrate.integrate_model(plan.recipe.class_settings, point))
    assert models(tmp_path / "cluster") == models(tmp_path / "here")
    assert len(models(tmp_path / "cluster")) == 20


def test_scheduler_that_goes_away_is_reported_in_one_line(scheduler: Scheduler, tmp_path: Path) -> None:
    write_tiny(tmp_path)
    only = worker(scheduler.address)
    try:
        command = subprocess.Popen(
            [sys.executable, str(SCRIPT), "tiny.toml", "work", "-", "2", scheduler.address], cwd=tmp_path,
            env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while len(models(tmp_path / "work")) < 3:
            assert command.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        scheduler.process.terminate()
        said = command.communicate(timeout=PATIENCE)[1]
    finally:
        only.kill()
        only.communicate()
    assert command.returncode == 1 and "Traceback" not in said
    assert f"the Dask scheduler {scheduler.address} has gone" in said
