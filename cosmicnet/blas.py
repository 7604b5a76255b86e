"""One thread for NumPy's matrix products, as long as they are as short as ours.

After each product OpenBLAS's further threads wait for the next one for some 25 ms, and do so busily. What they gain in
products of a few milliseconds, CLASS's own threads would lose on the same cores right afterwards.
"""
from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

__all__ = ["single_threaded"]

# as NumPy's wheels and other builds of OpenBLAS call them
NAMES = ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads", "openblas_{}_num_threads64_",
         "openblas_{}_num_threads")


@contextmanager
def single_threaded() -> Iterator[None]:
    """Products on this thread alone, and then as before; nothing happens if NumPy uses another library."""
    functions = _openblas()
    if functions is None:
        yield
        return
    get, set_to = functions
    before = get()
    set_to(1)
    try:
        yield
    finally:
        set_to(before)


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Functions that get and set the number of threads of the OpenBLAS that NumPy is linked to."""
    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    for name in NAMES:
        if hasattr(library, name.format("set")) and hasattr(library, name.format("get")):
            set_to = getattr(library, name.format("set"))
            set_to.argtypes, set_to.restype = [ctypes.c_int], None
            return getattr(library, name.format("get")), set_to
    return None
