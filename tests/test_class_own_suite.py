"""The test-suite that ships with CLASS gives the same result on both builds, test by test."""
from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from builds import run_python

SCRIPT = "class_suite.py"
# Level 3 is the whole suite: half an hour per build (`make class-tests`). Here one scenario in so many.
EVERY = os.environ.get("COSMICNET_CLASS_SUITE_EVERY", "100")


Outcomes = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def outcomes(patched: None, stock: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """By build, by name of the test: 'passed' or the error."""
    folder = tmp_path_factory.mktemp("suite")
    suite = str(stock / "classy" / "python" / "test_class.py")
    paths = {"patched": None, "stock": stock}
    # side by side, unless other tests run beside these
    with ThreadPoolExecutor(1 if "PYTEST_XDIST_WORKER" in os.environ else 2) as pool:
        runs = {
            build: pool.submit(run_python, SCRIPT, suite, "3", EVERY, str(folder / build), path=path)
            for build, path in paths.items()
        }
    for build, run in runs.items():
        assert run.result().returncode == 0, f"{build}: {run.result().stderr}"
    return {build: json.loads((folder / build).read_text()) for build in runs}


def test_same_outcomes(outcomes: Outcomes) -> None:
    assert outcomes["patched"] == outcomes["stock"]


def test_scenarios_were_run_and_most_pass(outcomes: Outcomes) -> None:
    """Two builds that fail alike in everything would be the same, too."""
    stock = outcomes["stock"]
    assert len(stock) >= 400 // int(EVERY)
    assert sum(outcome == "passed" for outcome in stock.values()) > 0.9 * len(stock)
