"""Recipes: a tiny one, with coarse grids on which CLASS takes half a second a model; one of dark energy, N_eff and
neutrino masses; and a tiny one of two levels."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from cosmicnet.training.models.grids import AlignedGrids
from cosmicnet.training.models.sampling import domain_ellipsoid
from cosmicnet.training.one_level.plan import OneLevelPlan
from cosmicnet.training.recipe.schema import Recipe, load_recipe

COARSE = AlignedGrids(
    t_steps=(0.03, 0.012, 0.015, 0.03, 0.05), u_log_step=0.08, y_edges=(0.08, 1.0, 20.0), y_steps=(0.2, 0.8, 1.5),
    x_edges=(0.2, 8.0), x_steps=(0.5, 0.6), k_last=0.2, k_per_decade=6)
"""Good to a wavenumber of 0.05/Mpc."""

TINY = """\
name = "tiny"
description = "a recipe for tests"

[domain]
omega_b = [0.0222, 0.0226]
omega_cdm = [0.118, 0.122]
H0 = [66.0, 69.0]
tau_reio = [0.0, 0.2]
N_ur = [2.03, 2.032]
m_ncdm = [0.059, 0.061]

[class_settings]
N_ncdm = 1
output = "tCl,pCl,lCl,mPk"
lensing = "yes"
l_max_scalars = 300
"P_k_max_1/Mpc" = 0.3
reio_parametrization = "reio_none"
perturbations_sampling_stepsize = 0.08

[sampling]
models = 20
seed = 1

[sampling.ranges]
omega_b = [0.0221, 0.0227]
omega_cdm = [0.117, 0.123]
H0 = [65.0, 70.0]
N_ur = [2.03, 2.032]
m_ncdm = [0.059, 0.061]

[reduction]
default = 3e-4

[reduction.tolerance]
"early.monopole" = 2e-3

[training]
degree_early = 1
degree_late = 1
hidden = [3]
epochs = 50
learning_rate = 1e-3
validation_fraction = 0.2
seed = 2
"""

DARK_ENERGY = """\
name = "dark_energy"
description = "flat, three degenerate massive neutrinos, N_eff, w0 and wa"
constraints = ["w0_fld + wa_fld < -0.1"]

[domain]
omega_b = [0.0198, 0.0250]
omega_cdm = [0.095, 0.145]
H0 = [50.0, 90.0]
tau_reio = [0.0, 0.2]
N_ur = [0.0, 1.46]
T_ncdm = [0.6449, 0.7162]
m_ncdm = [0.0, 0.2]
w0_fld = [-1.6, -0.4]
wa_fld = [-2.5, 1.0]
"100*theta_s" = [1.0, 1.08]

[class_settings]
N_ncdm = 1
deg_ncdm = 3
Omega_Lambda = 0
fluid_equation_of_state = "CLP"
use_ppf = "yes"
output = "tCl,pCl,lCl,mPk"
lensing = "yes"
"P_k_max_1/Mpc" = 30

[sampling]
models = 600
seed = 3
design = "sobol"

[sampling.ranges]
omega_b = [0.0196, 0.0252]
omega_cdm = [0.093, 0.147]
H0 = [49.0, 91.0]
N_ur = [0.0, 1.48]
T_ncdm = [0.6440, 0.7163]
m_ncdm = [0.0, 0.205]
w0_fld = [-1.62, -0.38]
wa_fld = [-2.55, 1.02]

[sampling.derived]
"100*theta_s" = [0.995, 1.085]

[reduction]
default = 2e-4

[training]
degree_early = 3
degree_late = 3
linear = ["dark_energy_rec"]
hidden = [64, 64]
epochs = 2000
learning_rate = 2e-3
validation_fraction = 0.1
seed = 2
"""


TINY_LEVELS = """\
name = "tiny"
description = "a recipe of two levels for tests"
k_max = 1.0

[class_settings]
output = "tCl,pCl,lCl,mPk"
lensing = "yes"

[domain]
omega_b = [0.0222, 0.0226]
omega_cdm = [0.118, 0.122]
H0 = [66.0, 69.0]
N_eff = [3.0, 3.1]
N_ncdm = [0.0, 1.0]

[sampling]
models = 8
seed = 1
far = [{ every = 1, first = 0 }]

[sampling.box.ranges]
omega_b = [0.0221, 0.0227]
omega_cdm = [0.117, 0.123]
H0 = [65.0, 70.0]

[[sampling.box.families]]
N_ur = [3.0, 3.1]

[[sampling.box.families]]
N_ncdm = 1
m_ncdm = [0.01, 0.1]
N_ur = [2.0, 2.05]

[levels]
both_massless = { every = 4, first = 0 }
both_massive = { every = 4, first = 1 }

[levels.shared]
tol_thermo_integration = 1e-6

[levels.cheap]
tol_perturbations_integration = 1e-5

[levels.converged]
tol_perturbations_integration = 1e-6

[reduction]
default = 3e-4
"""


def tiny_sampling(**ranges: tuple[float, float]) -> str:
    """The tiny recipe with more parameters that are sampled."""
    text, more = TINY, "".join(f"{name} = [{low}, {high}]\n" for name, (low, high) in ranges.items())
    for after in ("[class_settings]", "[reduction]"):
        text = text.replace(f"\n{after}\n", f"{more}\n{after}\n", 1)
    return text


def write_tiny(folder: Path, text: str = TINY) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


def dark_energy_recipe(folder: Path) -> Recipe:
    """In folder/dark_energy.toml."""
    path = folder / "dark_energy.toml"
    path.write_text(DARK_ENERGY, encoding="utf-8")
    return load_recipe(path)


def tiny_recipe(folder: Path, **sampling: Any) -> Recipe:
    """The tiny recipe with changes to its entry `sampling`."""
    recipe = load_recipe(write_tiny(folder))
    return recipe.model_copy(update={"sampling": recipe.sampling.model_copy(update=sampling)})


def plan_of(recipe: Recipe, folder: Path, **changes: Any) -> OneLevelPlan:
    """The plan of a recipe in folder/tiny.toml, which is the work folder as well."""
    given = {"work": folder, "number": recipe.sampling.models, "ellipsoid": domain_ellipsoid(recipe, folder), **changes}
    return OneLevelPlan(recipe, folder / "tiny.toml", **given)
