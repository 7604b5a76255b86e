"""Errors in a recipe of the paper's networks, found before anything is integrated."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cosmicnet.coverage import why_not_covered
from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.inputs import TIMES
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class
from cosmicnet.store import NetworkSet

from ..checks.feasible import MIDDLE, Corner, require_computable
from ..checks.visible import invisible, summaries
from ..recipe.toml import Entry, RecipeError, wrong_entries
from ..work.class_spectra import L_MAX, OUTPUT_SETTINGS
from .assemble import companion_of
from .recipe import PaperRecipe, without_wavenumbers
from .source_tables import k_grid

__all__ = ["require_possible_paper"]


def require_possible_paper(recipe: PaperRecipe, path: Path) -> None:
    """Raise RecipeError with the line in the file `path`: for too few models, a companion that is not
    there or does not cover the box, layers and ranges of a search that leave no wavenumbers, settings that CLASS does
    not know or that requests do not show, and ends of the box that it cannot compute."""
    fewest = 2 * (len(recipe.box) + 1)
    if recipe.sets.training.models < fewest:
        raise _at(path, ("sets", "training", "models"),
                  f"sets.training.models = {recipe.sets.training.models}: must be {fewest} at least, or what CLASS "
                  "derives of the parameters cannot be fitted, by which networks know where they may be used")
    try:
        companion = companion_of(recipe)
    except CosmicnetError as error:
        raise _at(path, ("companion",), f"companion = {recipe.companion}: {error}") from error
    require_computable(_corners(recipe), recipe.class_settings, path)
    if float(recipe.class_settings["l_max_scalars"]) < L_MAX:
        raise _at(path, ("class_settings", "l_max_scalars"),
                  f"class_settings.l_max_scalars = {recipe.class_settings['l_max_scalars']}: must be {L_MAX} at least, "
                  "to which networks are compared")
    k_size = k_grid(recipe).size
    for source in TIMES:
        for entry, why in without_wavenumbers(recipe, source, k_size):
            raise _at(path, entry, f"{'.'.join(entry)}: {why}")
    _require_visible_and_covered(recipe, companion, path)


def _require_visible_and_covered(recipe: PaperRecipe, companion: NetworkSet, path: Path) -> None:
    """Raise RecipeError for parameters that requests in the middle and at the ends of the box do not show, and if the
    companion does not cover the report's comparisons there; CLASS integrates nothing."""
    corners = list(_corners(recipe))
    found = list(summaries(recipe.class_settings, (corner.point for corner in corners)))
    if wrong := list(invisible(found, recipe.class_settings, recipe.box, recipe.box, ("box",))):
        raise wrong_entries(path, wrong)
    # sources are compared with the recipe's own output, spectra with another
    for settings in (recipe.class_settings, {**recipe.physics, **OUTPUT_SETTINGS}):
        for corner in corners:
            reasons = at_request({**settings, **corner.point},
                                 lambda request: list(why_not_covered(request, companion, running_class())))
            if reasons:
                entry = ("companion",) if corner.words == MIDDLE else corner.entry
                raise _at(path, entry, f"companion = {recipe.companion}: does not cover {corner.words}: "
                                       f"{'; '.join(reasons)}")


def _corners(recipe: PaperRecipe) -> Iterator[Corner]:
    yield Corner(dict(recipe.centre), MIDDLE, ("box",))
    for name, ends in recipe.bounds.items():
        for value in ends:
            yield Corner({**recipe.centre, name: value},
                         f"box.{name} = {value:g} ({recipe.sigmas:g} sigma), the others in the middle", ("box", name))


def _at(path: Path, entry: Entry, message: str) -> RecipeError:
    return wrong_entries(path, [(entry, message)])
