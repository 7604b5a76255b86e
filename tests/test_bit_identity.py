"""Without `neural_network: yes` the patched classy returns what stock classy returns, bit by bit."""
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import run_python
from numpy.typing import NDArray
from spectra_of_build import CASES

Arrays = dict[str, NDArray[Any]]

SCRIPT = "spectra_of_build.py"


@pytest.fixture(scope="session")
def both(patched: None, stock: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The arrays of all cases from both builds, each in a process of its own, side by side."""
    folder = tmp_path_factory.mktemp("spectra")
    arrays: dict[str, Arrays] = {}
    paths = {"patched": None, "stock": stock}
    with ThreadPoolExecutor() as pool:
        runs = {
            build: pool.submit(run_python, SCRIPT, str(folder / f"{build}.npz"), path=path)
            for build, path in paths.items()
        }
    for build, run in runs.items():
        done = run.result()
        assert done.returncode == 0, f"{build}: {done.stdout}{done.stderr}"
        with np.load(folder / f"{build}.npz") as file:
            arrays[build] = dict(file)
    return arrays


def test_builds_are_the_ones_to_compare(patched: None, stock: Path) -> None:
    ours = run_python(SCRIPT, "--version").stdout.split()
    theirs = run_python(SCRIPT, "--version", path=stock).stdout.split()
    assert ours[0].startswith("3.4.1.0+cosmicnet.")
    assert theirs[0] == "3.4.1.0"
    assert Path(theirs[1]).is_relative_to(stock)
    assert not Path(ours[1]).is_relative_to(stock)


@pytest.mark.parametrize("case", CASES)
def test_same_bits(case: str, both: dict[str, Arrays]) -> None:
    ours, theirs = (
        {name: array for name, array in both[build].items() if name.split("/")[0] == case}
        for build in ("patched", "stock")
    )
    assert theirs.keys() == ours.keys()
    # background and thermodynamics alone have more columns than this
    assert len(theirs) > 30
    for name, array in theirs.items():
        same = array.dtype == ours[name].dtype and array.tobytes() == ours[name].tobytes()
        assert same, f"{name}: {_difference(array, ours[name])}"


def _difference(stock: NDArray[Any], patched: NDArray[Any]) -> str:
    if stock.shape != patched.shape:
        return f"shape {patched.shape} instead of {stock.shape}"
    return f"largest difference {np.nanmax(np.abs(patched - stock))}"
