"""A whole recipe through the command line, killed on the way: it goes on, and gives the same networks."""
from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipes import COARSE, write_tiny

from cosmicnet.store import ARRAYS, MANIFEST, load_network_set
from cosmicnet.training import generate
from cosmicnet.training.config import load_recipe
from cosmicnet.training.dataset import model_path, read_model, write_model

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

SCRIPT = Path(__file__).parent / "make_run.py"
MODELS = 20
PATIENCE = 300.0
# of P(k), with twenty models on a coarse grid
AGREEMENT = 1e-3


def start(folder: Path, output: str) -> subprocess.Popen[bytes]:
    """The command, in the background; what it says goes to a file."""
    command = [sys.executable, str(SCRIPT), "make", str(folder / "tiny.toml"), "--work", str(folder / "work"),
               "--output", str(folder / output)]
    with (folder / "messages").open("ab") as messages:
        return subprocess.Popen(command, stdout=messages, stderr=messages, env={**os.environ, "OMP_NUM_THREADS": "1"})


def kill_when(folder: Path, moment: Callable[[], bool]) -> None:
    """Start, and kill the command (not its workers, which have to notice) at some moment."""
    command = start(folder, "killed")
    end = time.monotonic() + PATIENCE
    while not moment():
        assert command.poll() is None, (folder / "messages").read_text()
        assert time.monotonic() < end
        time.sleep(0.01)
    command.kill()
    command.wait()


def finish(folder: Path, output: str) -> None:
    assert start(folder, output).wait(PATIENCE) == 0, (folder / "messages").read_text()


def integrated(folder: Path) -> int:
    return len(list((folder / "work" / "models").glob("*.npz")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that was made by a command killed three times, and once more from the same models."""
    folder = tmp_path_factory.mktemp("make")
    write_tiny(folder)
    chance = random.Random(11)
    for models in sorted(chance.sample(range(1, MODELS - 2), 2)):
        kill_when(folder, lambda models=models: integrated(folder) >= models)  # type: ignore[misc]
        assert integrated(folder) < MODELS
    moment = time.monotonic() + PATIENCE

    def in_training() -> bool:
        nonlocal moment
        if integrated(folder) == MODELS:
            moment = min(moment, time.monotonic() + chance.uniform(2.0, 10.0))
        return time.monotonic() > moment

    kill_when(folder, in_training)
    assert not (folder / "killed" / MANIFEST).exists()
    finish(folder, "killed")
    finish(folder, "again")
    return folder


def test_models_are_those_of_an_integration_without_interruption(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert integrated(folder) == MODELS
    assert list((folder / "work" / "models").glob("*.part")) == []
    monkeypatch.setattr(generate, "AlignedGrids", lambda: COARSE)
    recipe = load_recipe(folder / "tiny.toml")
    points = generate.latin_hypercube(recipe.sampling)
    for index in (0, 9, 19):
        write_model(tmp_path / "fresh.npz", generate.integrate(recipe.class_settings, points[index]))
        path = model_path(folder / "work" / "models", index)
        assert path.read_bytes() == (tmp_path / "fresh.npz").read_bytes()
        assert read_model(path).parameters == points[index]


@pytest.mark.parametrize("file", [ARRAYS, MANIFEST])
def test_networks_are_the_same_however_often_it_was_killed(folder: Path, file: str) -> None:
    assert (folder / "killed" / file).read_bytes() == (folder / "again" / file).read_bytes()


def test_manifest_tells_where_the_networks_come_from(folder: Path) -> None:
    manifest = load_network_set(folder / "killed").manifest
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
    ours = computed(neural_network="yes", neural_network_path=str(folder / "killed"), neural_network_fallback="error")
    assert ours.neural_network_info()["used"]
    full, k = computed(), np.geomspace(2e-4, 0.05, 30)
    ratio = np.array([ours.pk_lin(x, 0.0) / full.pk_lin(x, 0.0) for x in k])
    np.testing.assert_allclose(ratio, 1.0, atol=AGREEMENT)
    assert ours.sigma8() != full.sigma8()


def test_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A limit to the size of files is met as a full disk is: a write fails half-way, in a worker."""
    write_tiny(tmp_path)
    arguments = [sys.executable, str(SCRIPT), "make", "tiny.toml", "--work", "work", "--processes", "1"]
    done = subprocess.run(["bash", "-c", 'ulimit -f 16; exec "$@"', "limited", *arguments], cwd=tmp_path, text=True,
                          capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cosmicnet make: work/models/000") and last.endswith("cannot be written: File too large")
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "work" / "models").iterdir()] == [generate.RECIPE_FILE]


def test_outside_the_recipe_s_domain_they_do_not(folder: Path) -> None:
    with pytest.raises(classy.CosmoComputationError, match=r"networks 'tiny' .*omega_cdm = 0\.13 is outside \[0\.118"):
        computed(omega_cdm=0.13, neural_network="yes", neural_network_path=str(folder / "killed"),
                 neural_network_fallback="error")
