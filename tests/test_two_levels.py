"""Recipes of two levels of fidelity: cosmologies, models, and the way to networks."""
from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import ROOT
from pydantic import ValidationError
from recipes import TINY_LEVELS, write_tiny
from serial_pool import serial_pool

from cosmicnet.store import load_network_set
from cosmicnet.training.commands.cli import main
from cosmicnet.training.commands.plans import open_plan
from cosmicnet.training.evaluate import evaluate
from cosmicnet.training.fields import relevance, tables
from cosmicnet.training.fields.nodes import NODES
from cosmicnet.training.models import integrate as module
from cosmicnet.training.models.cosmologies import Cosmology, SampledBox, draw
from cosmicnet.training.recipe.toml import RecipeError
from cosmicnet.training.two_levels import fit_levels, level_model
from cosmicnet.training.two_levels import plan as plan_module
from cosmicnet.training.two_levels.curved_grids import CurvedSpaceGrids
from cosmicnet.training.two_levels.level_model import integrate_level_model, read_level_model, write_level_model
from cosmicnet.training.two_levels.plan import TwoLevelPlan
from cosmicnet.training.two_levels.recipe import TwoLevelRecipe, TwoLevelSampling, has_levels, load_two_level_recipe
from cosmicnet.training.work.files import DatasetError

STANDARD = ROOT / "training/recipes/standard.toml"
RECIPE = load_two_level_recipe(STANDARD)


BOX = {"ranges": {"omega_b": [0.02, 0.025], "H0": [60, 75]},
       "families": [{"N_ur": [3.0, 3.1]}, {"N_ncdm": 1, "m_ncdm": [0.0, 0.1], "N_ur": 2.03}]}


@functools.cache
def most() -> list[dict[str, object]]:
    return list(islice(draw(RECIPE.sampling.ranges, RECIPE.sampling.seed), RECIPE.sampling.edges_from))


def drawn(number: int) -> list[dict[str, object]]:
    return most()[:number]


def test_more_cosmologies_begin_with_the_same_ones() -> None:
    assert list(islice(draw(RECIPE.sampling.ranges, RECIPE.sampling.seed), 20)) == drawn(20)


def test_every_kind_of_neutrinos_and_dark_energy_is_drawn() -> None:
    found = drawn(120)
    assert {c.get("N_ncdm", 0) for c in found} == {0, 1, 2, 3}
    assert {c.get("use_ppf") for c in found} == {None, "yes", "no"}
    assert {float(str(c["Omega_k"])) == 0.0 for c in found} == {True, False}
    assert {c["recombination"] for c in found} == {"HyRec", "RECFAST"}


def test_what_is_drawn_obeys_the_ranges() -> None:
    ranges = RECIPE.sampling.ranges
    for c in drawn(120):
        for name in ("omega_b", "omega_cdm", "H0", "Omega_k", "T_cmb", "YHe"):
            low, high = getattr(ranges, name)
            assert low <= float(str(c[name])) <= high
        assert float(str(c["N_ur"])) >= 0.0
        if "w0_fld" in c:
            assert float(str(c["w0_fld"])) + float(str(c["wa_fld"])) <= ranges.w0_plus_wa
        if "N_ncdm" in c:
            masses, degeneracies = (list(map(float, str(c[n]).split(","))) for n in ("m_ncdm", "deg_ncdm"))
            assert np.dot(masses, degeneracies) <= ranges.sum_of_masses
            assert max(masses) <= ranges.m_ncdm


def test_edges_begin_where_the_recipe_says() -> None:
    """Those before stay as they are; those after lie near the ends, and are not integrated at both levels."""
    first, ranges = RECIPE.sampling.edges_from, RECIPE.sampling.ranges
    evenly = drawn(first)
    found = list(islice(RECIPE.sampling.cosmologies(), first + 60))
    assert found[:first] == evenly

    def near_an_end(cosmologies: list[Cosmology]) -> float:
        places = [(float(c[name]) - low) / (high - low) for c in cosmologies
                  for name, (low, high) in (("omega_b", ranges.omega_b), ("omega_cdm", ranges.omega_cdm))]
        return float(np.mean([abs(place - 0.5) > 0.45 for place in places]))

    assert near_an_end(evenly) == pytest.approx(0.1, abs=0.04)
    assert near_an_end(found[first:]) > 0.35
    assert {len(RECIPE.levels_of(i, c)) for i, c in enumerate(found)} == {1, 2}
    assert {len(RECIPE.levels_of(first + i, c)) for i, c in enumerate(found[first:])} == {1}


def test_families_of_a_box_take_turns_within_their_ranges() -> None:
    box = SampledBox.model_validate(BOX)
    found = list(islice(draw(box, 1), 40))
    for number, cosmology in enumerate(found):
        entries = {**box.ranges, **box.families[number % 2]}
        assert cosmology.keys() == entries.keys()
        for name, entry in entries.items():
            if isinstance(entry, tuple):
                assert entry[0] <= cosmology[name] <= entry[1]
            else:
                assert cosmology[name] == entry
    assert len({c["omega_b"] for c in found}) == 40
    assert list(islice(draw(box, 1), 80))[:40] == found


@pytest.mark.parametrize("has_ranges", [True, False])
def test_sampling_is_of_ranges_or_of_a_box(has_ranges: bool) -> None:
    sampling = RECIPE.sampling.model_dump(exclude={"ranges", "box"})
    both_or_neither = {"ranges": RECIPE.sampling.ranges, "box": BOX} if has_ranges else {}
    with pytest.raises(ValidationError):
        TwoLevelSampling(**sampling, **both_or_neither)
    box = TwoLevelSampling(**sampling, box=BOX)
    assert list(islice(box.cosmologies(), 9)) == list(islice(draw(SampledBox.model_validate(BOX), sampling["seed"]), 9))


@pytest.mark.parametrize("wrong", [
    {**BOX, "families": []}, {**BOX, "ranges": {"H0": [75, 60]}}, {**BOX, "families": [{"N_ur": [3.1, 3.0]}]}])
def test_box_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SampledBox.model_validate(wrong)


def test_acoustic_scale_is_what_was_drawn_to_a_per_cent() -> None:
    """CLASS's acoustic scale lies in the range, but for the error of the formulas."""
    from classy import Class

    low, high = RECIPE.sampling.ranges.theta_s_100
    for c in drawn(12):
        universe = Class()
        universe.set(c)
        universe.compute(["thermodynamics"])
        theta, n_eff = universe.get_current_derived_parameters(["100*theta_s", "Neff"]).values()
        universe.struct_cleanup()
        assert 0.99 * low < theta < 1.01 * high
        assert RECIPE.sampling.ranges.N_eff[0] - 0.01 < n_eff < RECIPE.sampling.ranges.N_eff[1] + 0.01


@pytest.mark.parametrize("omega_k", [-0.1, 0.0, 0.1])
def test_grids_have_no_wavenumber_that_space_has_not(omega_k: float) -> None:
    cosmology = {"H0": 60.0, "tau_rec": 280.0, "conformal_age": 14000.0, "sound_horizon_rec": 145.0}
    k, tau = CurvedSpaceGrids().of(cosmology, {"Omega0_k": omega_k})
    curvature = -omega_k * (60.0 / 299792.458) ** 2
    # the tensor that a quadrupole is made of needs k^2 > 3 K, and open space k^2 > -K
    assert k[0] ** 2 > max(3.0 * curvature, -curvature)
    assert np.all(np.diff(k) > 0) and np.all(np.diff(tau) > 0) and tau[-1] == 14000.0
    # CLASS's first wavenumber of closed space lies inside
    assert curvature <= 0 or k[0] ** 2 < 8.0 * curvature


def test_models_without_the_largest_wavenumbers_have_the_others_alike() -> None:
    cosmology = {"H0": 60.0, "tau_rec": 280.0, "conformal_age": 14000.0, "sound_horizon_rec": 145.0}
    far, near = (CurvedSpaceGrids().of(cosmology, {"Omega0_k": 0.0}, is_far)[0] for is_far in (True, False))
    assert np.array_equal(far[:near.size], near) and near[-1] <= CurvedSpaceGrids().k_most < far[near.size] < far[-1]
    # models at both levels without massive neutrinos have all wavenumbers
    assert all(RECIPE.sampling.is_far(i) for i in range(100) if RECIPE.levels.both_massless.has(i))


def test_levels_share_what_decides_where_sources_change() -> None:
    cheap, converged = RECIPE.levels.of("cheap"), RECIPE.levels.of("converged")
    trigger = "radiation_streaming_trigger_tau_over_tau_k"
    assert cheap[trigger] == converged[trigger]
    assert cheap["l_max_g"] < converged["l_max_g"]
    pairs = [c for i, c in enumerate(drawn(250)) if len(RECIPE.levels_of(i, c)) == 2]
    assert {c.get("N_ncdm", 0) for c in pairs} == {0, 1}


@pytest.mark.parametrize(("entry", "wrong"), [
    ("YHe = [0.175, 0.325]", "YHe = [0.325, 0.175]"), ("H0 = [39.0, 102.0]", "H0 = [39, 8000]"),
    ("omega_b = [0.0172, 0.0278]", "omega_b = [0, 0.0278]"),
])
def test_recipe_that_is_wrong_names_its_line(entry: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(STANDARD.read_text().replace(entry, wrong))
    with pytest.raises(RecipeError, match=rf"line \d+: sampling\.ranges: {re.escape(wrong)}"):
        load_two_level_recipe(path)
    assert has_levels(STANDARD) and not has_levels(ROOT / "tests/one_level.toml")


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grids of a few wavenumbers: a model takes a second."""
    grids = CurvedSpaceGrids(
        y_steps=(0.5, 10.0, 40.0, 60.0, 80.0), x_steps=(30.0,) * 4, k_middle=1.3, k_last=1.4, per_decade=40,
        per_decade_last=40)
    for user in (level_model, plan_module):
        monkeypatch.setattr(user, "CurvedSpaceGrids", lambda: grids)


def test_model_is_read_as_it_was_written(coarse: None, tmp_path: Path) -> None:
    cosmology = next(c for c in drawn(100) if c.get("N_ncdm") == 2)
    model = integrate_level_model({**RECIPE.settings, **RECIPE.levels.of("cheap")}, cosmology)
    write_level_model(tmp_path / "00000.h5", model)
    again = read_level_model(tmp_path / "00000.h5")
    assert again.settings == cosmology and again.cosmology == model.cosmology
    assert np.array_equal(again.integrated["t0"], model.integrated["t0"])
    # columns for further inputs of networks: neutrinos, recombination
    assert {"(.)rho_ncdm[1]", "(.)p_ncdm[1]", "H [1 over Mpc]"} <= again.background.keys()
    assert {"x_e", "z"} <= again.thermodynamics.keys()


Asked = list[tuple[str, int]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Level and number of the models that are asked for, whose files are empty."""
    asked: Asked = []

    def pretend(*given: Any) -> Iterator[float]:
        for path in given[2]:
            asked.append((path.parent.name, int(path.stem)))
            path.parent.mkdir(exist_ok=True)
            path.touch()
            yield 1.0

    monkeypatch.setattr(module, "results", pretend)
    return asked


def plan_of(work: Path, number: int, recipe: TwoLevelRecipe = RECIPE) -> TwoLevelPlan:
    return TwoLevelPlan(recipe, STANDARD, work, number)


def test_generation_goes_on_where_it_stopped(asked: Asked, tmp_path: Path) -> None:
    """Models that are there are left alone, those that are missing are asked for, and another recipe is refused."""
    module.integrate(plan_of(tmp_path, 34))
    # one of the last two has one massive species, the other none
    assert sorted(asked) == [*(("cheap", i) for i in range(34)), ("converged", 32), ("converged", 33)]
    (tmp_path / "cheap/00003.h5").unlink()
    asked.clear()
    found = module.integrate(plan_of(tmp_path, 35))
    assert asked == [("cheap", 3), ("cheap", 34)]
    assert sorted(found) == plan_of(tmp_path, 1).available()
    # the cost: the missing one of each level is integrated, and the rest is multiplied
    (tmp_path / "cheap/00001.h5").unlink()
    timed = module.time_models(plan_of(tmp_path, 50))
    assert [(one.missing, one.seconds) for one in timed] == [(15, 1.0), (0, 1.0)]
    other = RECIPE.model_copy(update={"sampling": RECIPE.sampling.model_copy(update={"seed": 1})})
    with pytest.raises(DatasetError):
        module.integrate(plan_of(tmp_path, 7, other))
    assert json.loads((tmp_path / "recipe.json").read_text())["seed"] == RECIPE.sampling.seed


def test_training_needs_models_of_the_lower_fidelity(tmp_path: Path) -> None:
    (tmp_path / "converged").mkdir()
    (tmp_path / "converged/00000.h5").touch()
    with pytest.raises(DatasetError, match="generate"):
        plan_of(tmp_path, 34).available()


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(("answer", "models"), [("n", 2), ("y", 36)])
def test_generate_shows_the_cost_and_asks(
    answer: str, models: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    status = main(["generate", str(STANDARD), "--number", "34", "--work", str(tmp_path), "--processes", "1"])
    assert (status == 0) == (answer == "y")
    assert "to integrate" in capsys.readouterr().err
    assert len(list(tmp_path.rglob("*.h5"))) == models


def test_setting_that_class_does_not_read_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, TINY_LEVELS.replace("[class_settings]\n", "[class_settings]\nN_ndcm = 3\n"))
    line = path.read_text().splitlines().index("N_ndcm = 3") + 1
    with pytest.raises(RecipeError, match=f"line {line}: .*N_ncdm"):
        open_plan(path).check()


def test_make_goes_from_a_recipe_to_measured_networks(
    coarse: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for user in (module, tables, fit_levels):
        monkeypatch.setattr(user, "single_threaded_pool", serial_pool)
    for name, nodes in NODES.items():
        monkeypatch.setitem(NODES, name, np.linspace(nodes[0], np.log(25.0) if "ln_x" in name else nodes[-1], 40))
    # relevances need not be good
    monkeypatch.setattr(relevance, "FIRST_STEPS", 2)
    monkeypatch.setattr(relevance, "STEPS", 2)
    measured: list[evaluate.EvaluationSettings] = []
    monkeypatch.setattr(evaluate, "evaluate", measured.append)
    output, work = tmp_path / "nets", tmp_path / "work"
    command = ["make", str(write_tiny(tmp_path, TINY_LEVELS)), "--work", str(work), "--output", str(output),
               "--models", "3", "--processes", "1"]
    assert main(command) == 0
    assert [len(list((work / level).glob("*.h5"))) for level in ("cheap", "converged")] == [8, 4]
    manifest = load_network_set(output).manifest
    assert (manifest.recipe["models_used"], manifest.recipe["pairs_used"]) == (8, 4)
    assert "accuracy" not in manifest.recipe and "ranges" not in manifest.recipe["sampling"]
    # as converged as the higher level, and by no input that does not vary
    assert manifest.precision["tol_perturbations_integration"] == 1e-6
    assert {"ln_baryons", "N_eff"} <= set(manifest.derived_inputs) and "ln_T_cmb" not in manifest.derived_inputs
    assert [(s.network, s.cache, s.models) for s in measured] == [(str(output), work / "unseen", 3)]
    # all that was done is kept
    before = (output / "manifest.json").read_bytes()
    monkeypatch.setattr(module, "_run_one", pytest.fail)
    monkeypatch.setattr(module, "time_one", lambda *arguments: (None, 0.0))
    assert main(command) == 0
    assert (output / "manifest.json").read_bytes() == before
