"""The cores of this machine, and how many of them a process takes."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["THREADS_BY", "available_cores", "threads_of_new_processes"]

# CLASS and NumPy's library of matrix products read these as they are loaded.
THREADS_BY = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def threads_of_new_processes(threads: int) -> Iterator[None]:
    """Within the context, new processes have this many threads, whatever the user's environment says."""
    before = {name: os.environ.get(name) for name in THREADS_BY}
    os.environ.update(dict.fromkeys(THREADS_BY, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
