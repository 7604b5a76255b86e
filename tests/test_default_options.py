"""COSMICNET=yes, or a file of the user, switches networks on for every object that names no option."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from providers import computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

COVERED = {"output": "mPk", "P_k_max_1/Mpc": 0.1, "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308}
NEVER_COVERED = {**COVERED, "gauge": "newtonian", "matter_source_in_current_gauge": "yes"}


def sigma8_and_info(parameters: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    model = computed(parameters)
    return model.sigma8(), model.neural_network_info()


@pytest.fixture
def options_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "cosmicnet").mkdir()
    return tmp_path / "cosmicnet/options.ini"


def test_off_by_default() -> None:
    assert not sigma8_and_info(COVERED)[1]["used"]


def test_a_variable_switches_on_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sigma8_and_info({**COVERED, "neural_network": "yes"})
    monkeypatch.setenv("COSMICNET", "yes")
    found = sigma8_and_info(COVERED)
    assert found[0] == asked[0]
    assert found[1]["used"] and "COSMICNET" in found[1]["switched_on_by"]
    assert "switched_on_by" not in asked[1]


def test_a_file_switches_on_and_is_named(options_file: Path) -> None:
    options_file.write_text("# networks for me\nneural_network = yes\nneural_network_path = lcdm\n")
    info = sigma8_and_info(COVERED)[1]
    assert info["used"] and info["name"] == "lcdm" and info["switched_on_by"] == str(options_file)


def test_a_folder_that_cannot_be_looked_into_has_no_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As root may enter any folder, one whose name is too long stands for the home of another user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / (300 * "x")))
    assert not sigma8_and_info(COVERED)[1]["used"]


def test_the_variable_wins_over_the_file(options_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options_file.write_text("neural_network = yes\n")
    monkeypatch.setenv("COSMICNET", "no")
    assert not sigma8_and_info(COVERED)[1]["used"]


def test_parameters_win_over_both(options_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options_file.write_text("neural_network = yes\n")
    monkeypatch.setenv("COSMICNET", "yes")
    assert not sigma8_and_info({**COVERED, "neural_network": "no"})[1]["used"]


def test_all_options_are_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMICNET", "yes")
    monkeypatch.setenv("COSMICNET_PATH", "lcdm")
    monkeypatch.setenv("COSMICNET_FAST_BACKGROUND", "no")
    info = sigma8_and_info(COVERED)[1]
    assert info["used"] and info["name"] == "lcdm" and not info["fast_background"]
    monkeypatch.setenv("COSMICNET_FALLBACK", "error")
    with pytest.raises(classy.CosmoSevereError, match="gauge"):
        sigma8_and_info(NEVER_COVERED)


@pytest.mark.parametrize("line", ["neural_networks = yes", "neural_network yes", "neural_network = perhaps"])
def test_a_wrong_line_is_named(options_file: Path, line: str) -> None:
    options_file.write_text(line + "\n")
    with pytest.raises(classy.CosmoSevereError, match=line.split()[0]):
        sigma8_and_info(COVERED)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMICNET", "perhaps")
    with pytest.raises(classy.CosmoSevereError, match="perhaps"):
        sigma8_and_info(COVERED)
