"""Parameters beyond those that inputs are made of: inputs by their own names, in training and at run time."""
from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from builds import ROOT
from recipes import COARSE, tiny_sampling
from synthetic import COSMOLOGY, RUNNING, make_field, make_network_set, make_request

from cosmicnet.coverage import why_not_covered
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.errors import CosmicnetError, NetworkFileError
from cosmicnet.fields import FIELDS, fields_for, inputs_of
from cosmicnet.network import Normalization
from cosmicnet.store import NetworkSet, load_network_set, save_network_set
from cosmicnet.training.checks import visible
from cosmicnet.training.checks.feasible import require_feasible
from cosmicnet.training.checks.visible import require_visible
from cosmicnet.training.one_level.plan import OneLevelPlan

USUAL = ("omega_b", "omega_cdm", "H0", "N_ur", "m_ncdm")
DRAG = (0.9, 1.1)


def test_any_other_parameter_is_an_input_of_every_field() -> None:
    for field, usual in zip(fields_for((*USUAL, "YHe", "my_drag")), FIELDS, strict=True):
        assert field.inputs == (*usual.inputs, "YHe", "my_drag")
    with_dark_energy = fields_for(("my_drag", "w0_fld", "T_ncdm"))
    assert all(field.inputs[-1] == "my_drag" and "N_massive" in field.inputs for field in with_dark_energy)


def test_inputs_are_found_among_settings_and_numbers_of_a_cosmology() -> None:
    values = {"my_drag": 1.02, **COSMOLOGY, "YHe": 0.245}
    assert inputs_of(values, ("YHe", "N_ur", "my_drag")).tolist() == [0.245, COSMOLOGY["N_ur"], 1.02]


def networks_with_drag(*sampled: str) -> NetworkSet:
    """Networks of random numbers whose training varied the parameters `sampled`, with my_drag as an input."""
    made = make_network_set("mine", FieldsEmulator(
        [make_field(spec, seed) for seed, spec in enumerate(fields_for((*USUAL, "my_drag")))]))
    names = [*made.manifest.domain, *sampled]
    derived = dataclasses.replace(
        made.derived, input_map=Normalization(np.zeros(len(names)), np.ones(len(names))),
        exponents=np.zeros((1, len(names)), dtype=np.int64))
    manifest = dataclasses.replace(
        made.manifest, domain={**made.manifest.domain, **dict.fromkeys(sampled, DRAG)}, derived_inputs=names)
    return NetworkSet(manifest, made.emulator, derived)


def test_networks_come_back_and_depend_on_the_parameter(tmp_path: Path) -> None:
    save_network_set(tmp_path, networks_with_drag("my_drag"))
    loaded = load_network_set(tmp_path)
    assert [f.field for f in loaded.emulator.fields] == list(fields_for((*USUAL, "my_drag")))
    tables = []
    for drag in (1.0, 1.0, 1.05):
        request = make_request()
        request.setup["my_drag"], request.cosmology["YHe"] = drag, 0.25
        assert list(why_not_covered(request, loaded, RUNNING)) == []
        loaded.emulator.fill(request)
        tables.append(request.tables)
    for name, table in tables[0].items():
        assert np.array_equal(table, tables[1][name]) and not np.array_equal(table, tables[2][name]), name


def test_requests_outside_or_without_the_parameter_are_not_covered(tmp_path: Path) -> None:
    save_network_set(tmp_path, networks_with_drag("my_drag"))
    loaded = load_network_set(tmp_path)
    request = make_request()
    request.cosmology["YHe"] = 0.25
    assert list(why_not_covered(request, loaded, RUNNING)) == [
        "there is no my_drag here, but the networks were trained with [0.9, 1.1]"]
    request.setup["my_drag"] = 1.2
    assert list(why_not_covered(request, loaded, RUNNING)) == ["my_drag = 1.2 is outside [0.9, 1.1]"]


def test_input_that_training_did_not_vary_is_refused(tmp_path: Path) -> None:
    """A request could lack it, or have any value of it."""
    save_network_set(tmp_path, networks_with_drag())
    with pytest.raises(NetworkFileError, match=r"early\.monopole: .*'my_drag'"):
        load_network_set(tmp_path)


def test_parameter_of_the_domain_that_was_not_sampled_is_no_input(tmp_path: Path) -> None:
    made = networks_with_drag()
    manifest = dataclasses.replace(made.manifest, domain={**made.manifest.domain, "my_drag": DRAG})
    save_network_set(tmp_path, NetworkSet(manifest, made.emulator, made.derived))
    with pytest.raises(NetworkFileError, match="'my_drag'"):
        load_network_set(tmp_path)


def check(folder: Path, **ranges: tuple[float, float]) -> None:
    """The checks of `cosmicnet make` before the integration, for a recipe that samples more parameters."""
    path = folder / "mine.toml"
    path.write_text(tiny_sampling(**ranges), encoding="utf-8")
    plan = OneLevelPlan.open(path, folder)
    require_feasible(plan.recipe, plan.recipe_file, plan.ellipsoid)
    require_visible(plan.recipe, plan.recipe_file, plan.points)


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny recipe has no room for the real grids."""
    monkeypatch.setattr(visible, "AlignedGrids", lambda: COARSE)


@pytest.mark.usefixtures("patched", "coarse")
def test_what_class_reports_can_be_sampled(tmp_path: Path) -> None:
    check(tmp_path, YHe=(0.2, 0.3), T_cmb=(2.7, 2.75), ksi_ncdm=(0.0, 0.1), DM_annihilation_efficiency=(1e-25, 1e-24),
          N_idr=(0.1, 0.4))


@pytest.mark.usefixtures("patched", "coarse")
@pytest.mark.parametrize(("name", "low", "high", "why"), [
    ("YHee", 0.2, 0.3, r"line \d+: sampling\.ranges\.YHee: .*\bYHe\b"),
    ("l_max_g", 10, 20, r"line \d+: sampling\.ranges\.l_max_g: "),
    ("ceff2_ur", 0.3, 0.34, "ceff2_ur: "),
    ("A_L", 0.9, 1.1, r"line \d+: sampling\.ranges\.A_L: "),
])
def test_what_class_does_not_report_is_refused_with_its_line(
    tmp_path: Path, name: str, low: float, high: float, why: str
) -> None:
    with pytest.raises(CosmicnetError, match=why):
        check(tmp_path, **{name: (low, high)})


@pytest.mark.usefixtures("patched")
def test_recipe_of_the_docs_passes_all_checks(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "retrain.md").read_text(encoding="utf-8")
    path = tmp_path / "helium.toml"
    path.write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    plan = OneLevelPlan.open(path, tmp_path).with_models(2)
    require_feasible(plan.recipe, plan.recipe_file, plan.ellipsoid)
    require_visible(plan.recipe, plan.recipe_file, plan.points)
    assert "YHe" in plan.recipe.sampling.ranges
