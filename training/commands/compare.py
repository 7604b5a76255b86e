"""`cosmicnet compare`: a user's own input in all modes."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .arguments import PROGRAM, add_network, new_command, writable

__all__ = ["add_compare"]


def add_compare(commands: Any) -> None:
    parser = new_command(
        commands, "compare", "your own input by networks and by full CLASS, side by side",
        description="""\
Computes the spectra of an input three times: by networks, by full CLASS through the same fast line of
sight, and by full CLASS with its own ("stock") line of sight. Prints the seconds of each step and the errors by l
in units of cosmic variance, and writes them with plots as one HTML file, images inside, that can be
sent to a colleague. The input is an INI file of CLASS, a YAML file of CLASS parameters, or a run of
Cobaya, of which the reference point is computed.""",
        epilog=f"""\
examples:
  {PROGRAM} compare my_model.ini                        writes my_model_compare.html
  {PROGRAM} compare run.yaml --network extended --output page.html
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
    page = options.output or Path(f"{options.input.stem}_compare.html")
    writable(page.parent)
    comparison = compare(given.parameters, options.network, given.notes)
    print_comparison(comparison, Console())
    write_html(comparison, f"{options.input.name}: networks and full CLASS", page)
    print(f"wrote {page}")
