"""Workers of Dask with one thread each, and the progress bar with the time left that goes with them.

By default the workers are processes of this machine; with the address of a scheduler, those of a running cluster. The
task of a worker that dies goes to another one.
"""
from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, as_completed
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster
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

from .cores import THREADS_BY, threads_of_new_processes

__all__ = ["count_workers", "ended", "progress", "results", "single_threaded_pool"]

# Give up on a task after it has killed one worker more than this.
DEATHS_ALLOWED = 3
SECONDS_TO_CONNECT = 30
# Between two lines of progress in a log.
SECONDS_PER_LINE = 60.0
# Loggers that report real problems as exceptions too.
TALKATIVE = ("distributed", "distributed.client", "distributed.core", "distributed.nanny", "distributed.scheduler",
             "tornado.application")

Part = TypeVar("Part", Client, LocalCluster)
Key = TypeVar("Key")
Result = TypeVar("Result")

SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS_ALLOWED,
    # no tasks queue at a worker: they would count as the cause of its death as well
    "distributed.scheduler.worker-saturation": 1.0,
    # a model may take minutes in compiled code, in which a worker does not answer
    "distributed.scheduler.worker-ttl": None,
    # a task may hold the numbers of hundreds of models
    "distributed.admin.large-graph-warning-threshold": "1GB",
    # on a busy machine a process may take a minute to begin
    "distributed.comm.timeouts.connect": "300s",
    "distributed.worker.multiprocessing-method": "spawn",
    # replacements of dead workers have the environment of the first ones
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(THREADS_BY, "1"),
}


@contextmanager
def single_threaded_pool(processes: int, scheduler: str | None = None) -> Iterator[Executor]:
    """Workers with one thread each: fresh processes, or those of the scheduler at an address such as
    tcp://10.0.0.1:8786. When an error leaves the block, waiting tasks are dropped.

    Raises CosmicnetError if workers die again and again over one task, or if there is no scheduler (any more).
    """
    with dask.config.set(SETTINGS), _client(processes, scheduler) as client:
        executor = client.get_executor(pure=False)
        try:
            yield executor
        except KilledWorker as error:
            raise CosmicnetError(f"workers died {DEATHS_ALLOWED + 1} times over the same task; is there enough memory "
                                 "for so many? All results are kept: start again") from error
        except CancelledError as error:
            raise CosmicnetError(f"the Dask scheduler {scheduler or 'of this machine'} has gone. All results are "
                                 "kept: start again") from error
        finally:
            executor.shutdown(wait=False)


def ended(futures: dict[Future[Result], Key]) -> Iterator[tuple[Key, Future[Result]]]:
    """Keys and futures as they end; `futures` is emptied.

    A result lies in the memory of its worker: as long as a future of it exists, Dask computes it again when that worker
    dies. So no future is kept after its result was handed out.
    """
    for future in as_completed(tuple(futures)):
        yield futures.pop(future), future


def results(
    pool: Executor, function: Callable[..., Result], arguments: Mapping[Key, tuple[Any, ...]],
    died: Callable[[Key], Result], most: int,
) -> Iterator[Result]:
    """The function's value for each of these arguments, in any order; died(key) stands for a task that killed its
    workers. More than `most` of them are no fault of the tasks: raises KilledWorker, which single_threaded_pool() makes
    a CosmicnetError."""
    deadly = []
    for key, future in ended({pool.submit(function, *given): key for key, given in arguments.items()}):
        try:
            yield future.result()
        except KilledWorker:
            deadly.append(key)
            if len(deadly) > most:
                raise
    yield from map(died, deadly)


def count_workers(processes: int, scheduler: str | None) -> int:
    """How many models are computed at a time; 1 for a cluster without workers yet. CosmicnetError if no scheduler
    answers."""
    if scheduler is None:
        return processes
    with _client(processes, scheduler) as client:
        return max(1, _workers_of(client))


@contextmanager
def _client(processes: int, scheduler: str | None) -> Iterator[Client]:
    # Dask logs every worker that leaves
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is None:
        # Dask's own setting of the environment gives way to the user's; any free port: a second command would warn that
        # the default one is taken
        with threads_of_new_processes(1):
            cluster = LocalCluster(n_workers=processes, threads_per_worker=1, processes=True, memory_limit=0,
                                   dashboard_address=":0", silence_logs=logging.CRITICAL)
        with _closed_at_the_end(cluster), _closed_at_the_end(Client(cluster)) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise CosmicnetError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        if not _workers_of(client):
            _warn_of_no_workers(scheduler)
        yield client


def _workers_of(client: Client) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


@cache
def _warn_of_no_workers(scheduler: str) -> None:
    """Once per command; some clusters start workers only when there are tasks."""
    print(f"{scheduler}: this Dask scheduler has no workers yet; waiting for them", file=sys.stderr, flush=True)


@contextmanager
def _closed_at_the_end(part: Part) -> Iterator[Part]:
    """On a busy machine Dask may give up waiting for its processes to end; their results are there by then."""
    try:
        yield part
    finally:
        with suppress(TimeoutError):
            part.close()


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """Show progress with the time left; yields the function to call after each item.

    A bar at a terminal, elsewhere (the log of a batch job) a line a minute.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _LogLines(console, what, total, done).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("time left"), TimeRemainingColumn())
    # an item takes seconds: average the speed over minutes
    with Progress(*columns, console=console, speed_estimate_period=300.0) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda: bar.advance(task)


class _LogLines:
    """Progress as lines: the first after an item that ends a minute or more after the start, and the end."""

    def __init__(self, console: Console, what: str, total: int, done: int) -> None:
        self._console, self._what, self._total = console, what, total
        self._at_start = self._done = done
        self._start = self._last = monotonic()

    def advance(self) -> None:
        self._done += 1
        now = monotonic()
        if now - self._last < SECONDS_PER_LINE and self._done < self._total:
            return
        self._last = now
        elapsed = now - self._start
        left = elapsed * (self._total - self._done) / (self._done - self._at_start)
        so_far, to_go = (timedelta(seconds=round(seconds)) for seconds in (elapsed, left))
        self._console.print(f"{self._what}: {self._done}/{self._total}, {so_far} so far, {to_go} left", highlight=False)
