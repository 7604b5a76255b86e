"""Requests whose lensed spectra end too early are named, and those that do not are not."""
from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from networks_under_test import options

from cosmicnet.errors import CosmicnetWarning
from cosmicnet.lensing_margin import ends_too_early

SETTINGS = {"l_max_scalars": "6000", "lensing": "yes", "non_linear": "hmcode"}


def request(
    delta_l_max: float = 3000.0, k: float = 100.0, tables: tuple[str, ...] = ("t0", "p"), **settings: Any
) -> Any:
    return SimpleNamespace(parameters={**SETTINGS, **settings}, precision={"delta_l_max": delta_l_max},
                           k=np.array([1e-5, k]), tables=dict.fromkeys(tables))


@pytest.mark.parametrize(("wrong", "named"), [
    (request(delta_l_max=1800.0), "delta_l_max"), (request(k=20.0), "nonlinear_min_k_max"),
    (request(delta_l_max=1800.0, l_max_scalars=6000.0, non_linear="no"), "delta_l_max"),
    (request(k=20.0, non_linear="halofit", lensing="True"), "nonlinear_min_k_max"),
])
def test_what_is_missing_is_named(wrong: Any, named: str) -> None:
    found = ends_too_early(wrong)
    assert found is not None and named in found


@pytest.mark.parametrize("enough", [
    request(), request(k=20.0, non_linear=""), request(delta_l_max=500.0, lensing="no"),
    request(delta_l_max=500.0, l_max_scalars=2508), request(delta_l_max=500.0, tables=("t0",)),
    request(delta_l_max=2999.5), request(delta_l_max=500.0, l_max_scalars=""),
])
def test_what_is_enough_is_not(enough: Any) -> None:
    assert ends_too_early(enough) is None


def test_the_margin_costs_what_is_said() -> None:
    """Twice the margin that is enough changes EE by 1e-3 at most, and half of it by far more."""
    from classy import Class

    def spectra(delta_l_max: int) -> Any:
        model = Class()
        model.set({"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 4000, "accurate_lensing": 1,
                   "delta_l_max": delta_l_max, "N_ur": 3.044, **options()})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CosmicnetWarning)
            model.compute()
        found = model.lensed_cl(4000)["ee"][30:]
        warned = any("delta_l_max" in str(one.message) for one in caught)
        model.empty()
        return found, warned

    (truth, warned), (enough, _), (short, warned_of_short) = (spectra(delta) for delta in (4000, 2000, 1000))
    assert not warned and warned_of_short
    assert np.abs(enough / truth - 1.0).max() < 1.1e-3 < 3e-3 < np.abs(short / truth - 1.0).max()
