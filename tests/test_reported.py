"""Requests show the value of every setting that sources depend on; recipes with other settings are refused."""
from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from builds import ROOT

from cosmicnet.running_class import RunningClass
from cosmicnet.training.checks import visible as module
from cosmicnet.training.checks.visible import RequestSummary, invisible, require_visible, summaries
from cosmicnet.training.fields.guard import GUARDED
from cosmicnet.training.one_level.plan import OneLevelPlan
from cosmicnet.training.recipe.schema import RecipeError


def summary(**setup: float) -> RequestSummary:
    return RequestSummary({}, {}, {"N_ncdm": 1.0, **setup}, {}, {})


def test_setting_that_is_not_reported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "running_class", lambda: RunningClass("v3.4.1", "another", ("source/input.c",)))
    (entry, why), = invisible([summary()], {"my_drag": 1.02}, (), (), ())
    assert entry == ("class_settings", "my_drag") and why.startswith("class_settings.my_drag: ")
    assert not list(invisible([summary(my_drag=1.02)], {"my_drag": 1.02}, (), (), ()))


def test_stock_class_reports_all_that_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "running_class", lambda: RunningClass("v3.4.1", "of stock"))
    assert not list(invisible([summary()], {"my_drag": 1.02}, (), (), ()))


def plan_with(folder: Path, settings: str) -> OneLevelPlan:
    """The plan of LCDM with more settings."""
    text = (ROOT / "tests" / "one_level.toml").read_text(encoding="utf-8")
    (folder / "mine.toml").write_text(text.replace("N_ncdm = 1", f"N_ncdm = 1\n{settings}"))
    return OneLevelPlan.open(folder / "mine.toml", folder).with_models(2)


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize(("setting", "message"), [
    ("l_max_scalars = 4000", r"line \d+: class_settings\.l_max_scalars: 4000 .*\b6\d\d\b.*\b6\d\d\b.*\b6500\b"),
    ("perturbations_sampling_stepsize = 0.09", r"line \d+: class_settings\.perturbations_sampling_stepsize: 0\.09 "
     r".*\b5\d\d\b.*\b478\b"),
    ("", ""),
])
def test_room_for_the_grids_is_checked_before_anything_is_integrated(
    tmp_path: Path, setting: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message) if message else nullcontext():
        plan = plan_with(tmp_path, setting)
        require_visible(plan.recipe, plan.recipe_file, plan.points)


IDM = {"f_idm": 0.1, "m_idm": 1e9}
DARK = {**IDM, "N_idr": 0.3, "a_idm_dr": 10}
DECAYING = {"omega_ini_dcdm": 0.01, "Gamma_dcdm": 10}
VARYING = {"varying_fundamental_constants": "instantaneous", "varying_alpha": 1.01}
ANNIHILATION = {"DM_annihilation_efficiency": 1e-24}


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize(("settings", "name", "value"), [
    ({**IDM, "cross_idm_b": 1e-26}, "cross_idm_b", 1e-25), ({**IDM, "cross_idm_b": 1e-26}, "m_idm", 2e9),
    ({**IDM, "cross_idm_b": 1e-26}, "idm_soundspeed", "no"), ({**IDM, "u_idm_g": 1e-5}, "u_idm_g", 2e-5),
    (DARK, "a_idm_dr", 20), (DARK, "stat_f_idr", 1), (DARK, "idr_nature", "fluid"), (DARK, "alpha_idm_dr", 1.0),
    (DARK, "beta_idr", 1.0), (DARK, "b_idr", 1.0), (DECAYING, "Gamma_dcdm", 20), (DECAYING, "omega_ini_dcdm", 0.012),
    (VARYING, "varying_alpha", 1.02), (VARYING, "varying_transition_redshift", 40),
    (VARYING, "bbn_alpha_sensitivity", 0.5),
    (ANNIHILATION, "DM_annihilation_efficiency", 3e-24), ({**ANNIHILATION, "DM_annihilation_z_halo": 20},
                                                          "DM_annihilation_f_halo", 1),
    ({"PBH_evaporation_fraction": 1e-7, "PBH_evaporation_mass": 1e15}, "PBH_evaporation_mass", 2e15),
    ({}, "ceff2_ur", 0.3), ({}, "perturbed_recombination", "yes"),
])
def test_another_value_of_a_setting_is_visible(settings: dict[str, Any], name: str, value: Any) -> None:
    """By itself, and not only by its consequences, which may be less than the tolerance."""
    usual = {"output": "tCl", "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.03}
    found = summaries({**usual, **settings}, ({}, {name: value}))
    known = [{**summary.setup, **summary.cosmology} for summary in found]
    differ = [n for n in known[0] if n not in GUARDED
              and not abs(known[0][n] - known[1].get(n, math.nan)) <= 1e-4 * abs(known[0][n])]
    assert [n for n in differ if n.removeprefix("three_").removeprefix("has_").startswith(name)], differ


@pytest.mark.usefixtures("patched")
def test_parameter_that_class_makes_another_number_of_is_refused(tmp_path: Path) -> None:
    """CLASS takes the interacting dark matter out of the other one, so that the domain would be another."""
    plan = plan_with(tmp_path, "f_idm = 0.1\nm_idm = 1e9\ncross_idm_b = 1e-26")
    with pytest.raises(RecipeError, match=r"line \d+: sampling\.ranges\.omega_cdm\b"):
        require_visible(plan.recipe, plan.recipe_file, plan.points)
