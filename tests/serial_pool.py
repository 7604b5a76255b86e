"""A pool that works in this process: no seconds to start workers, and stand-ins take effect in its tasks."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any


class Serial(Executor):
    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def serial_pool(processes: int, scheduler: str | None = None) -> Iterator[Serial]:
    """In place of single_threaded_pool()."""
    yield Serial()
