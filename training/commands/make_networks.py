"""The sub-commands of `cosmicnet` that make networks: generate, train, make."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmicnet.errors import CosmicnetError
from cosmicnet.installed import FOLDER_VARIABLE, MANIFEST, shipped_sets, user_folder

from .arguments import PROGRAM, add_processes, add_scheduler, new_command, positive_number, writable

if TYPE_CHECKING:
    from ..models.generate import Workplace
    from ..recipe.schema import Recipe

__all__ = ["add_generate", "add_make", "add_train"]


class NameTaken(CosmicnetError):
    """The name of a recipe, or the folder for its networks, is that of networks that come with the package."""


def add_make(commands: Any) -> None:
    parser = new_command(
        commands, "make", "networks for a cosmology, from nothing, by one recipe",
        description=f"""\
Checks a recipe, tells what it will cost, integrates its models with CLASS, trains the networks, compares
them with full CLASS on cosmologies that training never saw, and adds models until the recipe's target is
met or its budget is spent. The networks go to the folder of your own sets, where
`neural_network_path: NAME` finds them: {user_folder()}
(${FOLDER_VARIABLE} chooses another). A run that was interrupted goes on where it stopped.
The same recipe gives the same networks.""",
        epilog=f"""\
examples:
  {PROGRAM} make mine.toml                                from nothing to installed and measured networks
  {PROGRAM} make mine.toml --scheduler tcp://node1:8786   on a Dask cluster, see docs/retrain.md
  {PROGRAM} make mine.toml --work /scratch/mine --output nets/mine
  {PROGRAM} make training/recipes/extended.toml --output nets/extended   shipped networks again""",
    )
    _add_common(parser)
    _add_output(parser)
    parser.add_argument("--models", type=positive_number, default=20, metavar="N",
                        help="unseen cosmologies of the final evaluation (default: %(default)s)")
    parser.add_argument("--yes", action="store_true", help="do not ask whether the price is right")
    parser.set_defaults(run=_run_make)


def add_generate(commands: Any) -> None:
    parser = new_command(
        commands, "generate", "integrate the training models of a recipe with CLASS",
        description="""\
The first step of `make` alone: checks a recipe, tells what it will cost, and integrates its models. They
are kept in the work folder, one HDF5 file each, and what CLASS said of those that it could not compute.""",
        epilog=f"""\
examples:
  {PROGRAM} generate mine.toml
  {PROGRAM} generate mine.toml --number 1000              more of them, if the design is "sobol\"""",
    )
    _add_common(parser)
    parser.add_argument("--number", type=positive_number, metavar="N",
                        help="how many models (default: sampling.models of the recipe)")
    parser.add_argument("--yes", action="store_true", help="do not ask whether the price is right")
    parser.set_defaults(run=_run_generate)


def add_train(commands: Any) -> None:
    parser = new_command(
        commands, "train", "train the networks of a recipe on the models that are there",
        description="""\
The second step of `make` alone: trains on all models of the recipe that are in the work folder, and
installs the networks. Tables on the nodes of the fields, where they are missing, are made by --processes
or --scheduler; training itself runs here.""",
        epilog=f"examples:\n  {PROGRAM} train mine.toml\n  {PROGRAM} train mine.toml --output nets/mine",
    )
    _add_common(parser)
    _add_output(parser)
    parser.set_defaults(run=_run_train)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    parser.add_argument("--work", type=Path, metavar="FOLDER",
                        help="where models and half-finished work are kept (default: runs/NAME)")
    add_processes(parser)
    add_scheduler(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="FOLDER",
                        help="where the networks go (default: NAME in the folder of your own sets)")


def _run_make(options: argparse.Namespace) -> None:
    from ..checks.cost import confirm, price
    from ..evaluate.evaluate import EvaluationSettings, evaluate
    from .make import TargetMissed, make

    recipe, place = _read(options)
    output = _output(recipe, options.output)
    workers = _check(recipe, place, options.recipe)
    confirm(price(recipe, place, workers, options.models), options.yes)
    missed = None
    try:
        make(recipe, place, output)
    except TargetMissed as error:
        missed = error
    try:
        # resolved: as in _replaced(), and for workers in other folders
        evaluate(EvaluationSettings(str(output.resolve()), output, place.folder.parent / "unseen", options.models,
                                    options.processes, scheduler=options.scheduler))
    finally:
        # also where networks that miss it cover so little that they cannot be evaluated
        if missed is not None:
            raise missed
    print(f"{output}: accuracy.md has the errors on {options.models} unseen models; use them with "
          f"neural_network_path: {_how_to_name(recipe, output)}")


def _run_generate(options: argparse.Namespace) -> None:
    from ..checks.cost import confirm, price
    from ..models.generate import generate
    from ..wide.recipe import is_wide

    if is_wide(options.recipe):
        _run_generate_wide(options)
        return
    recipe, place = _read(options)
    number = options.number or recipe.sampling.models
    if recipe.sampling.design == "latin" and number != recipe.sampling.models:
        raise CosmicnetError('--number: a Latin hypercube cannot grow; set sampling.design = "sobol"')
    workers = _check(recipe, place, options.recipe)
    more = recipe.model_copy(update={"sampling": recipe.sampling.model_copy(update={"models": number}), "target": None})
    confirm(price(more, place, workers), options.yes)
    generated = generate(recipe, number, place)
    print(f"{place.folder}: {len(generated.models)} models, {len(generated.failed)} failed")


def _run_generate_wide(options: argparse.Namespace) -> None:
    from ..wide.generate import generate_wide
    from ..wide.recipe import load_wide_recipe

    recipe = load_wide_recipe(options.recipe)
    folder = options.work or Path("runs") / recipe.name
    generated = generate_wide(recipe, options.number or recipe.sampling.models, folder, options.processes,
                              options.scheduler)
    print(f"{folder}: {', '.join(f'{len(found)} {level}' for level, found in generated.models.items())} models, "
          f"{generated.failed} failed")


def _run_train(options: argparse.Namespace) -> None:
    from ..fields.fit_set import fit_set
    from ..models.generate import existing

    recipe, place = _read(options)
    output = _output(recipe, options.output)
    with _lines_of(options.recipe):
        generated = existing(recipe, place)
    fit_set(recipe, generated, place, output)


def _read(options: argparse.Namespace) -> tuple[Recipe, Workplace]:
    from ..models.generate import Workplace
    from ..recipe.schema import load_recipe

    recipe = load_recipe(options.recipe)
    work = options.work or Path("runs") / recipe.name
    return recipe, Workplace(work / "models", options.recipe.parent, options.processes, options.scheduler)


def _check(recipe: Recipe, place: Workplace, path: Path) -> int:
    """Find what can be wrong with the scheduler, the recipe and the folder before anything is integrated; the number
    of workers."""
    from ..checks.feasible import require_feasible
    from ..checks.visible import require_told
    from ..models.generate import claim
    from ..models.sampling import points
    from ..work.parallel import count_workers
    from ..work.spectra import require_patched_classy

    require_patched_classy()
    workers = count_workers(place.processes, place.scheduler)
    with _lines_of(path):
        claim(recipe, place)
        require_feasible(recipe, path)
        drawn = points(recipe, recipe.sampling.models, place.recipe_folder, place.derived)
    require_told(recipe, drawn, path)
    return workers


@contextmanager
def _lines_of(path: Path) -> Iterator[None]:
    """What is wrong with the chain, the covariance or the constraints of the recipe `path` is told with its line."""
    from ..models.sampling import SamplingError
    from ..recipe.toml_recipe import located

    try:
        yield
    except SamplingError as error:
        raise SamplingError(located(path, str(error))) from error


def _output(recipe: Recipe, chosen: Path | None) -> Path:
    """The folder for the networks; tells whose it takes the place of, and refuses those of the package."""
    if chosen is None and recipe.name in shipped_sets():
        raise NameTaken(f"name = {recipe.name}: is that of networks that come with the package, which would be found "
                        f"in their place; choose another name, or --output FOLDER")
    output = writable(chosen or user_folder() / recipe.name)
    if output.resolve() in {folder.resolve() for folder in shipped_sets().values()}:
        raise NameTaken(f"--output {output}: has networks that come with the package, which would be lost; choose "
                        f"another folder")
    if (output / MANIFEST).exists() and (theirs := _replaced(recipe, output)):
        print(f"{output}: has {theirs}, which will be replaced", file=sys.stderr)
    return output


def _replaced(recipe: Recipe, output: Path) -> str:
    """Words for the networks there, none for those of this recipe."""
    from cosmicnet.errors import NetworkFileError
    from cosmicnet.store import load_network_set

    try:
        # resolved: a relative folder may have the name of a set
        theirs = load_network_set(output.resolve()).manifest
    except NetworkFileError:
        return "networks that cannot be read"
    if {**recipe.model_dump(mode="json"), "models_used": theirs.recipe.get("models_used")} == theirs.recipe:
        return ""
    return f"networks '{theirs.name}' of another recipe ({theirs.description}; SHA-256 {theirs.sha256[:12]})"


def _how_to_name(recipe: Recipe, output: Path) -> str:
    return recipe.name if output == user_folder() / recipe.name else str(output)
