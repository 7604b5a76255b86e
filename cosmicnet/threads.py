"""Independent pieces of work on several threads."""
from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock
from typing import Any, Generic, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["Once", "run_together", "threads_of_products"]

Value = TypeVar("Value")

_lock = Lock()
# one entry per caller within threads_of_products(): the number of threads before, and the object that restores it
_limits: list[tuple[int, list[Callable[[], Any]]]] = []


@contextmanager
def threads_of_products() -> Iterator[int]:
    """Limit NumPy's matrix products to one thread within the context; yields the number of threads that they had.

    Products of a few hundred rows gain nothing from several threads, which then wait busily for the next product. The
    limit belongs to the process: concurrent callers share it, and the last to leave restores the number.
    """
    with _lock:
        if not _limits:
            threads = min((library.num_threads for library in _blas().lib_controllers), default=1)
            _limits.append((threads, _limit_to_one() if threads > 1 else []))
        else:
            _limits.append(_limits[0])
        threads = _limits[0][0]
    try:
        yield threads
    finally:
        with _lock:
            _end_limit()


def _end_limit() -> None:
    _, restore = _limits.pop()
    if not _limits:
        for each in restore:
            each()


def _limit_to_one() -> list[Callable[[], Any]]:
    """Limit products to one thread; return the functions that restore the former numbers of threads.

    With threadpoolctl no other thread can change the numbers as long as the thread lives that changed them first. So a
    new thread changes them and ends at once; then this thread does, in case it was the first. With OpenMP the numbers
    belong to the calling thread.
    """
    limit = _in_a_thread(lambda: _blas().limit(limits=1))
    restore = [lambda: _in_a_thread(limit.restore_original_limits)]
    if any(library.num_threads > 1 for library in _blas().lib_controllers):
        restore.append(_blas().limit(limits=1).restore_original_limits)
    return restore


def _in_a_thread(change: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(change).result()


def _after_fork() -> None:
    """In a process that was forked while threads were within threads_of_products(): they do not exist there."""
    global _lock
    _lock = Lock()
    while _limits:
        _end_limit()


os.register_at_fork(after_in_child=_after_fork)


class Once(Generic[Value]):
    """A value that several tasks need: the first that calls computes it, others wait until it is there."""

    def __init__(self, compute: Callable[[], Value]) -> None:
        self._compute = compute
        self._values: list[Value] = []
        self._lock = Lock()

    def __call__(self) -> Value:
        if not self._values:
            with self._lock:
                if not self._values:
                    self._values.append(self._compute())
        return self._values[0]


def run_together(tasks: Sequence[Callable[[], None]], threads: int) -> None:
    """Run independent tasks in order on this thread and up to threads - 1 others.

    The first, which should be the longest, runs on this thread: a new one has to get its memory from the system. The
    others end with the last task, so that no process forked later misses them. Raises what a task raised.
    """
    waiting = deque(tasks)
    if not waiting:
        return
    first = waiting.popleft()

    def work() -> None:
        while waiting:
            try:
                task = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            task()

    others = min(threads, len(tasks)) - 1
    if others < 1:
        first()
        work()
        return
    with ThreadPoolExecutor(others) as pool:
        at_work = [pool.submit(work) for _ in range(others)]
        first()
        work()
        for other in at_work:
            other.result()


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """The libraries of matrix products that are loaded."""
    return ThreadpoolController().select(user_api="blas")
