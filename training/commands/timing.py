"""The sub-commands of `cosmicnet` that time CLASS."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cosmicnet.errors import CosmicnetError

from .arguments import (
    PROGRAM,
    add_network,
    add_processes,
    new_command,
    number_from_zero,
    positive_number,
    writable,
)

__all__ = ["add_benchmark", "add_camb", "add_line_of_sight", "add_non_linear", "add_precision"]

# errors are reported for l < 30 and for l >= 30
LOWEST_L_MAX = 100


def add_line_of_sight(commands: Any) -> None:
    parser = new_command(
        commands, "line-of-sight", None,
        description="""\
A developer's measurement: accuracy, smoothness and speed of the fast line of sight.

Compares the fast line-of-sight integration, and CLASS's own with default precision, with CLASS's own
when its sampling is refined until nothing changes, all with the sources of the networks; follows the
spectra along lines through parameter space; measures the seconds of each step. Writes line_of_sight.md
and .png. The converged runs take one to six minutes each; they are kept.""",
        epilog=f"""\
examples:
  {PROGRAM} line-of-sight                               writes line_of_sight/*
  {PROGRAM} line-of-sight --models 1 --l-max 2508 --points 0 --output /tmp     a quick look""",
    )
    parser.add_argument("--output", type=Path, default=Path("line_of_sight"), metavar="FOLDER",
                        help="where the results go (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("runs/line_of_sight"), metavar="FOLDER",
                        help="converged spectra, kept for the next time (default: %(default)s)")
    parser.add_argument("--l-max", type=positive_number, nargs="+", default=[2508, 5000], metavar="L",
                        help="largest multipoles of the lensed spectra (default: 2508 5000)")
    parser.add_argument("--models", type=positive_number, nargs="+", default=[10, 1], metavar="N",
                        help="cosmologies for each of them (default: 10 1)")
    parser.add_argument("--points", type=number_from_zero, default=41, metavar="N",
                        help="points on a short line, 0 for no lines (default: %(default)s)")
    parser.add_argument("--repeats", type=positive_number, default=10, metavar="N",
                        help="runs of which the fastest counts (default: %(default)s)")
    add_processes(parser)
    parser.set_defaults(run=_run_line_of_sight)


def _run_line_of_sight(options: argparse.Namespace) -> None:
    from ..timing.line_of_sight import LineOfSightSettings, compare_lines_of_sight

    if len(options.models) != len(options.l_max):
        raise CosmicnetError("--models and --l-max need as many numbers")
    if min(options.l_max) < LOWEST_L_MAX:
        raise CosmicnetError(f"--l-max {min(options.l_max)}: must be at least {LOWEST_L_MAX}")
    compare_lines_of_sight(LineOfSightSettings(
        output=writable(options.output), cache=writable(options.cache), models=tuple(options.models),
        l_max=tuple(options.l_max), repeats=options.repeats, processes=options.processes, points=options.points))


def add_non_linear(commands: Any) -> None:
    parser = new_command(
        commands, "non-linear", None,
        description="""\
Compares the fast HMcode with CLASS's own: P_nl, and the first time with non-linear corrections, with the
sources of the networks and with full CLASS. Writes non_linear.md, also when interrupted; the same command then
goes on. A cosmology takes 2 s, with full CLASS 10 s.""",
        epilog=f"""\
examples:
  {PROGRAM} non-linear                                  writes non_linear/non_linear.md
  {PROGRAM} non-linear --models 5 1 1 1 1 --output /tmp   a quick look""",
    )
    parser.add_argument("--output", type=Path, default=Path("non_linear"), metavar="FOLDER",
                        help="where the page goes (default: %(default)s)")
    parser.add_argument("--models", type=positive_number, nargs=5, default=[500, 100, 500, 500, 50], metavar="N",
                        help="cosmologies for each comparison (default: 500 100 500 500 50)")
    add_processes(parser)
    parser.set_defaults(run=_run_non_linear)


def _run_non_linear(options: argparse.Namespace) -> None:
    from ..timing.non_linear import NonLinearSettings, compare_non_linear

    compare_non_linear(NonLinearSettings(writable(options.output), tuple(options.models), options.processes))


def add_precision(commands: Any) -> None:
    parser = new_command(
        commands, "precision", None,
        description="""\
Compares CLASS at its default precision, with the block of settings of ACT DR6, and networks with converged
CLASS: lensed spectra to l = 9000, P(k) to 100 h/Mpc. Writes precision.md, also when interrupted. A cosmology takes
five minutes; CLASS's results are kept in the cache folder. Before, in a minute, margins.md: how far a request has to
go in l and k.""",
        epilog=f"""\
examples:
  {PROGRAM} precision                                   writes precision/precision.md
  {PROGRAM} precision --models 0 0                      margins.md alone
  {PROGRAM} precision --models 1 0 --output /tmp        a quick look""",
    )
    parser.add_argument("--output", type=Path, default=Path("precision"), metavar="FOLDER",
                        help="where the page goes (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("runs/precision"), metavar="FOLDER",
                        help="where CLASS's results are kept (default: %(default)s)")
    parser.add_argument("--models", type=number_from_zero, nargs=2, default=[10, 6], metavar="N",
                        help="cosmologies of Planck's posterior, and of the whole domain of `standard` (default: 10 6)")
    add_processes(parser)
    parser.set_defaults(run=_run_precision)


def _run_precision(options: argparse.Namespace) -> None:
    from ..timing.margins import compare_margins
    from ..timing.precision import PrecisionSettings, compare_precisions

    compare_margins(writable(options.output))
    if any(options.models):
        compare_precisions(PrecisionSettings(writable(options.output), writable(options.cache), tuple(options.models),
                                             options.processes))


def add_camb(commands: Any) -> None:
    parser = new_command(
        commands, "camb", None,
        description="""\
Compares networks in CAMB with CAMB's own results: spectra of the CMB to l = 2500, P(k), seconds of both, and the
part of recombination. Writes camb.md and camb.json. CAMB takes a minute for all cosmologies.""",
        epilog=f"""\
examples:
  OMP_NUM_THREADS=1 {PROGRAM} camb --output docs""",
    )
    parser.add_argument("--output", type=Path, default=Path("camb"), metavar="FOLDER",
                        help="where the page goes (default: %(default)s)")
    parser.set_defaults(run=_run_camb)


def _run_camb(options: argparse.Namespace) -> None:
    from ..timing.camb_differences import compare_with_camb

    compare_with_camb(writable(options.output))


def add_benchmark(commands: Any) -> None:
    parser = new_command(
        commands, "benchmark", "seconds of each step, full CLASS against networks",
        description="""\
Times every step of compute() on the same cosmologies with full CLASS and with networks, and writes
performance.md, .json and .png. Each cosmology takes 75 s on one thread and 35 s on two. Rows that take
full CLASS minutes are timed in the first cosmology alone and add 12 and 6 minutes: 20 cosmologies on 1
and 2 threads take an hour. Leave the machine alone meanwhile.""",
        epilog=f"""\
examples:
  {PROGRAM} benchmark                             1 and 2 threads; writes performance/*
  {PROGRAM} benchmark --threads 1 --models 5 --output runs/performance""",
    )
    parser.add_argument("--output", type=Path, default=Path("performance"), metavar="FOLDER",
                        help="where the results go (default: %(default)s)")
    parser.add_argument("--models", type=positive_number, default=20, metavar="N",
                        help="cosmologies (default: %(default)s)")
    parser.add_argument("--threads", type=positive_number, nargs="+", default=[1, 2], metavar="N",
                        help="numbers of threads, one table for each (default: 1 2)")
    parser.add_argument("--scaling", action="store_true",
                        help=argparse.SUPPRESS)
    parser.add_argument("--stock", type=Path, default=Path(".stock"), metavar="FOLDER",
                        help=argparse.SUPPRESS)
    add_network(parser)
    parser.set_defaults(run=_run_benchmark)


def _run_benchmark(options: argparse.Namespace) -> None:
    if options.scaling:
        from ..timing.scaling import ScalingSettings, measure_scaling

        measure_scaling(ScalingSettings(writable(options.output), options.stock))
        return
    from ..timing.benchmark import BenchmarkSettings, benchmark

    benchmark(BenchmarkSettings(writable(options.output), options.models, options.network, tuple(options.threads)))
