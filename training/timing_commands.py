"""The sub-commands of `cosmicnet` that time CLASS."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .arguments import PROGRAM, add_network, new_command, positive_number, writable

__all__ = ["add_benchmark", "add_line_of_sight"]


def add_line_of_sight(commands: Any) -> None:
    parser = new_command(
        commands, "line-of-sight", "accuracy and speed of the fast line of sight, as a table",
        description="""\
Compares the fast line-of-sight integration, and CLASS's own with default precision, with CLASS's own
when its sampling is refined until nothing changes, all with the sources of the networks; measures the
seconds of each step. Writes line_of_sight.md. The converged runs take two to six minutes each.""",
        epilog=f"""\
examples:
  OMP_NUM_THREADS=1 {PROGRAM} line-of-sight             writes docs/line_of_sight.md
  {PROGRAM} line-of-sight --models 1 --output /tmp      a quick look
  {PROGRAM} line-of-sight --l-max 5000""",
    )
    parser.add_argument("--output", type=Path, default=Path("docs"), metavar="FOLDER",
                        help="where the table goes (default: %(default)s)")
    parser.add_argument("--models", type=positive_number, default=10, metavar="N",
                        help="cosmologies (default: %(default)s)")
    parser.add_argument("--l-max", type=positive_number, default=2508, metavar="L",
                        help="largest multipole of the lensed spectra (default: %(default)s)")
    parser.add_argument("--repeats", type=positive_number, default=10, metavar="N",
                        help="runs of which the fastest counts (default: %(default)s)")
    parser.set_defaults(run=_run_line_of_sight)


def _run_line_of_sight(options: argparse.Namespace) -> None:
    from .line_of_sight import LineOfSightSettings, compare_lines_of_sight

    compare_lines_of_sight(LineOfSightSettings(
        output=writable(options.output), models=options.models, l_max=options.l_max, repeats=options.repeats))


def add_benchmark(commands: Any) -> None:
    parser = new_command(
        commands, "benchmark", "seconds of each step, full CLASS against networks",
        description="""\
Times every step of compute() on the same cosmologies with full CLASS and with networks, and writes
performance.md, .json and .png. Leave the machine alone meanwhile.""",
        epilog=f"""\
examples:
  {PROGRAM} benchmark                             1 and 2 threads; writes docs/performance.*
  {PROGRAM} benchmark --threads 1 --models 5 --output runs/performance""",
    )
    parser.add_argument("--output", type=Path, default=Path("docs"), metavar="FOLDER",
                        help="where the results go (default: %(default)s)")
    parser.add_argument("--models", type=positive_number, default=20, metavar="N",
                        help="cosmologies (default: %(default)s)")
    parser.add_argument("--threads", type=positive_number, nargs="+", default=[1, 2], metavar="N",
                        help="numbers of threads, one table for each (default: 1 2)")
    add_network(parser)
    parser.set_defaults(run=_run_benchmark)


def _run_benchmark(options: argparse.Namespace) -> None:
    from .benchmark import BenchmarkSettings, benchmark

    benchmark(BenchmarkSettings(writable(options.output), options.models, options.network, tuple(options.threads)))
