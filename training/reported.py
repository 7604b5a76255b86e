"""Settings of a CLASS of one's own that networks could not tell apart when they are used."""
from __future__ import annotations

from pathlib import Path

from cosmicnet.running_class import running_class
from cosmicnet.store import DEFAULT_SET, load_network_set

from .config import Recipe, RecipeError
from .dataset import read_model

__all__ = ["require_reported"]

# Settings of stock CLASS that decide what is computed and not how, or that are reported under another name.
OTHERWISE_CHECKED = frozenset({
    "output", "lensing", "modes", "ic", "l_max_scalars", "l_max_lss", "P_k_max_1/Mpc", "P_k_max_h/Mpc", "z_max_pk",
    "z_pk", "non_linear", "perturbations_sampling_stepsize", "A_s", "n_s", "ln10^{10}A_s", "alpha_s", "k_pivot",
    "Omega_Lambda", "Omega_fld", "Omega_scf", "Omega_k", "Omega_ncdm", "omega_ncdm", "m_ncdm", "N_ur", "w0_fld",
    "wa_fld", "YHe", "H0", "h", "reio_parametrization", "omega_b", "omega_cdm", "tau_reio", "z_reio",
})


def require_reported(recipe: Recipe, model: Path) -> None:
    """Raise RecipeError for a setting of a modified CLASS of which a request for sources would not tell the value: its
    networks would be used for any other value as well. model: one that was integrated.

    Requests of the release for which the package's own networks were made tell all that matters.
    """
    if running_class().source_digest == load_network_set(DEFAULT_SET).manifest.source_digest:
        return
    told = read_model(model)
    unknown = sorted(set(recipe.class_settings) - OTHERWISE_CHECKED - set(told.setup) - set(told.precision))
    if unknown:
        raise RecipeError(
            f"class_settings.{unknown[0]}: this CLASS does not report it, so that networks would be used for any other "
            f"value of it; add it under this name to cosmicnet_list_setup() in cosmicnet_class.h (docs/retrain.md)")
