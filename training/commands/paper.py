"""The sub-commands of `cosmicnet paper`: the networks of the first paper, from nothing to the comparison."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import PROGRAM, add_processes, add_scheduler, new_command, writable

if TYPE_CHECKING:
    from ..paper.plan import PaperPlan

__all__ = ["add_paper"]

SOURCES = ("t0", "t1", "t2")


def add_paper(commands: Any) -> None:
    parser = new_command(
        commands, "paper", "the networks of CosmicNet I (arXiv:1907.05764)",
        description="""\
The three networks of arXiv:1907.05764 by one recipe: training models, training, the search over
hyperparameters, and paper.md with the paper's tables and figures beside these networks and the
default ones. What was finished is kept in the work folder: any command may be killed and started again.""",
        epilog=f"""\
examples:
  {PROGRAM} paper make training/recipes/paper_small.toml       all but the search, two cores
  {PROGRAM} paper make training/recipes/paper.toml --search    all, with the paper's own sizes: for a cluster
  {PROGRAM} paper train training/recipes/paper_small.toml --source t2
  {PROGRAM} paper search training/recipes/paper.toml --scheduler tcp://host:8786""")
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    _add_step(steps, "generate", "integrate the training, validation, hyperparameter and test sets", _run_generate, """\
Integrates the four sets with CLASS on all cores, or on a Dask cluster; 7 to 14 s and 3 MB per model. Models
that are there are not integrated again; a cosmology that CLASS cannot compute is recorded in a
.failed file and left out until you delete it.""")
    train = _add_step(steps, "train", "train the networks and write the set", _run_train, """\
Trains the three networks on the models of the work folder, as section 3.2 of the paper says, and writes the
set. The state is kept after each epoch; a training that was killed goes on with the next one.""")
    train.add_argument("--source", choices=SOURCES, help="train the network of this source only, and write no set: "
                                                         "for one process each")
    search = _add_step(steps, "search", "search for hyperparameters",
                       _run_search, """\
Draws hyperparameters from the recipe's ranges, trains a network with each, keeps those with the smallest
validation loss and ranks them by the error of their C_l (eq. 3.2): search/SOURCE.json in the work folder. The
best is printed as a table that can replace the recipe's. Draws are trained by several processes or by a Dask
cluster; a search that was killed goes on, and the result is the same.""")
    search.add_argument("--source", choices=SOURCES, help="search for this network only (default: all three)")
    report = _add_step(steps, "report", "measure, and write paper.md with its figures", _run_report, """\
Measures the networks of the recipe and the default ones on the same unseen cosmologies, and writes paper.md:
tables 1 to 5 and figures 1 and 3 to 7 of the paper, its values beside both.""")
    make = _add_step(steps, "make", "generate, train and report", _run_make, """\
generate, train and report, one after the other, and with --search the search before the report, which shows
its draws. Each reuses existing results.""")
    for step in (report, make):
        step.add_argument("--report", type=Path, default=Path("paper"), metavar="FOLDER",
                          help="where paper.md goes (default: %(default)s)")
        step.add_argument("--cache", type=Path, default=Path("runs/evaluate"), metavar="FOLDER",
                          help="where spectra of full CLASS are kept (default: %(default)s)")
        step.add_argument("--default-models", type=Path, metavar="FOLDER",
                          help="work folder of the default networks' recipe; they are trained again to time it")
        step.add_argument("--reweighted", type=Path, nargs="+", default=[], metavar="FILE",
                          help="results of `cosmicnet reweight CHAIN --network`, for a section on the posterior")
    make.add_argument("--search", action="store_true", help="search for hyperparameters as well")


def _add_step(steps: Any, name: str, summary: str, run: Any, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = new_command(
        steps, name, summary, description=description,
        epilog=f"example:\n  {PROGRAM} paper {name} training/recipes/paper_small.toml")
    parser.add_argument("recipe", type=Path, help="the recipe, a TOML file")
    parser.add_argument("--work", type=Path, metavar="FOLDER",
                        help="where models, trainings and searches are kept (default: runs/NAME)")
    if name in ("train", "report", "make"):
        parser.add_argument("--output", type=Path, metavar="FOLDER", help="where the networks are (default: nets/NAME)")
    if name != "train":
        add_processes(parser)
    if name in ("generate", "search", "make"):
        add_scheduler(parser)
    if name in ("generate", "make"):
        parser.add_argument("--yes", action="store_true", help="skip the cost confirmation")
    parser.set_defaults(run=run)
    return parser


def _open(options: argparse.Namespace) -> PaperPlan:
    from ..paper.plan import PaperPlan

    # not all steps have several processes, or a cluster
    plan = PaperPlan.open(options.recipe, options.work, getattr(options, "processes", 1),
                          getattr(options, "scheduler", None))
    plan.check()
    writable(plan.work)
    return plan


def _networks(options: argparse.Namespace, plan: PaperPlan) -> Path:
    return options.output or Path("nets") / plan.recipe.name


def _run_generate(options: argparse.Namespace) -> None:
    from .plans import generate

    generate(_open(options), options.yes)


def _run_train(options: argparse.Namespace) -> None:
    plan = _open(options)
    if options.source:
        plan.train(options.source)
    else:
        output = writable(_networks(options, plan))
        manifest = plan.fit(plan.available(), output)
        print(f"{output}: networks '{manifest.name}', hash {manifest.sha256[:12]}")


def _run_search(options: argparse.Namespace) -> None:
    from ..paper.recipe import hyperparameters_table
    from ..paper.search import draw_label, search

    plan = _open(options)
    for source in [options.source] if options.source else SOURCES:
        kept = search(plan, source)
        for judged in kept:
            print(f"{source} draw {draw_label(judged.draw)}: C_l error {judged.cl_error:.3g}, validation loss "
                  f"{judged.validation_loss:.3g}")
        print(f"# draw {draw_label(kept[0].draw)}\n{hyperparameters_table(kept[0].architecture)}")


def _run_report(options: argparse.Namespace) -> None:
    from ..evaluate.targets import RECIPES
    from ..paper.report import report
    from .plans import open_plan

    plan, companion = _open(options), None
    if options.default_models is not None:
        companion = open_plan(RECIPES / f"{plan.recipe.companion}.toml", options.default_models)
    report(plan, _networks(options, plan), writable(options.report), options.cache, companion,
           options.reweighted)


def _run_make(options: argparse.Namespace) -> None:
    _run_generate(options)
    every = argparse.Namespace(**{**vars(options), "source": None})
    _run_train(every)
    if options.search:
        _run_search(every)
    _run_report(options)
