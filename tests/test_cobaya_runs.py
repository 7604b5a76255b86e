"""The ready runs: every file can be read, and those whose data are here give the reference chi2 with networks."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

yaml_load_file = pytest.importorskip("cobaya.yaml").yaml_load_file
get_model = pytest.importorskip("cobaya.model").get_model
update_info = pytest.importorskip("cobaya.input").update_info
pytestmark = pytest.mark.usefixtures("patched")

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "cobaya_components" / "runs"
FILES = sorted(path.stem for path in RUNS.glob("*.yaml") if not path.stem.endswith("_params"))

# the best fit of Cobaya's own test of these likelihoods, and chi2 of CAMB at Planck precision with tolerances
# (Cobaya 3.6, tests/test_cosmo_planck_2018.py)
BEST_FIT = {"omega_b": 0.022383, "omega_cdm": 0.12011, "H0": 67.32, "tau_reio": 0.0543, "logA": 3.0448, "n_s": 0.96605,
            "A_planck": 1.00044}
REFERENCE_CHI2 = {
    "planck_2018_lowl.TT": (23.16, 0.1),
    "planck_2018_lowl.EE": (396.05, 0.1),
    "planck_2018_highl_plik.TTTEEE_lite_native": (584.24, 1.0),
    "planck_2018_lensing.native": (8.86, 0.1),
}


def load(name: str) -> dict[str, Any]:
    return dict(yaml_load_file(str(RUNS / f"{name}.yaml")))


def test_there_are_runs() -> None:
    assert len(FILES) == 11


@pytest.mark.parametrize("name", FILES)
def test_every_run_is_understood(name: str) -> None:
    info = load(name)
    updated = update_info(info)
    theory = updated["theory"]["cosmicnet.Cosmicnet"]
    assert theory["mode"] == ("full" if name.endswith("_full") else "net")
    assert info["output"] == f"chains/{name}"
    assert "neural_network_used" in updated["params"]
    assert f"cobaya-run {name}.yaml" in (RUNS / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("_net")])
def test_both_modes_are_the_same_run(name: str) -> None:
    net, full = load(name), load(name.removesuffix("net") + "full")
    net["theory"]["cosmicnet.Cosmicnet"]["mode"] = "full"
    net["output"] = full["output"]
    assert net == full


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("_net") and "plik" not in name])
def test_chi2_of_the_best_fit_with_networks(
        name: str, packages_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    info = load(name)
    # the reference values are those of hmcode, and the lensing likelihood sees the difference
    info["theory"]["cosmicnet.Cosmicnet"]["extra_args"]["non_linear"] = "hmcode"
    model = get_model({**info, "packages_path": str(packages_path)})
    assert not any("networks" in record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    loglikes, derived = model.loglikes(BEST_FIT, as_dict=True)
    assert np.isfinite(list(loglikes.values())).all()
    for likelihood, (reference, tolerance) in REFERENCE_CHI2.items():
        if likelihood in loglikes:
            assert -2.0 * loglikes[likelihood] == pytest.approx(reference, abs=tolerance), likelihood
    assert derived["neural_network_used"] == 1.0
    assert derived["sigma8"] == pytest.approx(0.811, abs=0.003)
    covmat = model.get_auto_covmat()
    assert {"H0", "calPlanck"} <= set(covmat["params"])
    model.close()


def test_embedded_run_needs_no_data() -> None:
    model = get_model(load("embedded"))
    point = model.prior.reference()
    loglikes, derived = model.loglikes(point, as_dict=True)
    # at the fiducial the chi2 is that of the networks' error
    assert -0.5 < -2.0 * loglikes["cosmicnet.EmbeddedCMB"] < 0.5
    assert derived["neural_network_used"] == 1.0
    assert "embedded" in model.get_auto_covmat()["name"]
