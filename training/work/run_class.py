"""Run classy: the patched build, new objects, networks switched on, and a probe that stops at the request."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from cosmicnet.errors import CosmicnetError

__all__ = ["Parameters", "networks_on", "new_class", "probe", "require_patched_classy"]

Parameters = Mapping[str, str | float | int]
Answer = TypeVar("Answer")


def require_patched_classy() -> None:
    """Raise CosmicnetError where classy is missing or does not know networks."""
    try:
        import classy
    except ImportError as error:
        raise CosmicnetError(f"classy cannot be imported ({error}); docs/patch.md says how to build it") from error
    if not hasattr(classy.Class, "neural_network_info"):
        raise CosmicnetError(f"classy {classy.__version__} ({classy.__file__}) is not the patched one and knows no "
                             f"networks; docs/patch.md says how to build it")


def networks_on(network: str | None = None) -> Parameters:
    """The options that switch the networks on: by name or folder, or None for the default ones.

    Without fallback, which would compare CLASS with itself.
    """
    chosen = {} if network is None else {"neural_network_path": network}
    return {"neural_network": "yes", "neural_network_fallback": "error", **chosen}


def new_class(parameters: Parameters) -> Any:
    """A classy.Class with these parameters set and nothing computed."""
    from classy import Class

    cosmology = Class()
    cosmology.set(dict(parameters))
    return cosmology


def probe(parameters: Parameters, read: Callable[[Any], Answer]) -> Answer:
    """Return read(request) for the SourceRequest of these parameters; CLASS stops there and integrates nothing.

    Raises what `read` raises, and CLASS's own errors if it fails before the request.
    """
    from classy import CosmoComputationError, CosmoSevereError

    reader, cosmology = _Reader(read), new_class(parameters)
    cosmology.set_source_provider(reader)
    try:
        cosmology.compute(["perturbations"])
    except (CosmoComputationError, CosmoSevereError):
        if not reader.answers and reader.error is None:
            raise
    finally:
        cosmology.empty()
    if reader.error is not None:
        raise reader.error
    return reader.answers[0]


class _Stop(Exception):
    """Ends the computation in place of giving sources."""


class _Reader(Generic[Answer]):
    """A source provider that reads the request and stops CLASS."""

    def __init__(self, read: Callable[[Any], Answer]) -> None:
        self._read = read
        self.answers: list[Answer] = []
        self.error: Exception | None = None

    def provide(self, request: Any) -> bool:
        try:
            self.answers.append(self._read(request))
        except Exception as error:
            self.error = error
        raise _Stop
