"""Workers of Dask with one thread each, and the progress bar with the time left that goes with them.

By default the workers are processes of this machine; with the address of a scheduler they are those of a cluster that
is already there. What a worker was at when it died is given to another one, and in the end tried alone.
"""
from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, as_completed
from contextlib import contextmanager, suppress
from functools import cache
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

__all__ = ["DIED", "WorkerError", "count_workers", "ended", "progress", "results", "single_threaded_pool"]

# What is done so often that a worker dies of it is not tried again.
DEATHS_ALLOWED = 3
# An error may be transient (memory, a file system far away); it is the same at the last of these tries if it is not.
RETRIES = 2
SECONDS_TO_CONNECT = 30
# Loggers; what matters of theirs comes as an error.
TALKATIVE = ("distributed", "distributed.client", "distributed.core", "distributed.nanny", "distributed.scheduler",
             "tornado.application")

# More than so many, and than this share of all, are many where nothing else returns.
FEW, SHARE_OF_ALL = 10, 0.1
# What is kept of a model whose processes died.
DIED = ("the processes that computed it died again and again, beside others and alone (for lack of memory, or of a "
        "fault in CLASS); delete this file to have it tried once more")

Part = TypeVar("Part", Client, LocalCluster)
Key = TypeVar("Key")
Result = TypeVar("Result")

SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS_ALLOWED,
    # or what waits for a worker that dies would be held to be as deadly as what it was at
    "distributed.scheduler.worker-saturation": 1.0,
    # a model may take minutes in compiled code, which answers nobody
    "distributed.scheduler.worker-ttl": None,
    # on a busy machine a process may take a minute to begin
    "distributed.comm.timeouts.connect": "300s",
    "distributed.worker.multiprocessing-method": "spawn",
    # spawned processes have it before they load any library that reads it
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": "1"},
}


class WorkerError(CosmicnetError):
    """Workers died again and again over one task, or there is no scheduler at the address, or none any more."""


@contextmanager
def single_threaded_pool(processes: int, scheduler: str | None = None) -> Iterator[Executor]:
    """Workers with one thread each: so many fresh processes, or those of the scheduler at an address such as
    tcp://10.0.0.1:8786. When an error leaves the block, what waits is dropped.

    Raises WorkerError.
    """
    with dask.config.set(SETTINGS), _client(processes, scheduler) as client:
        executor = client.get_executor(pure=False, retries=RETRIES)
        try:
            yield executor
        except KilledWorker as error:
            raise WorkerError(f"workers died {DEATHS_ALLOWED + 1} times over the same task; is there enough memory for "
                              "so many? What was finished is kept: start again") from error
        except CancelledError as error:
            raise WorkerError(f"the Dask scheduler {scheduler or 'of this machine'} has gone. What was finished is "
                              "kept: start again") from error
        finally:
            executor.shutdown(wait=False)


def ended(futures: dict[Future[Result], Key]) -> Iterator[tuple[Key, Future[Result]]]:
    """The keys of futures, and these, as they end; `futures` is emptied.

    Results lie in the memory of the worker that made them: as long as there is a future of one, Dask has it made again
    when that worker dies. So nobody keeps the future of what was handed out.
    """
    for future in as_completed(tuple(futures)):
        yield futures.pop(future), future


def results(
    pool: Executor, function: Callable[..., Result], arguments: Mapping[Any, tuple[Any, ...]],
    died: Callable[[Any], Result], most: int,
) -> Iterator[Result]:
    """What the function returns for each of these arguments, in any order.

    Of those for which workers died again and again each is tried alone at the end, where it has all memory; died(key)
    takes the place of what does not return then either. Where there are more than `most` of them at first, or many and
    nothing else returns, it is not the tasks: raises KilledWorker, which single_threaded_pool() makes a WorkerError.
    """
    deadly: list[Any] = []
    returned = False
    for key, future in ended({pool.submit(function, *given): key for key, given in arguments.items()}):
        try:
            result = future.result()
        except KilledWorker:
            deadly.append(key)
            if len(deadly) > most or (not returned and len(deadly) > max(FEW, SHARE_OF_ALL * len(arguments))):
                raise
            continue
        returned = True
        yield result
    for key in deadly:
        try:
            result = pool.submit(function, *arguments[key]).result()
        except KilledWorker:
            result = died(key)
        yield result


def count_workers(processes: int, scheduler: str | None) -> int:
    """How many models are computed at a time; 1 of a cluster without workers. WorkerError where no scheduler
    answers."""
    if scheduler is None:
        return processes
    with _client(processes, scheduler) as client:
        return max(1, _workers_of(client))


@contextmanager
def _client(processes: int, scheduler: str | None) -> Iterator[Client]:
    # it tells of every worker that leaves, and at length of a scheduler that does
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is None:
        # a free port of its own: with the default one, a second command would warn that it is taken
        cluster = LocalCluster(n_workers=processes, threads_per_worker=1, processes=True, memory_limit=0,
                               dashboard_address=":0", silence_logs=logging.CRITICAL)
        with _closed_at_the_end(cluster), _closed_at_the_end(Client(cluster)) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise WorkerError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        if not _workers_of(client):
            _tell_of_no_workers(scheduler)
        yield client


def _workers_of(client: Client) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


@cache
def _tell_of_no_workers(scheduler: str) -> None:
    """Once for all steps of a command. Nobody waits here: there are clusters that start workers when there is work."""
    print(f"{scheduler}: this Dask scheduler has no workers yet; waiting for them", file=sys.stderr, flush=True)


@contextmanager
def _closed_at_the_end(part: Part) -> Iterator[Part]:
    """On a busy machine Dask may give up waiting for its processes to end; what they computed is there by then."""
    try:
        yield part
    finally:
        with suppress(TimeoutError):
            part.close()


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
    """A bar with the time left; yields what to call after each item."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("time left"), TimeRemainingColumn())
    # an item takes seconds: average the speed over minutes
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=300.0) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda: bar.advance(task)
