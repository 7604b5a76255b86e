"""A run in which all parameters that change the source functions are settings: the source functions are made once."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cobaya_infos import FIXED, L_MAX, NEUTRINOS, POINT

get_model = pytest.importorskip("cobaya.model").get_model
pytestmark = pytest.mark.usefixtures("patched")

SETTINGS = {**NEUTRINOS, **POINT, **{name: FIXED[name] for name in ("omega_b", "omega_cdm")}}


def info(theory: dict[str, Any], name: str = "cosmicnet.Cosmicnet", n_s: Any = 0.965) -> dict[str, Any]:
    return {"likelihood": {"flat": {"external": lambda _self: 0.0, "requires": {"Cl": {"tt": L_MAX}}}},
            "theory": {name: theory}, "params": {"A_s": {"prior": {"min": 1e-9, "max": 3e-9}}, "n_s": n_s}}


def spectra(model: Any, points: list[dict[str, float]]) -> list[np.ndarray]:
    found = []
    for point in points:
        assert np.isfinite(model.logpost(point))
        found.append(model.provider.get_Cl()["tt"].copy())
    return found


@pytest.mark.parametrize("mode", ["full", "net"])
def test_spectra_are_those_of_cobaya_s_classy(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cosmicnet.cobaya_components.compare.evaluations import fast_parameters
    from cosmicnet.cobaya_components.theory.theory import Cosmicnet

    made = []
    new = Cosmicnet.new_classy
    monkeypatch.setattr(Cosmicnet, "new_classy", lambda self, values: made.append(values) or new(self, values))
    flag = {"neural_network": True} if mode == "net" else {}
    sampled = {"prior": {"min": 0.9, "max": 1.0}}
    ours = get_model(info({"mode": mode, "extra_args": SETTINGS}, n_s=sampled))
    cobayas = get_model(info({"path": "global", "extra_args": {**SETTINGS, **flag}}, "classy", n_s=sampled))
    # back to where it was, which Cobaya has kept; and another fast parameter beside that
    points = [{"A_s": 2.1e-9, "n_s": 0.965}, {"A_s": 2.3e-9, "n_s": 0.965}, {"A_s": 2.1e-9, "n_s": 0.965},
              {"A_s": 2.1e-9, "n_s": 0.95}]
    for one, other in zip(spectra(ours, points), spectra(cobayas, points), strict=True):
        np.testing.assert_array_equal(one, other)
    assert fast_parameters(ours) == ["A_s", "n_s"]
    assert len(made) <= 2 if mode == "net" else len(made) == 1
    ours.close()
    cobayas.close()
