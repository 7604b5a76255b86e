"""A recipe as small as recipes may be."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from cosmicnet.training.config import Recipe, load_recipe

TINY = """\
name = "tiny"
description = "a recipe for tests"

[domain]
omega_b = [0.021, 0.024]
omega_cdm = [0.11, 0.13]
H0 = [64.0, 71.0]
tau_reio = [0.04, 0.08]

[class_settings]
N_ncdm = 1
m_ncdm = 0.06
N_ur = 2.0308
output = "tCl,pCl,lCl,mPk"

[sampling]
models = 20
seed = 1

[sampling.ranges]
omega_b = [0.0205, 0.0245]
omega_cdm = [0.105, 0.135]
H0 = [63.0, 72.0]
tau_reio = [0.035, 0.085]

[reduction]
default = 1e-3

[reduction.tolerance]
"early.all.monopole" = 2e-3

[training]
degree_early = 2
degree_late = 1
hidden = [3]
epochs = 50
learning_rate = 1e-3
validation_fraction = 0.2
seed = 2
"""


def write_tiny(folder: Path, text: str = TINY) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


def tiny_recipe(folder: Path, **sampling: Any) -> Recipe:
    """The tiny recipe with changes to its entry `sampling`."""
    recipe = load_recipe(write_tiny(folder))
    return recipe.model_copy(update={"sampling": recipe.sampling.model_copy(update=sampling)})
