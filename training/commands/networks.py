"""The sub-commands of `cosmicnet` about a network set: make, generate, train, evaluate, info."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmicnet.errors import CosmicnetError, NetworkFileError
from cosmicnet.installed import FOLDER_VARIABLE, MANIFEST, installed_sets, shipped_sets, user_folder

from .arguments import (
    PROGRAM,
    add_packages_path,
    add_processes,
    add_scheduler,
    new_command,
    positive_number,
    writable,
)

if TYPE_CHECKING:
    from ..models.plan import FieldsPlan

__all__ = ["add_evaluate", "add_generate", "add_info", "add_make", "add_train"]

# Entries of a manifest's recipe that do not determine the networks.
NOT_OF_RECIPE = ("accuracy", "models_used", "models_taken_over", "pairs_used")


def add_make(commands: Any) -> None:
    parser = new_command(
        commands, "make", "from a recipe to networks that are installed and measured",
        description=f"""\
Checks a recipe, estimates its cost, integrates its models with CLASS, trains the networks, and compares
them with full CLASS on unseen cosmologies. If the recipe has a target, models are added until it is met
or its budget is spent. The networks go to the folder of your own sets, where
`neural_network_path: NAME` finds them: {_own_sets()}
(${FOLDER_VARIABLE} chooses another). A run that was interrupted goes on where it stopped.
The same recipe gives the same networks.""",
        epilog=f"""\
examples:
  {PROGRAM} make mine.toml                                from nothing to installed and measured networks
  {PROGRAM} make wider.toml --from runs/mine              with the models of another recipe, see docs/retrain.md
  {PROGRAM} make mine.toml --scheduler tcp://node1:8786   on a Dask cluster, see docs/retrain.md
  {PROGRAM} make mine.toml --work /scratch/mine --output nets/mine""",
    )
    _add_common(parser)
    _add_from(parser)
    _add_output(parser)
    parser.add_argument("--models", type=positive_number, default=20, metavar="N",
                        help="unseen cosmologies of the final evaluation (default: %(default)s)")
    parser.add_argument("--yes", action="store_true", help="skip the cost confirmation")
    parser.set_defaults(run=_run_make)


def _own_sets() -> str:
    """For the help, which must not fail without a home folder."""
    try:
        return str(user_folder())
    except NetworkFileError as error:
        return f"({error})"


def add_generate(commands: Any) -> None:
    parser = new_command(
        commands, "generate", "integrate the training models of a recipe with CLASS",
        description="""\
The first step of `make` alone: checks a recipe, estimates its cost, and integrates its models. They are
kept in the work folder, one HDF5 file each, or CLASS's message for a model that it cannot compute.""",
        epilog=f"""\
examples:
  {PROGRAM} generate mine.toml
  {PROGRAM} generate mine.toml --number 1000              more of them; not with the design "latin"
  {PROGRAM} generate training/recipes/standard.toml       those of shipped networks""",
    )
    _add_common(parser)
    _add_from(parser)
    parser.add_argument("--number", type=positive_number, metavar="N",
                        help="how many cosmologies (default: sampling.models of the recipe)")
    parser.add_argument("--yes", action="store_true", help="skip the cost confirmation")
    parser.set_defaults(run=_run_generate)


def add_train(commands: Any) -> None:
    parser = new_command(
        commands, "train", "train the networks of a recipe on its models",
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


def _add_from(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start_from", type=Path, action="append", default=[], metavar="FOLDER",
                        help="take over the models in the work folder of another recipe, as far as they fit; may be "
                             "given more than once")


def _take_over(plan: FieldsPlan, sources: Sequence[Path]) -> None:
    from ..work.run_class import require_patched_classy

    if sources:
        require_patched_classy()
    for source in sources:
        print(plan.take_over(source), file=sys.stderr)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="FOLDER",
                        help="where the networks go (default: NAME in the folder of your own sets)")


def _run_make(options: argparse.Namespace) -> None:
    from ..checks.cost import confirm_cost, estimate_cost
    from ..evaluate.evaluate import measure
    from .make import TargetMissed, make
    from .plans import count_checked_workers

    plan = _open(options)
    output = _output(plan, options.output)
    _take_over(plan, options.start_from)
    workers = count_checked_workers(plan)
    confirm_cost(plan.models, estimate_cost(plan, workers, options.models), options.yes)
    missed = None
    try:
        make(plan, output)
    except TargetMissed as error:
        missed = error
    try:
        measure(plan, output, options.models)
    finally:
        # also where these networks cover too little to be evaluated
        if missed is not None:
            raise missed
    print(f"{output}: accuracy.md has the errors on {options.models} unseen models; use them with "
          f"neural_network_path: {_how_to_name(plan, output)}")


def _run_generate(options: argparse.Namespace) -> None:
    from .plans import generate

    plan = _open(options)
    if options.number:
        if options.number != plan.number and not plan.can_grow:
            raise CosmicnetError('--number: a Latin hypercube cannot grow; set sampling.design = "sobol"')
        plan = plan.with_models(options.number)
    _take_over(plan, options.start_from)
    generate(plan, options.yes)


def _run_train(options: argparse.Namespace) -> None:
    plan = _open(options)
    output = _output(plan, options.output)
    plan.fit(plan.available(), output)


def _open(options: argparse.Namespace) -> FieldsPlan:
    from .plans import open_plan

    return open_plan(options.recipe, options.work, options.processes, options.scheduler)


def _output(plan: FieldsPlan, chosen: Path | None) -> Path:
    """The folder for the networks; names the set that it replaces, and refuses those of the package."""
    recipe = plan.recipe
    if chosen is None and recipe.name in shipped_sets():
        raise CosmicnetError(f"name = {recipe.name}: a shipped set has this name and would take precedence; choose "
                             "another name, or --output FOLDER")
    output = writable(chosen or user_folder() / recipe.name)
    if output.resolve() in {folder.resolve() for folder in shipped_sets().values()}:
        raise CosmicnetError(f"--output {output}: contains a shipped set, which would be lost; choose another folder")
    if (output / MANIFEST).exists() and (theirs := _replaced(plan, output)):
        print(f"{output}: has {theirs}, which will be replaced", file=sys.stderr)
    return output


def _replaced(plan: FieldsPlan, output: Path) -> str:
    """A description of the networks there; empty for those of this recipe."""
    from cosmicnet.store import load_network_set

    try:
        # resolved: a relative folder may have the name of a set
        theirs = load_network_set(output.resolve()).manifest
    except NetworkFileError:
        return "networks that cannot be read"
    # the accuracy that networks are measured against does not change them
    mine = plan.recipe.model_dump(mode="json", exclude={"accuracy"})
    if mine == {name: value for name, value in theirs.recipe.items() if name not in NOT_OF_RECIPE}:
        return ""
    return f"networks '{theirs.name}' of another recipe ({theirs.description}; SHA-256 {theirs.sha256[:12]})"


def _how_to_name(plan: FieldsPlan, output: Path) -> str:
    return plan.recipe.name if output == installed_sets().get(plan.recipe.name) else str(output)


def add_evaluate(commands: Any) -> None:
    parser = new_command(
        commands, "evaluate", "accuracy of networks on unseen cosmologies",
        description="""\
Compares networks with full CLASS on cosmologies that training never saw: in the whole domain of the
networks, at its corners, on the edges of its constraints, and in all families of models that they cover
(LCDM, sum of neutrino masses, N_eff and YHe, w0wa, curvature). Writes accuracy.md (measured against
target), accuracy.json (the value of every model), accuracy.png (errors against l and k) and
measured.json, which `cosmicnet info` shows where it lies beside the networks.

Full CLASS takes 5 seconds to two minutes per model, by the precision of the training. Its results are
kept in the cache folder: after Ctrl-C the same command goes on where it stopped, and other networks are
evaluated on the same models in minutes.""",
        epilog=f"""\
examples:
  {PROGRAM} evaluate                                    the networks lcdm; writes lcdm-accuracy/accuracy.*
  {PROGRAM} evaluate --network nets/mine                writes nets/mine/accuracy.*
  {PROGRAM} evaluate --models 10 --processes 1          a quick look
  {PROGRAM} evaluate --packages-path ~/cobaya_packages  with the change of the Planck chi2""",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER",
                        help="where the table and the plot go (default: beside your own networks, NAME-accuracy for "
                             "those of the package)")
    parser.add_argument("--cache", type=Path, default=Path("runs/evaluate"), metavar="FOLDER",
                        help="where the results of full CLASS are kept (default: %(default)s)")
    parser.add_argument("--models", type=positive_number, default=100, metavar="N",
                        help="cosmologies in each box (default: %(default)s)")
    add_processes(parser)
    parser.add_argument("--network", metavar="NAME|FOLDER", help="networks to evaluate (default: lcdm)")
    add_packages_path(parser)
    parser.set_defaults(run=_run_evaluate)


def _report_folder(network: str) -> Path:
    """Beside the user's own networks; NAME-accuracy for those of the package. NetworkFileError if there are none."""
    from cosmicnet.store import load_network_set

    load_network_set(network)
    folder = installed_sets().get(network, Path(network).expanduser())
    shipped = {path.resolve(): name for name, path in shipped_sets().items()}
    name = shipped.get(folder.resolve())
    return folder if name is None else Path(f"{name}-accuracy")


def _run_evaluate(options: argparse.Namespace) -> None:
    from cosmicnet.store import DEFAULT_SET

    from ..evaluate.accuracy_page import markdown
    from ..evaluate.evaluate import EvaluationSettings, evaluate

    network = options.network or DEFAULT_SET
    output = options.output or _report_folder(network)
    print(markdown(evaluate(EvaluationSettings(network, writable(output), options.cache, options.models,
                                               options.processes, options.packages_path))))


def add_info(commands: Any) -> None:
    parser = new_command(
        commands, "info", "domain, training and accuracy of a network set",
        description="""\
Prints the domain of a network set, its training models, its hash, and its accuracy where `evaluate` or
`make` have measured it.""",
        epilog=f"examples:\n  {PROGRAM} info\n  {PROGRAM} info standard\n  {PROGRAM} info nets/mine",
    )
    parser.add_argument("network", nargs="?", default=None, metavar="NAME|FOLDER",
                        help="a shipped set, one of your own, or a folder (default: lcdm)")
    parser.set_defaults(run=_run_info)


def _run_info(options: argparse.Namespace) -> None:
    from cosmicnet.store import DEFAULT_SET

    from ..evaluate.info import print_info

    print_info(options.network or DEFAULT_SET)
