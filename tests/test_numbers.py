"""Numbers are printed as people write them."""
from __future__ import annotations

import math

import pytest

from cosmicnet.training.work.numbers import significant


@pytest.mark.parametrize(("value", "digits", "written"), [
    (312.4, 2, "310"), (312.4, 3, "312"), (1234.5, 3, "1230"), (-1234.5, 3, "-1230"), (0.01234, 2, "0.012"),
    (1.2e-7, 2, "1.2e-07"), (3.14159e8, 2, "3.1e+08"), (0.0, 2, "0"), (math.inf, 2, "inf"), (math.nan, 2, "nan"),
])
def test_hundreds_have_no_exponent(value: float, digits: int, written: str) -> None:
    assert significant(value, digits) == written
