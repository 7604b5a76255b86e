"""The slow half of the theory code: background, thermodynamics and source functions."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from cobaya.log import LoggedError, always_stop_exceptions
from cobaya.theory import HelperTheory

__all__ = ["PRODUCT", "Sources", "computes", "errors_stop_the_run"]

# Cobaya's name of the product that the slow half gives to the fast one.
PRODUCT = "cosmicnet_sources"

# CLASS and the fast modules report a lack of memory like a point that is too extreme.
NO_MEMORY = ("could not allocate", "not enough memory")


class Sources(HelperTheory):  # type: ignore[misc]  # Cobaya has no types
    """
    CLASS up to the source functions, which primordial parameters do not change.

    Each result is an object of classy. Cobaya keeps the last few, and computes another only when a parameter of this
    half changes: a step of the other parameters alone (A_s, n_s, A_L, ...) runs the later modules only.
    """

    input_params: Any

    def __init__(self, host: Any, name: str) -> None:
        super().__init__({"stop_at_error": host.stop_at_error}, name, timing=host.timer)
        self.host = host
        # the only object where no parameter changes the source functions
        self._always_the_same, self._kept = False, None

    def take(self, slow: list[str], all_of_run: list[str]) -> None:
        """Depend on the `slow` parameters of the run.

        If neither the run nor another theory code varies a slow one, source functions never change. Cobaya refuses a
        component without parameters, so this one then takes a fast parameter.
        """
        self._always_the_same = not slow and not self.get_requirements()
        self.input_params = [*self.input_params, *(all_of_run[:1] if self._always_the_same else slow)]

    @property
    def slow_params(self) -> list[str]:
        """Parameters of the run that change the source functions."""
        return [] if self._always_the_same else list(self.input_params)

    def get_requirements(self) -> Any:
        return [name for name in self.host.required_params() if not self.host.is_fast(name)]

    def get_cosmicnet_sources(self) -> Any:
        return self.current_state[PRODUCT]

    def calculate(self, state: dict[str, Any], want_derived: bool = True, **params_values_dict: Any) -> bool | None:
        with errors_stop_the_run(self.log, self.host.classy_module):
            cosmology = self._kept or self.host.new_classy(params_values_dict)
            if self.host.splits() and not computes(self, cosmology, ["primordial"], self.host.classy_module):
                return False
        state[PRODUCT] = cosmology
        if self._always_the_same:
            self._kept = cosmology
        return None


def computes(component: Any, cosmology: Any, modules: list[str], classy_module: Any) -> bool:
    """Compute up to these modules; False if CLASS cannot do so at this point, whose likelihood is then zero.

    Raises LoggedError for a lack of memory, and CLASS's own error if the component has stop_at_error.
    """
    try:
        cosmology.compute(modules)
    except classy_module.CosmoComputationError as error:
        if any(words in str(error) for words in NO_MEMORY):
            _stop_the_run(component.log, error)
        if component.stop_at_error:
            component.log.error("CLASS cannot compute this point: %s. Parameters: %r", error, cosmology.pars)
            raise
        component.log.debug("CLASS cannot compute this point, its likelihood is zero: %s", error)
        return False
    return True


@contextmanager
def errors_stop_the_run(log: Any, classy_module: Any) -> Iterator[None]:
    """Errors stop the run; only a point that CLASS cannot compute becomes zero likelihood. Raises LoggedError.

    Without stop_at_error Cobaya makes zero likelihood of nearly every error.
    """
    try:
        yield
    except (*always_stop_exceptions, classy_module.CosmoComputationError):
        raise
    except Exception as error:
        _stop_the_run(log, error)


def _stop_the_run(log: Any, error: Exception) -> NoReturn:
    message = " ".join(str(error).split()) or type(error).__name__
    raise LoggedError(log, "the run cannot go on: %s", message) from error
