"""The command `cosmicnet`: one function add_* per sub-command, its work imported only when it runs."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cosmicnet.errors import CosmicnetError

from .arguments import PROGRAM, add_network, add_processes, positive_number, writable
from .arguments import new_command as _command
from .compare import add_compare
from .make_networks import add_generate, add_make, add_train
from .paper import add_paper
from .timing import add_benchmark, add_line_of_sight

__all__ = ["main"]

# Of `paper`, and of nothing else.
STEPS_OF_PAPER = ("search", "report")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command; returns the exit status, 1 for an error that the user can do something about."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print(f"{PROGRAM} {options.command}: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        explained = _explanation(error)
        if explained is None:
            raise
        print(f"{PROGRAM} {options.command}: {explained}", file=sys.stderr)
        return 1
    return 0


def _explanation(error: Exception) -> str | None:
    """What to tell about an error that the user can do something about; None for a fault of ours."""
    # classy wraps what the networks raise into its own errors
    for candidate in (error, error.__cause__):
        if isinstance(candidate, CosmicnetError):
            return str(candidate)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        return f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, MemoryError):
        return f"not enough memory. {error}".strip()
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("cosmicnet"):
        return f"{error}; pip install 'cosmicnet[training,evaluate,cobaya]'"
    classy = sys.modules.get("classy")
    if classy is not None and isinstance(error, (classy.CosmoSevereError, classy.CosmoComputationError)):
        return str(error).strip()
    return None


class _Parser(argparse.ArgumentParser):
    """Of the command itself: it tells where a step is that is asked for as a command."""

    def error(self, message: str) -> NoReturn:
        for step in STEPS_OF_PAPER:
            if f"invalid choice: '{step}'" in message:
                message = f"there is no {PROGRAM} {step}, but `{PROGRAM} paper {step}`"
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Neural networks for the source functions of CLASS.",
        epilog=f"""\
Networks are used from Python, like any option of CLASS:
  from classy import Class
  cosmology = Class()
  cosmology.set({{"output": "tCl,pCl,lCl", "lensing": "yes", "neural_network": "yes", ...}})
  cosmology.compute()

`{PROGRAM} COMMAND --help` explains a command and shows examples.""",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True,
                                     parser_class=argparse.ArgumentParser)
    add_demo(commands)
    add_compare(commands)
    add_make(commands)
    add_generate(commands)
    add_train(commands)
    add_evaluate(commands)
    add_line_of_sight(commands)
    add_benchmark(commands)
    add_paper(commands)
    add_info(commands)
    add_patch_class(commands)
    add_cobaya_commands(commands)
    return parser


def add_cobaya_commands(commands: Any) -> None:
    from cosmicnet.training.commands.cobaya import add_check, add_reweight, add_runs

    add_runs(commands)
    add_check(commands)
    add_reweight(commands)


def add_demo(commands: Any) -> None:
    parser = _command(
        commands, "demo", "Planck's best fit with full CLASS and with networks, side by side",
        description="""\
Computes the spectra of Planck's best fit in both modes, prints seconds per step, errors in percent and
in units of cosmic variance, and the chi2 of the real Planck likelihoods where their data are installed;
then a posterior from a likelihood that comes with the package. Writes plots of the source functions, of
the spectra, of their errors and of the posterior. Takes about four minutes.""",
        epilog=f"""\
examples:
  {PROGRAM} demo                                        plots go to ./demo
  {PROGRAM} demo --output plots --packages-path ~/cobaya_packages
  OMP_NUM_THREADS=1 {PROGRAM} demo                      times on one thread""",
    )
    parser.add_argument("--output", type=Path, default=Path("demo"), metavar="FOLDER",
                        help="where the plots go (default: %(default)s)")
    add_network(parser)
    _add_packages_path(parser)
    parser.set_defaults(run=_run_demo)


def _run_demo(options: argparse.Namespace) -> None:
    from cosmicnet.cobaya_components.demo.demo import run_demo

    run_demo(writable(options.output), options.packages_path, options.network)


def add_evaluate(commands: Any) -> None:
    parser = _command(
        commands, "evaluate", "accuracy of networks on unseen cosmologies, as a table",
        description="""\
Compares networks with full CLASS on cosmologies that training never saw: in the whole domain of the
networks, at its corners, on the edges of its constraints, and in all families of models that they cover
(LCDM, sum of neutrino masses, N_eff and YHe, w0wa, curvature). Writes accuracy.md (measured against
target), accuracy.json (the value of every model), accuracy.png (errors against l and k) and
measured.json, which `cosmicnet info` shows where it lies beside the networks.

Full CLASS takes 5 to 10 seconds per model and its results are kept in the cache folder. After Ctrl-C
the same command goes on where it stopped, and other networks are evaluated on the same models in
minutes.""",
        epilog=f"""\
examples:
  {PROGRAM} evaluate                                    the networks lcdm; writes docs/accuracy.*
  {PROGRAM} evaluate --network extended                 writes docs/extended/accuracy.*
  {PROGRAM} evaluate --network nets/mine                writes nets/mine/accuracy.*
  {PROGRAM} evaluate --models 10 --processes 1          a quick look
  {PROGRAM} evaluate --packages-path ~/cobaya_packages  with the change of the Planck chi2""",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER",
                        help="where the table and the plot go (default: beside the networks; of lcdm docs, of others "
                             "that come with the package docs/NAME)")
    parser.add_argument("--cache", type=Path, default=Path("runs/evaluate"), metavar="FOLDER",
                        help="where the results of full CLASS are kept (default: %(default)s)")
    parser.add_argument("--models", type=positive_number, default=100, metavar="N",
                        help="cosmologies in each box (default: %(default)s)")
    add_processes(parser)
    add_network(parser)
    _add_packages_path(parser)
    parser.set_defaults(run=_run_evaluate)


def _place_of_report(network: str) -> Path:
    """Beside the networks, but nothing is written into the package. NetworkFileError if there are none."""
    from cosmicnet.installed import installed_sets, shipped_sets
    from cosmicnet.store import DEFAULT_SET, load_network_set

    load_network_set(network)
    folder = installed_sets().get(network, Path(network).expanduser())
    for name, of_the_package in shipped_sets().items():
        if folder.resolve() == of_the_package.resolve():
            return Path("docs") if name == DEFAULT_SET else Path("docs") / name
    return folder


def _run_evaluate(options: argparse.Namespace) -> None:
    from cosmicnet.store import DEFAULT_SET

    from ..evaluate.accuracy_page import markdown
    from ..evaluate.evaluate import EvaluationSettings, evaluate

    network = options.network or DEFAULT_SET
    output = options.output or _place_of_report(network)
    print(markdown(evaluate(EvaluationSettings(network, writable(output), options.cache, options.models,
                                               options.processes, options.packages_path))))


def add_info(commands: Any) -> None:
    parser = _command(
        commands, "info", "what a network set is and where it may be used",
        description="""\
Prints where a network set may be used, what it was trained on, its hash, and its accuracy where
`cosmicnet evaluate` or `make` have measured it.""",
        epilog=f"examples:\n  {PROGRAM} info\n  {PROGRAM} info extended\n  {PROGRAM} info nets/mine",
    )
    parser.add_argument("network", nargs="?", default=None, metavar="NAME|FOLDER",
                        help="a shipped set, one of your own, or a folder (default: lcdm)")
    parser.set_defaults(run=_run_info)


def _run_info(options: argparse.Namespace) -> None:
    from cosmicnet.store import DEFAULT_SET

    from ..evaluate.info import print_info

    print_info(options.network or DEFAULT_SET)


def add_patch_class(commands: Any) -> None:
    parser = _command(
        commands, "patch-class", "give your own CLASS source tree the hook for networks",
        description="""\
Edits a CLASS source tree (version 3.4.1, possibly with your own changes) so that its classy can use and
train networks; then build it as usual with `pip install DIR`. The tree is left untouched if an edit
does not fit.""",
        epilog=f"examples:\n  {PROGRAM} patch-class ~/my_class && pip install ~/my_class",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="root of the CLASS tree")
    parser.set_defaults(run=_run_patch_class)


def _run_patch_class(options: argparse.Namespace) -> None:
    from cosmicnet.class_patch import AnchorError, PatchError, patch_tree

    try:
        touched = patch_tree(options.directory)
    except (AnchorError, PatchError) as error:
        raise CosmicnetError(str(error)) from error
    print("\n".join(f"{what} {name}" for name, what in touched.items()))


def _add_packages_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--packages-path", type=Path, metavar="FOLDER",
                        help="Cobaya packages folder with the Planck data (default: $COBAYA_PACKAGES_PATH)")
