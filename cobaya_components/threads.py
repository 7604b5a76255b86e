"""MPI chains that share a machine share its cores."""
from __future__ import annotations

import os

from cobaya import mpi
from threadpoolctl import threadpool_limits

__all__ = ["THREADS_VARIABLE", "share_cores"]

THREADS_VARIABLE = "OMP_NUM_THREADS"


def share_cores() -> int | None:
    """Give this process its share of the machine's cores; returns the threads, None where nothing was changed.

    CLASS reads the variable at each computation and takes all cores without it, in every process. The library of
    NumPy's matrix products has read it when it was loaded, and is told.
    """
    if mpi.size() == 1 or os.environ.get(THREADS_VARIABLE):
        return None
    threads = max(1, _cores() // _processes_on_this_machine())
    os.environ[THREADS_VARIABLE] = str(threads)
    threadpool_limits(threads, user_api="blas")
    return threads


def _cores() -> int:
    return os.cpu_count() or 1


def _processes_on_this_machine() -> int:
    shared = mpi.get_mpi_comm().Split_type(mpi.get_mpi().COMM_TYPE_SHARED)
    return int(shared.Get_size())
