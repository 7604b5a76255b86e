"""Silence for the log messages of Cobaya and getdist."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]


@contextmanager
def quiet(up_to: int = logging.WARNING) -> Iterator[None]:
    """Suppress logs up to this level; unlike Cobaya's NoLogging, it may be nested."""
    before = logging.root.manager.disable
    logging.disable(max(before, up_to))
    try:
        yield
    finally:
        logging.disable(before)
