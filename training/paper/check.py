"""What can be wrong with a recipe of the paper's networks is found before anything is integrated."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.architecture import layers
from cosmicnet.paper.inputs import TIMES
from cosmicnet.training.config import RecipeError
from cosmicnet.training.feasible import MIDDLE, Corner, require_computable
from cosmicnet.training.toml_lines import key_lines, line_of
from cosmicnet.training.toml_recipe import read_text

from .make import companion_of
from .recipe import PaperRecipe
from .tables import PAPER_K

__all__ = ["require_possible"]


def require_possible(recipe: PaperRecipe, path: Path) -> None:
    """Raise RecipeError or RangeError with the line in the file `path`: for too few models, a companion that is not
    there, layers that leave no wavenumbers, settings that CLASS does not know, and ends of the box that it cannot
    compute."""
    fewest = 2 * (len(recipe.box) + 1)
    if recipe.sets.training.models < fewest:
        raise _at(path, ("sets", "training", "models"),
                  f"sets.training.models = {recipe.sets.training.models}: must be {fewest} at least, or what CLASS "
                  "derives of the parameters cannot be fitted, by which networks know where they may be used")
    try:
        companion_of(recipe)
    except CosmicnetError as error:
        raise _at(path, ("companion",), f"companion = {recipe.companion}: {error}") from error
    for source in TIMES:
        hyperparameters = getattr(recipe.networks, source).hyperparameters
        try:
            # the wavenumbers of this CLASS are as many within a few per cent
            layers(hyperparameters.architecture(source), PAPER_K)
        except ValueError as error:
            raise _at(path, ("networks", source, "hyperparameters"),
                      f"networks.{source}.hyperparameters: strides and pools are too much for {PAPER_K} wavenumbers: "
                      f"{error}") from error
    require_computable(_corners(recipe), recipe.class_settings, path)


def _corners(recipe: PaperRecipe) -> Iterator[Corner]:
    yield Corner(dict(recipe.centre), MIDDLE, ("box",))
    for name, ends in recipe.bounds.items():
        for value in ends:
            yield Corner({**recipe.centre, name: value},
                         f"box.{name} = {value:g} ({recipe.sigmas:g} sigma), the others in the middle", ("box", name))


def _at(path: Path, entry: tuple[str, ...], message: str) -> RecipeError:
    return RecipeError(f"{path}:\n  line {line_of(key_lines(read_text(path)), entry)}: {message}")
