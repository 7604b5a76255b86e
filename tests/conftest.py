"""Where the two builds of classy are, and how to run something under one of them."""
from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

RunPython = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def stock() -> Path:
    """The folder with stock classy: COSMICNET_STOCK_CLASSY, or .stock, which `make stock` fills."""
    folder = Path(os.environ.get("COSMICNET_STOCK_CLASSY", ROOT / ".stock"))
    if not (folder / "classy").is_dir():
        pytest.skip(f"no stock classy in {folder}: run `make stock` or set COSMICNET_STOCK_CLASSY")
    return folder


@pytest.fixture(scope="session")
def patched() -> None:
    """Skip where the patched classy is not installed (`make classy`)."""
    if importlib.util.find_spec("classy") is None:
        pytest.skip("no classy: run `make classy`")
    from classy import Class

    if not hasattr(Class, "set_source_provider"):
        pytest.skip("the classy installed here is not the patched one: run `make classy`")


@pytest.fixture(scope="session")
def run_python() -> RunPython:
    """Run a script of this folder in a process of its own; `path` goes before the installed packages."""

    def run(script: str, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        environment.pop("PYTHONPATH", None)
        if path is not None:
            environment["PYTHONPATH"] = str(path)
        command = [sys.executable, str(Path(__file__).parent / script), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run
