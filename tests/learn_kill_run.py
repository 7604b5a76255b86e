"""Script: two chains under MPI learn in one folder and are killed at random moments; nothing is lost or wrong.

`python tests/learn_kill_run.py KILLS` runs Cobaya in mode `learn`, in a model that no set covers. The chains and, every
second time, the process that fits are killed after a random number of samples and models, and resumed. Required:

- every sample of a chain is still there after each kill, but the last one, whose weight may have grown;
- every model is still there, the same bytes; each sample that CLASS integrated has its model;
- samples that CLASS integrated have the result of full CLASS, those of networks are off by less than their limit.

Networks are fitted to fewer models than in a real run, so that they answer early.
"""
from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

# Samples of each chain: some, and more for each kill.
SAMPLES, PER_KILL = 20, 2
# The first networks, the growth to the next ones, and audits before they answer.
FIRST, GROWTH, AUDITS = 6, 1.5, 3
# Samples and models between a start and the kill, and seconds after that.
EVENTS, SECONDS = (1, 6), (0.0, 1.5)
PATIENCE = 1800.0
# Samples of each kind that are computed again.
AGAIN = 12

L_MAX, BAND = 100, slice(30, 101)
MODEL = {"N_ncdm": 0, "N_ur": 2.5, "omega_b": 0.0224, "H0": 67.4, "A_s": 2.1e-9, "n_s": 0.965}
# D_l in muK^2 of the band, about that of omega_cdm = 0.12; the relative width of the likelihood
TYPICAL, WIDTH = 1400.0, 0.05


def band(_self: Any) -> tuple[float, dict[str, float]]:
    """A likelihood of the mean of D_l."""
    found = float(_self.provider.get_Cl(ell_factor=True)["tt"][BAND].mean())
    return -0.5 * ((found / TYPICAL - 1.0) / WIDTH) ** 2, {"band": found}


def info(folder: Path, kills: int) -> dict[str, Any]:
    return {
        "theory": {"cosmicnet.Cosmicnet": {
            "mode": "learn", "learned": str(folder / "learned"), "networks": "lcdm",
            "extra_args": {"N_ncdm": 0, "N_ur": 2.5, "non_linear": "none"}}},
        "likelihood": {"band": {"external": "import_module('learn_kill_run').band", "output_params": ["band"],
                                "requires": {"Cl": {"tt": L_MAX}}}},
        "params": {
            "omega_cdm": {"prior": {"min": 0.118, "max": 0.122}, "ref": 0.12, "proposal": 0.001},
            "tau_reio": {"prior": {"min": 0.045, "max": 0.065}, "ref": 0.055, "proposal": 0.005},
            **{name: value for name, value in MODEL.items() if name not in ("N_ncdm", "N_ur")},
            "neural_network_error": {"derived": True}, "band": {"derived": True}},
        "sampler": {"mcmc": {"max_samples": SAMPLES + PER_KILL * kills, "output_every": 1, "measure_speeds": False,
                             "learn_proposal": False, "Rminus1_stop": 1e-9}},
        "output": str(folder / "chain"),
    }


def run_chain(folder: Path, kills: int) -> None:
    """One process of MPI."""
    from cobaya import run

    from cosmicnet.training.learn import learner

    def start_student(self: Any, learned: Any) -> None:
        student = self._process.student
        if student is None or student.poll() is not None:
            with open(learned.folder / "student.log", "ab") as log:
                self._process.student = subprocess.Popen(
                    [sys.executable, __file__, "student", str(learned.folder)], stdout=log, stderr=log,
                    start_new_session=True)

    learner.Learner._start_student = start_student  # type: ignore[method-assign]
    run(info(folder, kills), resume=True)


def run_student(part: Path) -> None:
    """The process that fits."""
    from cosmicnet.training.learn import calibration, student
    from cosmicnet.training.learn.folder import Learned

    student.FIRST, student.GROWTH, calibration.LEAST_AUDITS = FIRST, GROWTH, AUDITS
    student.study(Learned.of(part))


def rows(folder: Path) -> list[np.ndarray]:
    """The samples of each chain; a line that is being written is left out."""
    found = []
    for number in (1, 2):
        path = folder / f"chain.{number}.txt"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        whole = [line.split() for line in lines if line.endswith("\n") and not line.startswith("#")]
        found.append(np.array(whole, dtype=float) if whole else np.empty((0, 0)))
    return found


def columns(folder: Path) -> list[str]:
    return (folder / "chain.1.txt").open().readline().lstrip("#").split()


def models(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes()[:512] for path in folder.glob("learned/*/models/*.h5")}


def students(folder: Path) -> list[int]:
    """The processes that fit in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"student" in words and any(word.startswith(str(folder).encode()) for word in words):
            found.append(int(entry.parent.name))
    return found


def start(folder: Path, kills: int) -> subprocess.Popen[bytes]:
    mpirun = shutil.which("mpirun", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert mpirun, "no MPI here: pip install mpi4py mpich"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([mpirun, "-n", "2", sys.executable, __file__, "chain", str(folder), str(kills)],
                                stdout=log, stderr=log, env=environment, start_new_session=True)


def events(folder: Path) -> int:
    return sum(map(len, rows(folder))) + len(models(folder))


def kill(folder: Path, process: subprocess.Popen[bytes], with_student: bool) -> None:
    if with_student:
        for pid in students(folder):
            os.kill(pid, signal.SIGKILL)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def let_fit(folder: Path) -> None:
    """Fit what the killed processes left, so that networks answer in the rest of the run."""
    for pid in students(folder):
        os.kill(pid, signal.SIGKILL)
    for part in folder.glob("learned/*"):
        subprocess.run([sys.executable, __file__, "student", str(part)], check=True, timeout=PATIENCE)


def require_kept(before: tuple[list[np.ndarray], dict[Path, bytes]], folder: Path) -> None:
    for old, new in zip(before[0], rows(folder), strict=True):
        if len(old):
            assert len(new) >= len(old), f"{len(old) - len(new)} samples were lost"
            assert np.array_equal(new[:len(old) - 1], old[:-1]), "samples changed"
    now = models(folder)
    lost = [path for path, digest in before[1].items() if now.get(path) != digest]
    assert not lost, f"models were lost or changed: {lost}"


def require_right(folder: Path) -> dict[str, Any]:
    """Compare samples with full CLASS; returns what was found."""
    from classy import Class

    from cosmicnet.class_parameters import SAME_MODULES
    from cosmicnet.training.learn.chain_model import read_chain_model
    from cosmicnet.training.learn.learner import TOLERANCE

    names, table = columns(folder), np.concatenate(rows(folder))
    samples = [dict(zip(names, row, strict=True)) for row in table]
    kept = np.array([[(model := read_chain_model(path)).cosmology["omega_cdm"], model.cosmology["tau_reio"]]
                     for path in models(folder)])

    def spectrum(sample: dict[str, float]) -> np.ndarray:
        """D_l in muK^2."""
        model = Class()
        model.set({**MODEL, **SAME_MODULES, "output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": L_MAX,
                   "omega_cdm": sample["omega_cdm"], "tau_reio": sample["tau_reio"]})
        model.compute(["lensing"])
        ell = np.arange(L_MAX + 1)
        return np.asarray(model.lensed_cl(L_MAX)["tt"] * ell * (ell + 1) / (2 * np.pi) * (1e6 * 2.7255) ** 2)

    integrated = [sample for sample in samples if sample["neural_network_error"] == 0.0]
    by_networks = [sample for sample in samples if sample["neural_network_error"] > 0.0]
    for sample in integrated:
        point = np.array([sample["omega_cdm"], sample["tau_reio"]])
        assert (np.abs(kept / point - 1.0).max(axis=1) < 1e-6).any(), f"the model of {sample} was lost"
    chance = random.Random(3)
    different, errors, bounded = [], [], 0
    for sample in chance.sample(integrated, min(AGAIN, len(integrated))):
        different.append(abs(sample["band"] / spectrum(sample)[BAND].mean() - 1.0))
    for sample in chance.sample(by_networks, min(AGAIN, len(by_networks))):
        full, ell = spectrum(sample)[BAND], np.arange(L_MAX + 1)[BAND]
        variance = (full**2 * 2.0 / (2.0 * ell + 1.0)).sum() / full.size**2
        errors.append((sample["band"] - full.mean()) ** 2 / variance)
        bounded += errors[-1] <= sample["neural_network_error"]
    assert by_networks, "networks answered nowhere"
    assert max(different, default=0.0) < 1e-6, f"not the result of full CLASS: {different}"
    assert max(errors, default=0.0) < TOLERANCE, f"networks were off: {errors}"
    return {"samples": len(samples), "by CLASS": len(integrated), "by networks": len(by_networks), "models": len(kept),
            "largest difference of CLASS": float(max(different, default=0.0)),
            "largest chi2 of networks": float(max(errors, default=0.0)),
            "below their stated error": f"{bounded} of {len(errors)}"}


def main(kills: int) -> None:
    chance, begin = random.Random(22), time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, done = Path(name), 0
        before = rows(folder), models(folder)
        while True:
            process, first, wanted = start(folder, kills), events(folder), chance.randint(*EVENTS)
            give_up = time.monotonic() + PATIENCE
            while process.poll() is None and (done == kills or events(folder) < first + wanted):
                assert time.monotonic() < give_up, (folder / "log").read_text()[-2000:]
                time.sleep(0.5)
            if done < kills and process.poll() is None:
                time.sleep(chance.uniform(*SECONDS))
                kill(folder, process, with_student=bool(chance.getrandbits(1)))
                done += 1
                if done == kills:
                    let_fit(folder)
            require_kept(before, folder)
            before = rows(folder), models(folder)
            print(f"{time.monotonic() - begin:.0f} s: {done} kills, {sum(map(len, before[0]))} samples, "
                  f"{len(before[1])} models", flush=True)
            if process.poll() == 0:
                break
            assert process.returncode in (0, -signal.SIGKILL), (folder / "log").read_text()[-2000:]
        for pid in students(folder):
            os.kill(pid, signal.SIGKILL)
        print(json.dumps({"kills": done, **require_right(folder)}, indent=1))


if __name__ == "__main__":
    if sys.argv[1] == "chain":
        run_chain(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "student":
        run_student(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]))
