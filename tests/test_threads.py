"""OMP_NUM_THREADS, and the cores of a machine that chains share, hold for CLASS and for NumPy's matrix products."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builds import run_python

pytest.importorskip("threadpoolctl", reason="pip install threadpoolctl")
pytestmark = [pytest.mark.usefixtures("patched"),
              pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")]


def threads_of(*arguments: str, threads: int | None) -> Any:
    done = run_python("threads_run.py", *arguments, threads=threads)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_as_many_as_asked_for(threads: int) -> None:
    found = threads_of(threads=threads)
    assert found["class"] == threads
    assert found["networks"] <= threads
    assert found["blas"] and all(number == min(threads, found["cores"]) for number in found["blas"])


def test_chains_share_the_cores() -> None:
    pytest.importorskip("cobaya", reason="no Cobaya")
    alone = threads_of(threads=None)
    cores = alone["cores"]
    assert alone["class"] == cores
    shared = threads_of(str(cores), threads=None)
    assert shared["class"] == 1 and shared["networks"] <= 1
    assert shared["blas"] and all(number == 1 for number in shared["blas"])
