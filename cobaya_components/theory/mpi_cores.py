"""MPI chains on one machine share its cores."""
from __future__ import annotations

import os

from cobaya import mpi
from threadpoolctl import threadpool_limits

__all__ = ["THREADS_VARIABLE", "share_cores"]

THREADS_VARIABLE = "OMP_NUM_THREADS"


def share_cores() -> int | None:
    """Limit this process to its share of the machine's cores; return the threads, None where nothing was changed.

    Without the variable CLASS takes all cores in every process. NumPy's library of matrix products has read it when
    it was loaded, and needs a limit of its own.
    """
    if mpi.size() == 1 or os.environ.get(THREADS_VARIABLE):
        return None
    mine = _cores()
    if mpi.process_state is None:
        # outside cobaya-run other processes may make no model: waiting for them could take for ever
        sharing = mpi.size()
    else:
        # processes bound to other cores do not take ours
        sharing = sum(1 for cores in _cores_of_processes_on_this_machine() if cores & mine)
    threads = max(1, len(mine) // int(sharing))
    os.environ[THREADS_VARIABLE] = str(threads)
    threadpool_limits(threads, user_api="blas")
    return threads


def _cores() -> frozenset[int]:
    """Cores that this process may use; a batch system or mpirun may have bound it to a few."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _cores_of_processes_on_this_machine() -> list[frozenset[int]]:
    shared = mpi.get_mpi_comm().Split_type(mpi.get_mpi().COMM_TYPE_SHARED)
    return list(shared.allgather(_cores()))
