"""The slow half of the theory code: background, thermodynamics and source functions."""
from __future__ import annotations

from typing import Any, NoReturn

from cobaya.log import LoggedError
from cobaya.theory import HelperTheory

__all__ = ["PRODUCT", "Sources", "stop_the_run"]

# what Cobaya calls it between the two halves
PRODUCT = "cosmicnet_sources"


class Sources(HelperTheory):  # type: ignore[misc]  # Cobaya has no types
    """
    CLASS as far as the source functions, which primordial parameters do not change.

    Each result is an object of classy. Cobaya keeps the last few, and asks for another only when a parameter of this
    half changed. So in a step of the other parameters alone (A_s, n_s, A_L, ...) only the later modules run.
    """

    def __init__(self, host: Any, name: str) -> None:
        super().__init__({"stop_at_error": host.stop_at_error}, name, timing=host.timer)
        self.host = host

    def get_cosmicnet_sources(self) -> Any:
        return self.current_state[PRODUCT]

    def calculate(self, state: dict[str, Any], want_derived: bool = True, **params_values_dict: Any) -> bool | None:
        classy_module = self.host.classy_module
        cosmology = self.host.new_classy(params_values_dict)
        try:
            if self.host.splits():
                cosmology.compute(["primordial"])
        except classy_module.CosmoComputationError as error:
            if self.stop_at_error:
                self.log.error("CLASS cannot compute this point: %s. Parameters: %r", error, params_values_dict)
                raise
            self.log.debug("CLASS cannot compute this point, its likelihood is zero: %s", error)
            return False
        except classy_module.CosmoSevereError as error:
            stop_the_run(self.log, error)
        state[PRODUCT] = cosmology
        return None


def stop_the_run(log: Any, error: Exception) -> NoReturn:
    """Cobaya itself would go on with zero likelihood unless stop_at_error is set."""
    raise LoggedError(log, "the run cannot go on: %s", " ".join(str(error).split())) from error
