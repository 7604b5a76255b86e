"""Measure the paper's networks and their companion on the same unseen cosmologies, and write docs/paper.md."""
from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from cosmicnet.files import parse_json, write_whole
from cosmicnet.manifest import PAPER_ARCHITECTURE
from cosmicnet.paper.inputs import TIMES
from cosmicnet.store import load_network_set

from ..models.plan import FieldsPlan
from ..recipe.schema import RecipeError
from ..work.files import DatasetError
from .figures import draw_figures
from .measure import compare_sources, compare_spectra, time_perturbations
from .page import COSMICNET_I, DEFAULT, LABELS, Measured, field_sizes, page
from .plan import PaperPlan
from .recipe import PaperRecipe
from .search import found_before

__all__ = ["report"]

# Entries of a recipe that do not affect the networks, and further entries of a manifest.
NOT_OF_NETWORKS = ("description", "search.", "report.", "sets.test.", "sets.hyperparameters.", "models_used",
                   "companion_sha256", "trained.")

# Entries of a file of `cosmicnet reweight` that the page shows.
OF_POSTERIOR = ("chain", "before", "after", "likelihoods", "samples", "effective_samples", "log_weights", "shifts")


def report(plan: PaperPlan, folder: Path, output: Path, cache: Path, companion: FieldsPlan | None = None,
           reweighted: Sequence[Path] = ()) -> None:
    """Measure everything and write paper.md and paper/figure*.png to `output`.

    folder: of the set. cache: of spectra of full CLASS. companion: the plan of the companion's recipe,
    None to leave its training time out. reweighted: files of `cosmicnet reweight`. Raises RecipeError for networks of
    another architecture or recipe, NetworkFileError or DatasetError if something is missing.
    """
    recipe, manifest = plan.recipe, load_network_set(folder).manifest
    if manifest.architecture != PAPER_ARCHITECTURE:
        raise RecipeError(f"{folder}: not the paper's networks but {manifest.architecture}'s")
    require_same_recipe(recipe, manifest.recipe, folder)
    both = {COSMICNET_I: str(folder), DEFAULT: recipe.companion}
    points = recipe.test_points()
    # a damaged search result must show before hours of measuring
    histories = {source: plan.history(source) for source in TIMES}
    drawn = {source: found_before(plan, source) for source in TIMES}
    retrained = companion.available() if companion else []
    posteriors = [_posterior(file) for file in reweighted]
    # while nothing else runs
    timings = time_perturbations(points[:recipe.report.timing_models], both)
    measured = Measured(
        compare_sources(plan, both), compare_spectra(points, both, cache, plan.processes), timings, histories,
        _seconds_of_training(companion, retrained) if companion else None, drawn,
        field_sizes(load_network_set(recipe.companion)), posteriors)
    pictures = output / "paper"
    pictures.mkdir(exist_ok=True)
    draw_figures(measured.sources, measured.spectra, LABELS, pictures)
    write_whole({output / "paper.md": page(recipe, plan.recipe_file, manifest, measured)})


def _posterior(file: Path) -> dict[str, Any]:
    try:
        found = parse_json(file.read_bytes())
        return {name: found[name] for name in OF_POSTERIOR}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file}: no result of `cosmicnet reweight`: {error!r}") from error


def require_same_recipe(recipe: PaperRecipe, made_by: Mapping[str, Any], folder: Path) -> None:
    """Raise RecipeError for networks of another recipe, whose training would be misreported."""
    given, theirs = (dict(_entries(table)) for table in (recipe.model_dump(mode="json"), made_by))
    for name in (*given, *theirs):
        value, there = given.get(name), theirs.get(name)
        if there != value and not name.startswith(NOT_OF_NETWORKS):
            raise RecipeError(f"{folder}: these networks were made with {name} = {there}, but the recipe has "
                              f"{value}; `cosmicnet paper train` makes them anew")


def _entries(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """All values with the names of the tables that they are in."""
    return [entry for name, value in table.items()
            for entry in (_entries(value, f"{prefix}{name}.") if isinstance(value, Mapping)
                          else [(f"{prefix}{name}", value)])]


def _seconds_of_training(plan: FieldsPlan, models: Sequence[Path]) -> float:
    """Seconds of training these networks by one process."""
    # tables on the nodes are no part of training, and are kept
    for model in models:
        if not plan.table_of(model).exists():
            plan.resample(model)
    with tempfile.TemporaryDirectory() as folder:
        # fields that were trained before lie beside the models, and would be taken from there
        for path in plan.work.iterdir():
            if path.name != "fields":
                (Path(folder) / path.name).symlink_to(path.resolve())
        start = perf_counter()
        replace(plan, work=Path(folder)).fit(models, Path(folder) / "networks")
        return perf_counter() - start
