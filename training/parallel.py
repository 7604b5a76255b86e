"""Processes with one thread each, and the progress bar with the time left that goes with them."""
from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cosmicnet.errors import CosmicnetError

__all__ = ["WorkerError", "progress", "single_threaded_pool"]


class WorkerError(CosmicnetError):
    """A process of the pool was killed from outside or crashed."""


@contextmanager
def single_threaded_pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes with one thread each; when an error leaves the block, what waits is dropped.

    Raises WorkerError if one of them is killed.
    """
    before = os.environ.get("OMP_NUM_THREADS")
    # spawned processes inherit it before they load any library that reads it
    os.environ["OMP_NUM_THREADS"] = "1"
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"),
                               initializer=_end_with_parent)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise WorkerError("a process was killed while it computed; is there enough memory for so many? "
                          "What was finished is kept: start again") from error
    finally:
        pool.shutdown(cancel_futures=True)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _end_with_parent() -> None:
    """Make this process end at once, without a traceback, on Ctrl-C and when its parent has died."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """A bar with the time left; yields what to call after each item."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("time left"), TimeRemainingColumn())
    # an item takes seconds: average the speed over minutes
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=300.0) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda: bar.advance(task)
