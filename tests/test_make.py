"""A whole recipe through the command line, killed on the way: it goes on, and gives the same networks."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from file_contents import contents
from killed_runs import KILLS, finish, finish_after_kills
from recipes import COARSE, tiny_sampling, write_tiny

from cosmicnet.store import load_network_set
from cosmicnet.training.models import integrate
from cosmicnet.training.models.dataset import model_path, read_model, write_model
from cosmicnet.training.models.integrate import RECIPE_FILE, integrate_model
from cosmicnet.training.one_level import plan as plan_module
from cosmicnet.training.one_level.plan import OneLevelPlan
from cosmicnet.training.recipe.schema import load_recipe

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

SCRIPT = "make_run.py"
MODELS = 20
PATIENCE = 300.0
# of P(k), with twenty models on a coarse grid
AGREEMENT = 1e-3
# a parameter that is an input by its own name
HELIUM = (0.17, 0.32)


def integrated(folder: Path) -> int:
    return len(list((folder / "work" / "models").glob("*.h5")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks made without interruption in work/ and killed/ after as many kills as were asked for."""
    folder = tmp_path_factory.mktemp("make")
    text = tiny_sampling(YHe=HELIUM)
    # dense layers, which Keras compiles for minutes, in `make kill-tests` alone
    write_tiny(folder, text if KILLS > 1 else text.replace("epochs = 50", "epochs = 0"))
    seconds = finish(folder, SCRIPT, "tiny.toml", "work", "whole", "2", patience=PATIENCE)

    def require_same() -> None:
        assert contents(folder / "work_killed") == contents(folder / "work")
        assert contents(folder / "killed") == contents(folder / "whole")

    finish_after_kills(folder, SCRIPT, "tiny.toml", "work_killed", "killed", "2", patience=PATIENCE,
                       seconds=(0.1 * seconds, 0.9 * seconds), made=("work_killed", "killed"),
                       require_same=require_same)
    return folder


def test_killed_generation_and_training_give_the_same_files(folder: Path) -> None:
    ours, theirs = contents(folder / "work_killed"), contents(folder / "work")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert contents(folder / "killed") == contents(folder / "whole")


def test_models_are_those_of_an_integration_without_interruption(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert integrated(folder) == MODELS
    assert not [*(folder / "work").rglob("*.part"), *(folder / "work").rglob("*.tmp")]
    monkeypatch.setattr(integrate, "AlignedGrids", lambda: COARSE)
    plan = OneLevelPlan.open(folder / "tiny.toml", folder / "work")
    for index in (0, 9, 19):
        write_model(tmp_path / "fresh.h5", integrate_model(plan.recipe.class_settings, plan.points[index]))
        path = model_path(folder / "work" / "models", index)
        assert path.read_bytes() == (tmp_path / "fresh.h5").read_bytes()
        assert read_model(path).parameters == plan.points[index]


def test_a_wider_recipe_with_a_new_parameter_takes_these_models_over(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "AlignedGrids", lambda: COARSE)
    text = tiny_sampling(YHe=HELIUM, T_cmb=(2.7, 2.75)).replace("70.0]", "72.0]")
    plan = OneLevelPlan.open(write_tiny(tmp_path, text), tmp_path / "work")
    plan.take_over(folder / "work")
    assert len(plan.taken) == MODELS
    assert 0 < len(plan.files) < MODELS


def test_manifest_tells_where_the_networks_come_from(folder: Path) -> None:
    manifest = load_network_set(folder / "whole").manifest
    recipe = load_recipe(folder / "tiny.toml")
    assert manifest.domain == recipe.domain
    assert manifest.class_version == classy.__version__
    assert manifest.recipe["models_used"] == MODELS
    assert manifest.recipe["training"]["seed"] == recipe.training.seed


def computed(**options: Any) -> Any:
    model = classy.Class()
    model.set({"omega_b": 0.02235, "omega_cdm": 0.1195, "H0": 67.2, "tau_reio": 0.055, "N_ur": 2.0308, "N_ncdm": 1,
               "m_ncdm": 0.06, "output": "mPk", "P_k_max_1/Mpc": 0.1, **options})
    model.compute()
    return model


def test_networks_work_in_classy(folder: Path) -> None:
    ours = computed(neural_network="yes", neural_network_path=str(folder / "whole"), neural_network_fallback="error")
    assert ours.neural_network_info()["used"]
    full, k = computed(), np.geomspace(2e-4, 0.05, 30)
    ratio = np.array([ours.pk_lin(x, 0.0) / full.pk_lin(x, 0.0) for x in k])
    np.testing.assert_allclose(ratio, 1.0, atol=AGREEMENT)
    assert ours.sigma8() != full.sigma8()


def polarization(helium: float | str, **options: Any) -> Any:
    """C_l of EE from l = 100 on, which depend on how many electrons helium binds."""
    model = computed(output="pCl,mPk", l_max_scalars=300, YHe=helium, **options)
    return model.raw_cl(300)["ee"][100:]


def test_networks_learn_helium_and_are_used_where_they_learned_it(folder: Path) -> None:
    manifest = load_network_set(folder / "whole").manifest
    assert manifest.setup["w0_fld"] == -1.0  # as in all models
    assert manifest.domain["YHe"] == HELIUM and all("YHe" in field["inputs"] for field in manifest.fields)
    on = {"neural_network": "yes", "neural_network_path": str(folder / "whole"), "neural_network_fallback": "error"}
    # where CLASS computes it by itself as well; networks without this input are 2% off at 0.19 and 0.3
    for helium in (0.19, 0.3, "BBN"):
        np.testing.assert_allclose(polarization(helium, **on), polarization(helium), rtol=0.01)
    with pytest.raises(classy.CosmoComputationError, match=r"YHe = 0\.33 .*\[0\.17, 0\.32\]"):
        polarization(0.33, **on)


def test_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A limit to the size of files is met as a full disk is: a write fails half-way, in a worker."""
    write_tiny(tmp_path)
    arguments = [sys.executable, str(Path(__file__).parent / SCRIPT), "tiny.toml", "work", "output", "1"]
    done = subprocess.run(["bash", "-c", 'ulimit -f 16; exec "$@"', "limited", *arguments], cwd=tmp_path, text=True,
                          capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cosmicnet generate: ") and last.endswith("00000.h5: File too large")
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "work" / "models").iterdir()] == [RECIPE_FILE]


def test_outside_the_recipe_s_domain_they_do_not(folder: Path) -> None:
    with pytest.raises(classy.CosmoComputationError, match=r"'tiny' .*omega_cdm = 0\.13 .*\[0\.118"):
        computed(omega_cdm=0.13, neural_network="yes", neural_network_path=str(folder / "whole"),
                 neural_network_fallback="error")
