"""Several threads of Python compute at a time, each with an object of its own."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import run_python
from networks_under_test import options
from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("patched")

REQUEST = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "non_linear": "hmcode", "P_k_max_1/Mpc": 5.0,
           "omega_b": 0.0224, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}
COSMOLOGIES = [{"H0": H0, "omega_cdm": 0.12 + 0.001 * (H0 - 67.0)} for H0 in (64.0, 66.0, 68.0, 70.0, 72.0, 74.0)]


def spectra(parameters: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    import classy

    model = classy.Class()
    model.set(parameters)
    model.compute()
    lensed = model.lensed_cl()
    matter = np.array([model.pk(k, 0.0) for k in np.geomspace(1e-3, 4.0, 50)])
    model.empty()
    return {**lensed, "matter": matter}


@pytest.mark.parametrize("mode", ["full", "net"])
def test_same_bits_side_by_side(mode: str) -> None:
    if mode == "net":
        models = [{**REQUEST, **options(), "l_max_scalars": 1000, **cosmology} for cosmology in COSMOLOGIES * 2]
    else:
        models = [{**REQUEST, "l_max_scalars": 200, "P_k_max_1/Mpc": 1.0, **cosmology} for cosmology in COSMOLOGIES[:2]]
    alone = [spectra(parameters) for parameters in models]
    with ThreadPoolExecutor(3) as pool:
        side_by_side = list(pool.map(spectra, models))
    for one, other in zip(alone, side_by_side, strict=True):
        for name in one:
            assert one[name].tobytes() == other[name].tobytes(), name
    assert not np.array_equal(alone[0]["tt"], alone[1]["tt"])


def test_other_threads_run_meanwhile() -> None:
    """While CLASS integrates for seconds this thread counts thousands of times; with the lock kept, a few times."""
    counted = 0
    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(spectra, {**REQUEST, "non_linear": "none", "l_max_scalars": 1000, **COSMOLOGIES[0]})
        while not computing.done():
            time.sleep(1e-3)
            counted += 1
        computing.result()
    assert counted > 100


def test_one_object_belongs_to_one_thread() -> None:
    import classy

    model = classy.Class()
    model.set({**REQUEST, "non_linear": "none", "l_max_scalars": 1000, **COSMOLOGIES[0]})
    calls = {"compute": model.compute, "lensed_cl": model.lensed_cl, "struct_cleanup": model.struct_cleanup,
             "empty": model.empty, "set": lambda: model.set({"H0": 70.0})}
    refused = set()
    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(model.compute)
        time.sleep(0.5)  # it takes seconds
        for name, call in calls.items():
            while name not in refused and not computing.done():
                try:
                    call()
                except classy.CosmoSevereError as error:
                    assert "thread" in str(error)
                    refused.add(name)
        computing.result()
    assert refused == set(calls)
    assert model.lensed_cl()["tt"].shape == (1001,)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_processes_forked_meanwhile_compute_as_well() -> None:
    done = run_python("fork_run.py")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {0}


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="memory is measured in /proc")
def test_without_memory_class_fails_and_serves_again() -> None:
    outcomes = []
    for megabytes in (60, 100, 140, 2000):
        done = run_python("without_memory_run.py", str(megabytes))
        assert done.returncode == 0, (megabytes, done.stderr)
        outcome, again = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
        assert again == "serves again"
        outcomes.append(outcome)
    assert outcomes[0] != "enough" and outcomes[-1] == "enough"


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_threads_that_cannot_start_have_words() -> None:
    """Stacks of 900 MB do not fit into 800. CLASS's own modules need a thread, the fast ones do without."""
    compute = ("import classy; model = classy.Class(); "
               "model.set({'output': 'tCl', 'l_max_scalars': 100}); model.compute()")
    command = f"ulimit -s 900000 && ulimit -v 800000 && exec {sys.executable} -c \"{compute}\""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False,
                          env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    assert "no thread can start" in done.stderr and "memory" in done.stderr, done.stderr
