"""Print how many threads NumPy's matrix products and CLASS with networks use, as JSON; run as a script by tests.

With an argument, the process takes itself for one of so many chains on this machine.
"""
from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import classy
from networks_under_test import options
from threadpoolctl import threadpool_info

COMPUTES = 20


def threads_now() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def most_threads_of(model: Any) -> int:
    """The most threads at any time of a compute(), besides those that were there before."""
    counts = [0]
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            counts.append(threads_now())

    before = threads_now() + 1
    counter = threading.Thread(target=count)
    counter.start()
    model.compute()
    done.set()
    counter.join()
    return max(counts) - before


if len(sys.argv) > 1:
    from cosmicnet.cobaya_components import threads

    threads.mpi.size = lambda: int(sys.argv[1])
    threads._processes_on_this_machine = threads.mpi.size
    threads.share_cores()

most = 0
for _ in range(COMPUTES):
    cosmology = classy.Class()
    cosmology.set({"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 600,
                   "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, **options()})
    most = max(most, most_threads_of(cosmology))
blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
print(json.dumps({"class": most, "blas": blas, "cores": os.cpu_count()}))
