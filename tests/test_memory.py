"""Resident memory stays flat over many computes, whatever their end.

Where CLASS itself fails inside thermodynamics or the integrator, stock CLASS leaks and so does the patched
one (see docs/patch.md); that is not repeated here.
"""
from __future__ import annotations

import json
import os

import pytest
from builds import run_python

pytestmark = pytest.mark.usefixtures("patched")

KINDS = ("full,fast,later,partly,networks,outside,provided,failing,unknown_option,unread_parameter,bad_input,"
         "bad_perturbations")
# `make leak-test` sets 1000
COMPUTES = int(os.environ.get("COSMICNET_LEAK_COMPUTES", "140"))
TOLERANCE = 100_000  # bytes


def growth(kinds: str, computes: int) -> int:
    """How much memory grew from the second third to the last, in bytes."""
    done = run_python("leak_run.py", kinds, str(computes))
    assert done.returncode == 0, done.stderr
    memory = json.loads(done.stdout)
    middle = [resident for count, resident in memory if computes / 3 < count <= 2 * computes / 3]
    last = [resident for count, resident in memory if count > 2 * computes / 3]
    return min(last) - min(middle)


def test_memory_is_flat() -> None:
    assert growth(KINDS, COMPUTES) < TOLERANCE


def test_a_leak_would_be_seen() -> None:
    assert growth("unknown_option,leaking", 100) > TOLERANCE
