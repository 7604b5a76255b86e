"""Sub-commands of `cosmicnet` for runs of Cobaya; their work is imported only when it runs."""
from __future__ import annotations

import argparse
import math
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmicnet.errors import CosmicnetError

from .arguments import PROGRAM, new_command, number_from_zero, positive_number, writable

if TYPE_CHECKING:
    from cosmicnet.cobaya_components.compare.evaluations import PointSettings

__all__ = ["add_check", "add_reweight", "add_runs"]

RUNS = Path(str(files("cosmicnet.cobaya_components"))) / "runs"


def add_runs(commands: Any) -> None:
    parser = new_command(
        commands, "runs", "copy the ready runs for Cobaya to a folder",
        description="Copies the YAML files of the ready runs (Planck, BICEP/Keck, ACT, SPT, and likelihoods without\n"
                    "data files) and their README.",
        epilog=f"examples:\n  {PROGRAM} runs my_runs && cd my_runs && cobaya-run embedded.yaml")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that does not exist yet")
    parser.set_defaults(run=_run_runs)


def _run_runs(options: argparse.Namespace) -> None:
    import shutil

    if options.folder.exists():
        raise CosmicnetError(f"{options.folder}: exists; choose another folder")
    try:
        shutil.copytree(RUNS, options.folder)
    except OSError as error:
        shutil.rmtree(options.folder, ignore_errors=True)
        # shutil's own has a list of (source, target, reason)
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error
        raise CosmicnetError(f"{options.folder}: {reason}") from error
    print((options.folder / "README.md").read_text(encoding="utf-8"))


def add_check(commands: Any) -> None:
    parser = new_command(
        commands, "check", "change of a run's log-likelihoods by networks",
        description="""\
Draws points of the run's parameter space, evaluates its likelihoods there with networks and with full
CLASS, and reports the change of ln L of each likelihood, the worst point and a verdict, which needs 20
points; exit status 0 if it passes. Each evaluation is kept in the cache folder: after Ctrl-C the same
command goes on where it stopped.""",
        epilog=f"""\
examples:
  {PROGRAM} check planck_2018_lite_net.yaml --packages-path ~/cobaya_packages
  {PROGRAM} check run.yaml --points 200 --from chains/run         samples of a chain
  {PROGRAM} check run.yaml --from prior --threshold 1             the whole prior
  {PROGRAM} check run.yaml --network nets/mine                    networks of your own""")
    parser.add_argument("yaml", type=Path, metavar="RUN.yaml", help="input of cobaya-run, or its .updated.yaml")
    parser.add_argument("--points", type=positive_number, default=50, metavar="N",
                        help="how many (default: %(default)s)")
    parser.add_argument("--from", dest="place", default="covmat", metavar="covmat|reference|prior|CHAIN",
                        help="where points are drawn from: a Gaussian with the run's covariance matrix around its "
                             "reference point, the reference density, the prior, or a chain (default: %(default)s)")
    parser.add_argument("--threshold", type=_threshold, default=0.1, metavar="DELTA",
                        help="largest allowed change of the total ln L (default: %(default)s)")
    parser.add_argument("--network", metavar="NAME|FOLDER", help="networks to use (default: those of the run)")
    _add_common(parser, Path("runs/check"))
    parser.set_defaults(run=_run_check)


def _run_check(options: argparse.Namespace) -> None:
    from rich.console import Console

    from cosmicnet.cobaya_components.compare.check import check, load_run, print_check

    settings = _settings(options)
    comparison = check(load_run(options.yaml), settings, options.place, options.network)
    print_check(comparison, options.threshold, settings.truth, Console())
    if not comparison.within(options.threshold):
        raise CosmicnetError("the change of ln L is above the threshold")
    if not comparison.is_enough:
        raise CosmicnetError(f"no verdict on {len(comparison.points)} points: it needs {comparison.needed}")


def _settings(options: argparse.Namespace) -> PointSettings:
    from cosmicnet.cobaya_components.compare.evaluations import PointSettings

    return PointSettings(
        points=options.points, packages_path=options.packages_path, processes=options.processes, folder=options.cache,
        seed=options.seed, same_modules=not options.own_line_of_sight, precision=options.precision)


def add_reweight(commands: Any) -> None:
    parser = new_command(
        commands, "reweight", "the posterior of a chain with full CLASS",
        description="""\
Takes samples of a chain that was made with networks, evaluates them with full CLASS, and weights them with
the ratio of the likelihoods: shifts of means in sigma and ratios of widths with their uncertainty (jackknife),
the effective number of samples, and a triangle plot before and after. Writes CHAIN.reweighted.json and .png.
With --network other networks take the place of full CLASS, and the files are CHAIN.reweighted_NAME.json and
.png. After Ctrl-C the same command goes on where it stopped.""",
        epilog=f"""\
examples:
  {PROGRAM} reweight chains/planck_2018_lite_net --packages-path ~/cobaya_packages
  {PROGRAM} reweight chains/planck_2018_lite_net --points 200     a quick look
  {PROGRAM} reweight chains/planck_2018_lite_net --report docs/planck
  {PROGRAM} reweight chains/planck_2018_lite_net --network paper  the posterior with other networks""")
    parser.add_argument("chain", type=Path, metavar="CHAIN", help="the `output` of the run, without .1.txt")
    parser.add_argument("--points", type=positive_number, default=1000, metavar="N",
                        help="samples to evaluate, evenly over the chain (default: %(default)s)")
    parser.add_argument("--burn-in", type=_share, default=0.3, metavar="SHARE",
                        help="share of each Markov chain to skip at its start (default: %(default)s)")
    parser.add_argument("--report", type=Path, metavar="FOLDER",
                        help="measure evaluations per second in both modes as well (two minutes with idle cores), and "
                             "write the results of the chain to FOLDER: NAME.json, NAME.md (tables) and NAME.png")
    parser.add_argument("--network", metavar="NAME|FOLDER", help="other networks in place of full CLASS")
    _add_common(parser, Path("runs/reweight"))
    parser.set_defaults(run=_run_reweight)


def _run_reweight(options: argparse.Namespace) -> None:
    from rich.console import Console

    from cosmicnet.cobaya_components.compare.chain_report import write_chain_report
    from cosmicnet.cobaya_components.compare.reweight import (
        FEWEST_FOR_CONTOURS,
        print_reweighted,
        reweight,
        write_reweighted,
    )

    if options.report is not None:
        if options.network is not None:
            raise CosmicnetError("--report is about full CLASS: leave out --network or --report")
        # an error here comes before hours of full CLASS
        writable(options.report)
    settings = _settings(options)
    result = reweight(options.chain, settings, options.burn_in, options.network)
    print_reweighted(result, Console())
    end = "" if options.network is None else f"_{Path(options.network).name}"
    written = write_reweighted(result, options.chain.with_name(f"{options.chain.name}.reweighted{end}"))
    if result.distinct < FEWEST_FOR_CONTOURS:
        print(f"no triangle plot: contours need {FEWEST_FOR_CONTOURS} different samples, here are {result.distinct}")
    if options.report is not None:
        written += write_chain_report(result, options.chain, settings, options.report)
    for path in written:
        print(f"wrote {path}")


def _threshold(text: str) -> float:
    return _from_zero(text, math.inf, "a change of ln L: a number from 0 on")


def _share(text: str) -> float:
    return _from_zero(text, 1.0, "a share: from 0 to less than 1")


def _from_zero(text: str, end: float, what: str) -> float:
    """The number, which must lie in [0, end)."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    # written so that NaN is outside
    if not 0.0 <= number < end:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return number


def _add_common(parser: argparse.ArgumentParser, cache: Path) -> None:
    parser.add_argument("--packages-path", type=Path, metavar="FOLDER",
                        help="Cobaya packages folder with the data (default: the run's, or $COBAYA_PACKAGES_PATH)")
    parser.add_argument("--processes", type=positive_number, default=2, metavar="N",
                        help="evaluations at the same time, one thread each (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=cache, metavar="FOLDER",
                        help="where evaluations are kept, by the run and the versions; delete it after a change in the "
                             "code or data of a likelihood (default: %(default)s)")
    parser.add_argument("--precision", choices=("networks", "run"), default="networks",
                        help="precision of full CLASS: that of the networks' training, up to a minute a point, or "
                             "the run's own, whose errors are then counted as the networks' (default: %(default)s)")
    parser.add_argument("--own-line-of-sight", action="store_true",
                        help="full CLASS with its own line of sight, background and HMcode, as in a chain with "
                             "`mode: full`, not the fast ones; the sources and CLASS's sampling are then compared")
    parser.add_argument("--seed", type=number_from_zero, default=0,
                        help="another number draws other points (default: %(default)s)")
