"""A recipe of w0, wa, N_eff and neutrino masses: its inputs, its domain and its coverage."""
from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from recipes import DARK_ENERGY, dark_energy_recipe, tiny_recipe
from synthetic import COSMOLOGY, RUNNING, make_network_set, make_request

from cosmicnet.coverage import why_not_covered
from cosmicnet.fields import FIELDS, INPUTS, fields_for
from cosmicnet.installed import installed_sets
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid
from cosmicnet.store import NetworkSet, load_network_set, save_network_set
from cosmicnet.training.checks.feasible import corners, require_feasible
from cosmicnet.training.evaluate.domain import unseen_points
from cosmicnet.training.recipe.schema import RecipeError, load_recipe

COSMOLOGICAL_CONSTANT = {**COSMOLOGY, "omega_ncdm": 6e-4, "N_eff": 3.044, "w0_fld": -1.0, "wa_fld": 0.0}


def test_fields_of_flat_lcdm(tmp_path: Path) -> None:
    assert fields_for(tiny_recipe(tmp_path).sampling.ranges) == FIELDS


def test_fields_get_an_input_for_everything_that_is_sampled(tmp_path: Path) -> None:
    for field in fields_for(dark_energy_recipe(tmp_path).sampling.ranges):
        assert {"N_eff", "N_massive", "m_ncdm"} <= set(field.inputs) <= set(INPUTS) and "N_ur" not in field.inputs
        dark = {"dark_energy_rec"} if field.region == "early" else {
            "w0_fld", "w0_plus_wa", "ln_dark_energy_z2", "ln_dark_energy_z10", "ln_dark_energy_z100"}
        assert dark <= set(field.inputs)


def test_share_of_dark_energy() -> None:
    matter = COSMOLOGY["omega_b"] + COSMOLOGY["omega_cdm"]
    share = ((COSMOLOGY["H0"] / 100.0) ** 2 - matter - 6e-4) / matter
    assert INPUTS["dark_energy_rec"](COSMOLOGICAL_CONSTANT) == pytest.approx(share / 1091.0**3)
    # w = -1/3 (1 - a): as curvature but for the last few e-folds, rho ~ a^-2 exp(a - 1)
    early = {**COSMOLOGICAL_CONSTANT, "w0_fld": 0.0, "wa_fld": -1.0 / 3.0}
    assert np.expm1(INPUTS["ln_dark_energy_z10"](early)) == pytest.approx(share / 11.0 * np.exp(1.0 - 1.0 / 11.0))


def manifest(**changes: object) -> Manifest:
    made = make_network_set().manifest
    return Manifest(**{**vars(made), **changes})  # type: ignore[arg-type]


def reasons(made: Manifest) -> list[str]:
    networks = make_network_set()
    request = make_request()
    request.cosmology["YHe"] = 0.25
    return list(why_not_covered(request, NetworkSet(made, networks.emulator, networks.derived), RUNNING))


def test_constraints_and_ellipsoid_cut_the_domain() -> None:
    assert reasons(manifest(constraints=["omega_b + omega_cdm < 0.15"])) == []
    found, = reasons(manifest(constraints=["omega_b + omega_cdm < 0.14"]))
    assert found == "omega_b = 0.0224, omega_cdm = 0.12 does not obey omega_b + omega_cdm < 0.14"
    near = Ellipsoid(("omega_b", "omega_cdm"), np.array([0.0222, 0.12]), np.diag([1e-8, 1e-6]), 3.0)
    assert reasons(manifest(ellipsoid=near.to_json())) == []
    found, = reasons(manifest(ellipsoid={**near.to_json(), "sigmas": 1.0}))
    assert re.search(r"\b2 standard deviations.* 1\b", found)


def test_constraints_are_kept_with_the_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = make_network_set()
    made = manifest(constraints=["omega_b < 1"])
    save_network_set(tmp_path / "mine", NetworkSet(made, networks.emulator, networks.derived))
    monkeypatch.setenv("COSMICNET_NETWORKS", str(tmp_path))
    assert installed_sets()["mine"] == tmp_path / "mine"
    assert load_network_set("mine").manifest.constraints == ["omega_b < 1"]


def test_unseen_points_vary_all_of_the_domain(tmp_path: Path) -> None:
    recipe = dark_energy_recipe(tmp_path)
    domain = {name: ends for name, ends in recipe.domain.items() if name != "100*theta_s"}
    made = manifest(domain=domain, constraints=recipe.constraints, recipe=recipe.model_dump(mode="json"))
    points = unseen_points(made, 50, 1)
    assert points[:10] == unseen_points(made, 10, 1)
    for name, (low, high) in domain.items():
        values = np.array([p[name] for p in points])
        assert low <= values.min() < values.max() <= high and np.ptp(values) > 0.4 * (high - low), name
    assert all(p["w0_fld"] + p["wa_fld"] < -0.1 and p["deg_ncdm"] == 3 for p in points)


def test_unseen_points_fill_an_ellipsoid_that_is_a_needle_in_its_box(tmp_path: Path) -> None:
    """Of the box hardly one point in a million lies inside."""
    recipe = dark_energy_recipe(tmp_path)
    domain = {name: recipe.domain[name] for name in ("omega_b", "omega_cdm", "H0", "w0_fld", "tau_reio")}
    names, widths = tuple(domain)[:4], np.array([1e-4, 1e-3, 2.0, 0.1])
    covariance = (0.9999 + 0.0001 * np.eye(4)) * np.outer(widths, widths)
    needle = Ellipsoid(names, np.array([0.0224, 0.12, 68.0, -1.0]), covariance, 3.0)
    made = manifest(domain=domain, ellipsoid=needle.to_json(), recipe=recipe.model_dump(mode="json"))
    points = unseen_points(made, 100, 1)
    distances = np.array([needle.distance(p) for p in points])
    # half of the volume lies beyond the fourth root of a half of the radius
    assert distances.max() <= 3.0 * (1.0 + 1e-9)
    assert np.mean(distances > 3.0 * 0.5**0.25) == pytest.approx(0.5, abs=0.1)
    assert np.ptp([p["tau_reio"] for p in points]) > 0.1


@pytest.mark.usefixtures("patched")
def test_class_computes_the_corners(tmp_path: Path) -> None:
    recipe = dark_energy_recipe(tmp_path)
    assert all(p["w0_fld"] + p["wa_fld"] < -0.1 for corner in corners(recipe) for p in [corner.point])
    require_feasible(recipe, tmp_path / "dark_energy.toml", None)


@pytest.mark.usefixtures("patched")
def test_range_that_class_cannot_compute_is_refused(tmp_path: Path) -> None:
    text = DARK_ENERGY.replace("N_ur = [0.0, 1.48]", "N_ur = [-1.0, 1.48]")
    (tmp_path / "dark_energy.toml").write_text(text)
    line = text.splitlines().index("N_ur = [-1.0, 1.48]") + 1
    reason = r"CLASS cannot compute sampling\.ranges\.N_ur = -1, the others in the middle: (.|\n)*negative"
    with pytest.raises(RecipeError, match=f"line {line}: {reason}"):
        require_feasible(load_recipe(tmp_path / "dark_energy.toml"), tmp_path / "dark_energy.toml", None)


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize(("setting", "reason"), [
    ("N_ndcm = 3", r"class_settings\.N_ndcm: .*\bN_ncdm\b"),
    ("tau_reio = 0.05", r"class_settings\.tau_reio: "),
])
def test_setting_that_class_does_not_read_is_refused_with_its_line(tmp_path: Path, setting: str, reason: str) -> None:
    path = tmp_path / "dark_energy.toml"
    path.write_text(DARK_ENERGY.replace("[class_settings]\n", f"[class_settings]\n{setting}\n"))
    line = path.read_text().splitlines().index(setting) + 1
    with pytest.raises(RecipeError, match=f"line {line}: {reason}"):
        require_feasible(load_recipe(path), path, None)
