"""Networks trained with another release of CLASS: in classy, under both fallbacks."""
from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks_under_test import NETWORKS, networks, nothing_warned_of, options  # noqa: F401  (fixtures)

from cosmicnet.errors import CosmicnetWarning
from cosmicnet.installed import shipped_sets
from cosmicnet.store import load_network_set, save_network_set

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched", "networks", "nothing_warned_of")

SETTINGS: dict[str, Any] = {
    "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055, "N_ur": 2.0308, "N_ncdm": 1,
    "m_ncdm": 0.06, "output": "mPk", "P_k_max_1/Mpc": 0.1,
}


def networks_of(version: str, folder: Path) -> dict[str, str]:
    """Options with a copy of the networks that says that it was trained with `version`."""
    shutil.copytree(shipped_sets().get(NETWORKS, Path(NETWORKS)), folder)
    copied = load_network_set(folder)
    manifest = dataclasses.replace(copied.manifest, class_version=version)
    save_network_set(folder, dataclasses.replace(copied, manifest=manifest))
    return {"neural_network": "yes", "neural_network_path": str(folder)}


def computed(**options: Any) -> Any:
    model = classy.Class()
    model.set(SETTINGS | options)
    model.compute(["perturbations"])
    return model


def test_other_release_is_an_error(tmp_path: Path) -> None:
    options = networks_of("v3.4.0", tmp_path / "old")
    with pytest.raises(classy.CosmoSevereError, match=r"v3\.4\.1.*v3\.4\.0"):
        computed(**options, neural_network_fallback="error")


def test_other_release_is_integrated_instead(tmp_path: Path) -> None:
    options = networks_of("v3.4.0", tmp_path / "old")
    with pytest.warns(CosmicnetWarning, match=r"v3\.4\.0"):
        model = computed(**options, neural_network_fallback="full")
    assert model.neural_network_info()["used"] is False
    full = computed().get_sources()[0]
    for name, table in model.get_sources()[0].items():
        assert np.array_equal(table, full[name]), name


def test_other_patch_level_is_covered(tmp_path: Path) -> None:
    options = networks_of("3.4.1.0+cosmicnet.99", tmp_path / "same")
    assert computed(**options, neural_network_fallback="error").neural_network_info()["used"] is True


def tables_elsewhere(folder: Path) -> Path:
    """A copy of CLASS's tables, for the option base_path."""
    shutil.copytree(Path(classy.__file__).parent / "external", folder / "external")
    return folder


def test_unchanged_tables_are_covered_wherever_they_are(tmp_path: Path) -> None:
    assert computed(**options(), base_path=str(tables_elsewhere(tmp_path))).neural_network_info()["used"] is True


@pytest.mark.parametrize(("table", "parameter"), [
    ("HyRec2020/Alpha_inf.dat", "hyrec_path"), ("HyRec2020/fit_swift.dat", "hyrec_path")])
def test_changed_tables_are_refused_by_name(tmp_path: Path, table: str, parameter: str) -> None:
    """Rates of recombination, 5% off in one row, move the spectra: networks do not answer. Helium is an input."""
    folder = tables_elsewhere(tmp_path)
    path = folder / "external" / table
    lines = path.read_text().splitlines(keepends=True)
    row = len(lines) // 2
    first, rest = lines[row].split(maxsplit=1)
    lines[row] = f"{first} {1.05 * float(rest.split()[0]):.10e} {' '.join(rest.split()[1:])}\n"
    path.write_text("".join(lines))
    with pytest.raises(classy.CosmoSevereError, match=f"{parameter} = "):
        computed(**options(), base_path=str(folder))
    # the same file again, unchanged: read again because it is newer
    shutil.copy(Path(classy.__file__).parent / "external" / table, path)
    assert computed(**options(), base_path=str(folder)).neural_network_info()["used"] is True
