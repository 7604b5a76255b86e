"""Print how many threads NumPy's matrix products and CLASS use, as JSON; run as a script by tests.

With an argument, the process takes itself for one of so many chains on this machine.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import classy
from networks_under_test import options
from threadpoolctl import threadpool_info

COMPUTES, COMPUTES_WITH_NETWORKS = 2, 5
# in a process of its own, as compute() keeps Python's lock for a part of the time
WATCHER = """\
import collections, os, select, sys
counts = collections.Counter()
print(flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    counts[len(os.listdir(f"/proc/{sys.argv[1]}/task"))] += 1
del counts[int(sys.argv[2])]
print(counts.most_common(1)[0][0])
"""


def threads_now() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def threads_of(models: list[Any]) -> int:
    """The usual number of threads in their compute() besides those that were there before, while there are any.

    Not the largest number: threads that ended are listed for a moment when others have begun.
    """
    before = threads_now()
    with subprocess.Popen([sys.executable, "-c", WATCHER, str(os.getpid()), str(before)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdin and watcher.stdout
        watcher.stdout.readline()
        for model in models:
            model.compute()
        watcher.stdin.close()
        return int(watcher.stdout.read()) - before


def new_model(l_max: int, **options: Any) -> Any:
    model = classy.Class()
    # CLASS's lensing keeps a second set of threads, which wait
    model.set({"output": "tCl,pCl,lCl", "lensing": "no", "l_max_scalars": l_max, **options})
    return model


if len(sys.argv) > 1:
    from cosmicnet.cobaya_components.theory import mpi_cores

    mpi_cores.mpi.size = lambda: int(sys.argv[1])
    # as in cobaya-run, and not in a model that one process makes by hand
    mpi_cores.mpi.process_state = object()
    mpi_cores._cores_of_processes_on_this_machine = lambda: [mpi_cores._cores()] * mpi_cores.mpi.size()
    mpi_cores.share_cores()

# without networks nearly all time is spent in CLASS's threads
usual = threads_of([new_model(300) for _ in range(COMPUTES)])
planck = {"N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06}
with_networks = threads_of([new_model(600, **planck, **options()) for _ in range(COMPUTES_WITH_NETWORKS)])
blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
print(json.dumps({"class": usual, "networks": with_networks, "blas": blas, "cores": os.cpu_count()}))
