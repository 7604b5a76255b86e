"""Silence for what Cobaya and getdist log while something else reports."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]


@contextmanager
def quiet(up_to: int = logging.WARNING) -> Iterator[None]:
    """Nothing at this level or below is logged; unlike Cobaya's NoLogging, it may be nested."""
    before = logging.root.manager.disable
    logging.disable(max(before, up_to))
    try:
        yield
    finally:
        logging.disable(before)
