"""Independent work on several threads, and the threads of NumPy's matrix products meanwhile."""
from __future__ import annotations

import threading

import numpy as np
import pytest
from synthetic import make_emulator, make_request
from threadpoolctl import threadpool_info, threadpool_limits

from cosmicnet.threads import Once, run_together, threads_of_products


def threads_now() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_products_have_one_thread_in_between(threads: int) -> None:
    with threadpool_limits(threads, user_api="blas"):
        with threads_of_products() as free:
            assert free == threads
            assert threads_now() == {1}
        assert threads_now() == {threads}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_task_runs_once_and_as_many_together_as_there_are_threads(threads: int) -> None:
    done: list[int] = []
    together = threading.Barrier(threads)

    def task(number: int) -> None:
        # nobody passes before all threads are here
        together.wait(timeout=60)
        done.append(number)

    before = threading.active_count()
    run_together([lambda n=n: task(n) for n in range(6)], threads)  # type: ignore[misc]
    assert sorted(done) == list(range(6))
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("failing", [0, 1, 3])
def test_an_error_in_a_task_is_raised(threads: int, failing: int) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in a task")

    tasks = [lambda: None] * 4
    tasks[failing] = fail
    with pytest.raises(ZeroDivisionError):
        run_together(tasks, threads)


def test_a_shared_value_is_computed_once_and_the_others_wait() -> None:
    computed: list[int] = []
    seen: list[int] = []
    together = threading.Barrier(3)

    def compute() -> int:
        computed.append(threading.get_ident())
        threading.Event().wait(0.05)
        return 7

    shared = Once(compute)

    def task() -> None:
        together.wait(timeout=60)
        seen.append(shared())

    run_together([task] * 3, 3)
    assert len(computed) == 1
    assert seen == [7, 7, 7]


def test_an_error_of_a_shared_value_reaches_each_task() -> None:
    def fail() -> None:
        raise ZeroDivisionError("in a value")

    shared = Once(fail)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            shared()


@pytest.mark.parametrize("reionized", [False, True])
def test_sources_do_not_depend_on_the_number_of_threads(reionized: bool) -> None:
    emulator = make_emulator()
    one, three = make_request(reionized=reionized), make_request(reionized=reionized)
    with threadpool_limits(1, user_api="blas"):
        emulator.fill(one)
    for table in three.tables.values():
        table[...] = np.nan
    with threadpool_limits(3, user_api="blas"):
        emulator.fill(three)
    for name, table in one.tables.items():
        assert np.array_equal(table, three.tables[name]), name
