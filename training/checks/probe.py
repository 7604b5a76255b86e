"""What CLASS would ask networks for: it is stopped there, and integrates nothing."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

__all__ = ["ask"]

Answer = TypeVar("Answer")


def ask(settings: Mapping[str, Any], listen: Callable[[Any], Answer]) -> Answer | None:
    """What `listen` makes of the SourceRequest for these settings of CLASS; None where CLASS does not come as far as
    that. Errors that `listen` raises are raised."""
    from classy import Class, CosmoComputationError, CosmoSevereError

    listener, cosmology = _Listener(listen), Class()
    cosmology.set(dict(settings))
    cosmology.set_source_provider(listener)
    try:
        cosmology.compute(["perturbations"])
    except (CosmoComputationError, CosmoSevereError):
        pass
    finally:
        cosmology.empty()
    if listener.error is not None:
        raise listener.error
    return listener.answer


class _Heard(Exception):
    """Raised in place of giving sources: CLASS need not integrate."""


class _Listener(Generic[Answer]):
    """A source provider that notes what it is told."""

    def __init__(self, listen: Callable[[Any], Answer]) -> None:
        self._listen = listen
        self.answer: Answer | None = None
        self.error: Exception | None = None

    def provide(self, request: Any) -> bool:
        try:
            self.answer = self._listen(request)
        except Exception as error:
            self.error = error
        raise _Heard("asked only")
