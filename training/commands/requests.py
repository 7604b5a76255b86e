"""The sub-commands of `cosmicnet` that compute or probe spectra: demo, compare, coverage."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .arguments import PROGRAM, add_network, add_packages_path, new_command, writable, writable_file

__all__ = ["add_compare", "add_coverage", "add_demo"]


def add_demo(commands: Any) -> None:
    parser = new_command(
        commands, "demo", "Planck's best fit by full CLASS and by networks",
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
    add_packages_path(parser)
    parser.set_defaults(run=_run_demo)


def _run_demo(options: argparse.Namespace) -> None:
    from cosmicnet.cobaya_components.demo.demo import run_demo

    run_demo(writable(options.output), options.packages_path, options.network)


def add_compare(commands: Any) -> None:
    parser = new_command(
        commands, "compare", "your own input by networks and by full CLASS",
        description="""\
Computes the spectra of an input three times: by networks, by full CLASS through the same fast line of
sight, and by full CLASS with its own ("stock") line of sight. Prints the seconds of each step and the errors by l
in units of cosmic variance, and writes them with plots as one HTML file, images inside, that can be
sent to a colleague. The input is an INI file of CLASS, a YAML file of CLASS parameters, or a run of
Cobaya, of which the reference point is computed.""",
        epilog=f"""\
examples:
  {PROGRAM} compare my_model.ini                        writes my_model_compare.html
  {PROGRAM} compare run.yaml --network standard --output page.html
  OMP_NUM_THREADS=1 {PROGRAM} compare my_model.ini      times on one thread""",
    )
    parser.add_argument("input", type=Path, metavar="FILE", help="the input: .ini, .yaml or .yml")
    parser.add_argument("--output", type=Path, metavar="FILE.html", help="the page (default: FILE_compare.html here)")
    add_network(parser)
    parser.set_defaults(run=_run_compare)


def _run_compare(options: argparse.Namespace) -> None:
    from rich.console import Console

    from ..side_by_side.compare import compare
    from ..side_by_side.html_page import print_comparison, write_html
    from ..side_by_side.user_input import read_input

    given = read_input(options.input)
    page = writable_file(options.output or Path(f"{options.input.stem}_compare.html"))
    comparison = compare(given.parameters, options.network or given.network, given.notes)
    print_comparison(comparison, Console())
    write_html(comparison, f"{options.input.name}: networks and full CLASS", page)
    print(f"wrote {page}")


def add_coverage(commands: Any) -> None:
    parser = new_command(
        commands, "coverage", "which networks cover your inputs, and why not",
        description="""\
Prints a table of inputs: the installed networks that cover each, or the reason why none does. CLASS stops at
the request for its source functions and integrates nothing, so that an input takes a second or less. Inputs are
INI files of CLASS, YAML files of CLASS parameters, runs of Cobaya (at their reference point), and JSON files:
a dictionary of CLASS parameters, or a list of {"name": ..., "class": {...}}.""",
        epilog=f"""\
examples:
  {PROGRAM} coverage my_model.ini run.yaml
  {PROGRAM} coverage configurations.json --network standard""",
    )
    parser.add_argument("inputs", type=Path, nargs="+", metavar="FILE", help="inputs: .ini, .yaml, .yml or .json")
    add_network(parser)
    parser.set_defaults(run=_run_coverage)


def _run_coverage(options: argparse.Namespace) -> None:
    from rich.console import Console

    from ..side_by_side.covering_sets import coverage_table, read_inputs

    inputs = {name: given for path in options.inputs for name, given in read_inputs(path).items()}
    Console().print(coverage_table(inputs, options.network))
