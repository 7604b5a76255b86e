"""The tables that CLASS integrates for a training model, and settings that it does not accept."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from providers import OnGrids
from recipes import COARSE
from serial_pool import serial_pool
from test_generate import generate, recipe

from cosmicnet.training.models import integrate as module
from cosmicnet.training.models.integrate import integrate_model
from cosmicnet.training.recipe.schema import Recipe, RecipeError

__all__ = ["recipe"]

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

COSMOLOGY = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055}
SETTINGS = {"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308, "output": "tCl,pCl,lCl,mPk", "lensing": "yes",
            "l_max_scalars": 300, "P_k_max_1/Mpc": 0.3}


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AlignedGrids", lambda: COARSE)


def test_integrated_model_is_what_class_computes_on_the_aligned_grids(coarse: None) -> None:
    model = integrate_model(SETTINGS, COSMOLOGY)
    assert model.parameters == COSMOLOGY
    for name, value in COSMOLOGY.items():
        assert model.cosmology[name] == pytest.approx(value, rel=1e-8), name
    grid = COARSE.integration(model.cosmology)
    assert np.array_equal(model.k, grid.k) and np.array_equal(model.tau, grid.tau)
    provider, own = OnGrids(lambda request: (grid.k, grid.tau)), classy.Class()
    own.set({**SETTINGS, **COSMOLOGY})
    own.set_source_provider(provider)
    own.compute(["perturbations"])
    assert {*model.integrated, "p"} == set(provider.recorded)
    for name, table in model.integrated.items():
        assert np.array_equal(table, provider.recorded[name]), name
        assert np.abs(table).max() > 0, name


def test_integration_is_the_same_bit_by_bit(coarse: None) -> None:
    first, second = (integrate_model(SETTINGS, COSMOLOGY) for _ in range(2))
    assert first.integrated.keys() == second.integrated.keys()
    for name, table in first.integrated.items():
        assert np.array_equal(table, second.integrated[name]), name


LACKING: dict[str, tuple[dict[str, Any], str]] = {
    "no lensing": ({**SETTINGS, "output": "tCl,mPk", "lensing": "no"}, "phi_plus_psi"),
    "no massive neutrino": (
        {name: value for name, value in SETTINGS.items() if "ncdm" not in name}, "delta_cb"),
}


@pytest.mark.parametrize("case", LACKING)
def test_settings_that_lack_a_source_are_refused(coarse: None, case: str) -> None:
    settings, message = LACKING[case]
    with pytest.raises(RecipeError, match=f"class_settings: .*{message}"):
        integrate_model(settings, COSMOLOGY)


SEVERE: dict[str, tuple[dict[str, Any], str]] = {
    "unknown setting": ({"colour": "blue"}, "colour"),
    "l_max that needs fewer wavenumbers": ({}, r"k: \d+"),
}


@pytest.mark.parametrize("case", SEVERE)
def test_settings_that_class_refuses_are_reported_once(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    changes, message = SEVERE[case]
    monkeypatch.setattr(module, "single_threaded_pool", serial_pool)
    refused = recipe.model_copy(update={"class_settings": {**SETTINGS, **changes}})
    with pytest.raises(RecipeError, match=message) as raised:
        generate(refused, tmp_path)
    assert "class_settings" in str(raised.value)
    assert os.listdir(tmp_path / "models") == [module.RECIPE_FILE]
    assert json.loads((tmp_path / "models" / module.RECIPE_FILE).read_text())["class_settings"] == {
        **SETTINGS, **changes}
