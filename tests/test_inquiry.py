"""The Python interface without Cobaya: list of sets, coverage of parameters, source functions."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cosmicnet
import cosmicnet.errors
from cosmicnet.choice import choose, sets_by_domain

pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

LCDM: dict[str, Any] = {
    "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06,
    "output": "tCl,mPk"}
FLUID: dict[str, Any] = {
    "omega_b": 0.0224, "omega_cdm": 0.119, "H0": 68.0, "tau_reio": 0.06, "N_ur": 0.00641, "N_ncdm": 1, "deg_ncdm": 3,
    "m_ncdm": 0.05, "Omega_Lambda": 0, "w0_fld": -0.9, "wa_fld": -0.3, "use_ppf": "yes", "output": "tCl,mPk"}


def test_importing_is_cheap() -> None:
    code = "import sys, cosmicnet; print(cosmicnet.__version__, 'numpy' in sys.modules)"
    version, numpy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                    check=True).stdout.split()
    assert version[0].isdigit() and numpy == "False"


def test_all_names_are_there() -> None:
    assert all(hasattr(cosmicnet, name) for name in cosmicnet.__all__)


def test_coverage_names_the_most_accurate_set_and_why_not_the_others() -> None:
    assert cosmicnet.covers(LCDM).network == "lcdm"
    found = cosmicnet.covers(FLUID)
    assert found and found.why_not["lcdm"] and not found.why_not[found.network]
    outside = cosmicnet.covers({**LCDM, "H0": 20.0})
    assert not outside and outside.network == "lcdm" and "H0 = 20" in str(outside)


def test_sources_are_those_of_compute() -> None:
    from classy import Class

    model = Class()
    model.set({**LCDM, "neural_network": "yes"})
    model.compute(["perturbations"])
    tables, k, tau = model.get_sources()
    ours = cosmicnet.sources(LCDM)
    # beyond those of the CMB compute() has more wavenumbers
    same = np.isin(k, ours.k)
    assert np.array_equal(ours.k, k[same]) and np.array_equal(ours.tau, tau)
    for name, table in tables.items():
        np.testing.assert_allclose(ours.tables[name], table[same], rtol=1e-6, atol=1e-7 * np.max(np.abs(table)))
    few = cosmicnet.sources(LCDM, k=k[20:60:10], tau=tau[300:310])
    largest = np.max(np.abs(tables["t0"]))
    np.testing.assert_allclose(few.tables["t0"], tables["t0"][20:60:10, 300:310], atol=1e-5 * largest)


@pytest.mark.parametrize("k", [[0.1], [0.5, 0.9], [1e-3]])
def test_sources_of_few_wavenumbers(k: list[float]) -> None:
    """Also where photons stream before they are scattered again: as among many wavenumbers."""
    many = np.union1d(np.geomspace(1e-5, 0.9, 100), k)
    few, all_of_them = (cosmicnet.sources(LCDM, k=grid) for grid in (k, many))
    for name, table in few.tables.items():
        expected = all_of_them.tables[name]
        np.testing.assert_allclose(table, expected[np.isin(many, k)], atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("grid", "named"), [
    ({"tau": [1.0]}, r"tau = 1 .*\[\d+.*, 1\d{4}"), ({"tau": [5000.0, 1e6]}, "tau = 1000000 "),
    ({"tau": [np.nan]}, "tau = nan"), ({"k": []}, "k: "), ({"k": [0.1, 0.01]}, "k: "), ({"k": [-0.1, 0.1]}, "k: "),
    ({"k": [0.01, np.nan]}, "k: "), ({"k": [100.0, 200.0]}, "k up to 200"),
])
def test_grid_on_which_there_are_no_sources(grid: dict[str, Any], named: str) -> None:
    """Nothing is extrapolated."""
    with pytest.raises(cosmicnet.errors.CosmicnetError, match=named):
        cosmicnet.sources(LCDM, **grid)


def test_parameters_that_need_no_sources_or_are_not_covered() -> None:
    with pytest.raises(cosmicnet.errors.CosmicnetError, match="output"):
        cosmicnet.covers({"H0": 70.0})
    with pytest.raises(cosmicnet.errors.NotCovered, match="H0 = 20"):
        cosmicnet.sources({**LCDM, "H0": 20.0})


def test_a_run_takes_the_set_that_covers_most_of_it() -> None:
    wide, narrow = {"a": (), "b": ()}, {"a": ("H0",), "b": ()}
    assert choose([wide, wide]) == "a" and choose([wide, narrow]) == "b"
    assert choose([{"a": ("x", "y"), "b": ("x",)}]) == "b"


def test_narrow_sets_come_first_and_broken_ones_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMICNET_NETWORKS", str(tmp_path))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("[" * 100_000)
    names = [name for name, _ in sets_by_domain()]
    assert names.index("lcdm") < names.index("standard") and "broken" not in names
    # narrower than both, and less accurate
    assert "paper" in cosmicnet.installed_sets() and "paper" not in names


def test_user_without_a_home_has_the_shipped_sets() -> None:
    code = "import cosmicnet; print(*cosmicnet.installed_sets())"
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("HOME", "XDG_DATA_HOME", "COSMICNET_NETWORKS")}
    found = subprocess.run([sys.executable, "-c", f"import pathlib\ndef no(self): raise RuntimeError('no home')\n"
                            f"pathlib.Path.expanduser = no\n{code}"], capture_output=True, text=True, check=True,
                           env=environment).stdout.split()
    assert "lcdm" in found
    with pytest.raises(cosmicnet.errors.NetworkFileError, match="~nobody_at_all/x"):
        cosmicnet.load_network_set("~nobody_at_all/x")


def test_auto_answers_with_the_set_that_covers() -> None:
    from classy import Class

    for parameters, name in ((LCDM, "lcdm"), (FLUID, cosmicnet.covers(FLUID).network)):
        model = Class()
        model.set({**parameters, "neural_network": "yes", "neural_network_path": "auto",
                   "neural_network_fallback": "error"})
        model.compute(["perturbations"])
        info = model.neural_network_info()
        assert info["used"] and info["name"] == name
    assert "has_fld = 1" in info["others"]["lcdm"] or "deg_ncdm = 3" in info["others"]["lcdm"]
