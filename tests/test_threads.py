"""OMP_NUM_THREADS, and the cores of a machine that chains share, hold for CLASS and for NumPy's matrix products."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builds import run_python

pytest.importorskip("threadpoolctl", reason="pip install threadpoolctl")
pytestmark = [pytest.mark.usefixtures("patched"),
              pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")]


def threads_of(*arguments: str, threads: int | None) -> Any:
    done = run_python("threads_run.py", *arguments, threads=threads)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_as_many_as_asked_for(threads: int) -> None:
    found = threads_of(threads=threads)
    assert found["class"] == threads
    assert found["networks"] <= threads
    assert found["blas"] and all(number == min(threads, found["cores"]) for number in found["blas"])


def test_the_limit_of_products_holds_in_every_thread() -> None:
    """The thread that limited it first may live on."""
    code = """
import threading, numpy
from cosmicnet.threads import _blas, threads_of_products
def numbers():
    with threads_of_products():
        found.append([library.num_threads for library in _blas().lib_controllers])
found = []
numbers()
other = threading.Thread(target=numbers)
other.start()
other.join()
print(found[0] == found[1] == [1] * len(found[0]), [library.num_threads for library in _blas().lib_controllers])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"})
    assert done.stdout.startswith("True [2")


def test_a_compute_in_another_thread_has_the_same_bits() -> None:
    """With a kernel whose sums depend on the number of its threads; the networks' products use one in every thread."""
    code = """
import threading, classy
found = []
def compute():
    model = classy.Class()
    model.set({"output": "tCl,pCl", "l_max_scalars": 600, "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06,
               "neural_network": "yes", "neural_network_fallback": "error"})
    model.compute()
    found.append({name: values.tobytes() for name, values in model.raw_cl(600).items()})
compute()
other = threading.Thread(target=compute)
other.start()
other.join()
print(len(found), found[0] == found[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "2",
                               "OMP_NUM_THREADS": "2"})
    assert done.stdout.split() == ["2", "True"]


def test_chains_share_the_cores() -> None:
    pytest.importorskip("cobaya", reason="no Cobaya")
    alone = threads_of(threads=None)
    cores = alone["cores"]
    assert alone["class"] == cores
    shared = threads_of(str(cores), threads=None)
    assert shared["class"] == 1 and shared["networks"] <= 1
    assert shared["blas"] and all(number == 1 for number in shared["blas"])
