"""Run a script of this folder under one of the two builds of classy, in a process of its own."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run_python(
    script: str, *arguments: str, path: Path | None = None, threads: int | None = 1
) -> subprocess.CompletedProcess[str]:
    """Run `script`; `path` goes before the installed packages (stock classy lies there). threads: None for no limit."""
    environment = {**os.environ, "MPLBACKEND": "agg"}
    for name in ("PYTHONPATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment.pop(name, None)
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, str(Path(__file__).parent / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def build_is_missing(reason: str) -> NoReturn:
    """Skip; but fail where `make test` has promised that both builds are there."""
    if os.environ.get("COSMICNET_BUILDS_REQUIRED"):
        pytest.fail(reason)
    pytest.skip(reason)
