"""Chains that are killed or whose networks break keep their samples and can be resumed; chains under MPI."""
from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosmicnet.installed import shipped_sets
from cosmicnet.store import load_network_set

LoggedError = pytest.importorskip("cobaya.log").LoggedError
run = pytest.importorskip("cobaya").run
pytestmark = pytest.mark.usefixtures("patched")

SAMPLES = 24
ENOUGH_TO_KILL = 5
PATIENCE_SECONDS = 300.0

# one peak of C_l by H0, which is slow, and n_s, which is fast
LIKELIHOOD = "lambda _self: -0.5*((_self.provider.get_Cl(ell_factor=True)['tt'][90] - 1900)/200)**2"


def run_info(output: Path, **theory: Any) -> dict[str, Any]:
    return {
        "theory": {"cosmicnet.Cosmicnet": {"mode": "net", **theory, "extra_args": {
            "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "non_linear": "none"}}},
        "likelihood": {"peak": {"external": LIKELIHOOD, "requires": {"Cl": {"tt": 100}}}},
        "params": {
            "H0": {"prior": {"min": 60.0, "max": 75.0}, "ref": 67.3, "proposal": 2.0},
            "n_s": {"prior": {"min": 0.9, "max": 1.0}, "ref": 0.965, "proposal": 0.02},
            "omega_b": 0.0224, "omega_cdm": 0.12, "tau_reio": 0.054, "A_s": 2.1e-9},
        "sampler": {"mcmc": {"max_samples": SAMPLES, "output_every": 1, "measure_speeds": False}},
        "output": str(output),
    }


def launcher(chains: int) -> list[str]:
    command = [sys.executable, "-m", "cobaya", "run"]
    if chains == 1:
        return command
    mpirun = shutil.which("mpirun", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if mpirun is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("no MPI here: pip install mpi4py mpich")
    return [mpirun, "-n", str(chains), *command]


def rows(file: Path) -> np.ndarray:
    return np.loadtxt(file, ndmin=2) if file.is_file() else np.empty((0, 0))


@pytest.mark.parametrize("chains", [1, 2])
def test_a_killed_chain_goes_on(tmp_path: Path, chains: int) -> None:
    from cobaya.yaml import yaml_dump

    root, yaml = tmp_path / "chain", tmp_path / "run.yaml"
    yaml.write_text(yaml_dump(run_info(root)))
    files = [tmp_path / f"chain.{number}.txt" for number in range(1, chains + 1)]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [*launcher(chains), str(yaml)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while any(len(rows(file)) < ENOUGH_TO_KILL for file in files):
            assert process.poll() is None and time.monotonic() < give_up, (tmp_path / "log").read_text()
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = [rows(file) for file in files]
    assert all(len(old) < SAMPLES for old in before)
    if chains > 1:
        threads = max(1, (os.cpu_count() or 1) // chains)
        assert f"CLASS runs with {threads} thread(s) per process" in (tmp_path / "log").read_text()
    done = subprocess.run([*command, "--resume"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for file, old in zip(files, before, strict=True):
        new = rows(file)
        assert len(new) == SAMPLES
        # the last one may have been rewritten with a larger weight
        np.testing.assert_array_equal(new[:len(old) - 1], old[:-1])


@pytest.mark.parametrize("what_happens", ["disappear", "damaged"])
def test_networks_that_break_stop_the_chain_and_lose_no_sample(tmp_path: Path, what_happens: str) -> None:
    folder, root = tmp_path / "networks", tmp_path / "chain"
    shutil.copytree(shipped_sets()["lcdm"], folder)
    kept = tmp_path / "kept"
    accepted: list[int] = []

    def after_each_sample(sampler: Any) -> None:
        accepted.append(len(sampler.collection))
        if len(accepted) == ENOUGH_TO_KILL:
            if what_happens == "disappear":
                folder.rename(kept)
            else:
                shutil.copytree(folder, kept)
                arrays = folder / "arrays.safetensors"
                arrays.write_bytes(arrays.read_bytes()[:1000])

    info = run_info(root, networks=str(folder))
    info["sampler"]["mcmc"] |= {"callback_function": after_each_sample, "callback_every": 1}
    with pytest.raises(LoggedError, match=str(folder)):
        run(info)
    # a fast step needs no networks, so that there may be more
    assert len(rows(tmp_path / "chain.1.txt")) == accepted[-1] >= ENOUGH_TO_KILL
    before = rows(tmp_path / "chain.1.txt")
    shutil.rmtree(folder, ignore_errors=True)
    kept.rename(folder)
    run(run_info(root, networks=str(folder)), resume=True)
    after = rows(tmp_path / "chain.1.txt")
    assert len(after) == SAMPLES
    np.testing.assert_array_equal(after[:len(before)], before)


def test_chain_does_not_go_on_with_other_networks(tmp_path: Path) -> None:
    root, written = tmp_path / "chain", tmp_path / "chain.updated.yaml"
    run(run_info(root))
    used = load_network_set("lcdm").manifest.sha256[:12]
    assert f"+networks.{used}" in written.read_text()
    written.write_text(written.read_text().replace(used, "0123456789ab"))
    with pytest.raises(LoggedError, match=rf"0123456789ab.*{used}"):
        run(run_info(root), resume=True)
    assert len(rows(tmp_path / "chain.1.txt")) == SAMPLES
    run(run_info(root), resume=True, allow_changes=True)
    assert f"+networks.{used}" in written.read_text()
