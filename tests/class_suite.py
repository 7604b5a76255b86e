"""Run the test-suite that ships with CLASS on whatever classy imports; run as a script by tests.

    python class_suite.py TEST_CLASS.PY LEVEL EVERY RESULT.json

runs every EVERYth scenario of the suite's TEST_LEVEL and writes the outcome of each by name.
"""
from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
import types
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Outcomes(unittest.TestResult):
    """The outcome of each test: 'passed', or the exception that ended it; and how long it took."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.seconds[_name(test)] = time.perf_counter()

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        self.seconds[_name(test)] = time.perf_counter() - self.seconds[_name(test)]
        # the log of a killed run shows how far it got
        print(f"{_name(test)} {self.seconds[_name(test)]:.1f} s", flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.outcomes[_name(test)] = "passed"

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self.outcomes[_name(test)] = f"{err[0].__name__}: {err[1]}"

    addFailure = addError


def _name(test: unittest.TestCase) -> str:
    return test.id().rpartition(".")[2]


def _replace_nose() -> None:
    """The suite marks tests by a decorator of nose, which no longer imports on the Pythons we support."""

    def attr(*_: str) -> Callable[[Any], Any]:
        return lambda function: function

    for name in ("nose", "nose.plugins", "nose.plugins.attrib"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["nose.plugins.attrib"].attr = attr  # type: ignore[attr-defined]


def _load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("test_class", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(suite_file: str, level: str, every: str, result_file: str) -> None:
    os.environ["TEST_LEVEL"] = level
    _replace_nose()
    result = Outcomes()
    # the suite makes and deletes a folder for plots beside itself
    with tempfile.TemporaryDirectory() as folder:
        module = _load(Path(shutil.copy(suite_file, folder)))
        # test_Valgrind_* only write parameter files; they say nothing about classy
        names = [name for name in dir(module.TestClass) if name.startswith("test_scenario_")]
        unittest.TestSuite(module.TestClass(name) for name in names[:: int(every)]).run(result)
    Path(result_file).write_text(json.dumps(result.outcomes, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
