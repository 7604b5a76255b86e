"""The command `cosmicnet`: one function add_* per sub-command, its work imported only when it runs."""
from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cosmicnet.errors import CosmicnetError

from .arguments import PROGRAM
from .cobaya import add_check, add_reweight, add_runs
from .networks import add_evaluate, add_generate, add_info, add_make, add_train
from .package import add_cite, add_patch_class
from .paper import add_paper
from .requests import add_compare, add_coverage, add_demo
from .sharing import add_fetch, add_find, add_learned, add_publish
from .timing import add_benchmark, add_camb, add_line_of_sight, add_non_linear, add_precision

__all__ = ["command_line", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command, or show the help; returns the exit status, 1 for an error that the user can correct."""
    # commands say themselves where networks are used, worker processes included
    os.environ["COSMICNET"] = "no"
    parser = command_line()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"{PROGRAM} {options.command}: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            return 141
        explained = _explanation(error, str(getattr(options, "output", None) or ""))
        if explained is None:
            raise
        print(f"{PROGRAM} {options.command}: {explained}", file=sys.stderr)
        return 1
    return 0


def _nobody_reads() -> bool:
    """Whether the reader of the output has closed it, as `head` does; the rest of the output is then dropped."""
    output = select.poll()
    output.register(sys.stdout, 0)
    has_left = any(event & select.POLLERR for _, event in output.poll(0))
    if has_left:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return has_left


def _explanation(error: Exception, output: str) -> str | None:
    """The message for an error that the user can correct; None for a fault of the package."""
    # classy wraps errors of the networks into its own
    for candidate in (error, error.__cause__):
        if isinstance(candidate, CosmicnetError):
            return str(candidate)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        # a write to a full disk does not name its file
        place = error.filename or output
        return f"{place}: {reason}" if place else reason
    if isinstance(error, MemoryError):
        return f"not enough memory. {error}".strip()
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("cosmicnet"):
        return f"{error}; pip install 'cosmicnet[training,evaluate,cobaya]'"
    classy = sys.modules.get("classy")
    if classy is not None and isinstance(error, (classy.CosmoSevereError, classy.CosmoComputationError)):
        said = str(error).strip()
        return said if said.partition("Error in Class:")[2].strip() else f"{said} (no message; is there enough memory?)"
    return None


def command_line() -> argparse.ArgumentParser:
    """The parser of all sub-commands."""
    parser = argparse.ArgumentParser(
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
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version('cosmicnet')}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for add in (add_demo, add_info, add_coverage, add_compare, add_runs, add_check, add_reweight, add_make,
                add_generate, add_train, add_evaluate, add_learned, add_publish, add_find, add_fetch, add_patch_class,
                add_benchmark, add_camb, add_line_of_sight, add_non_linear, add_precision, add_paper,
                add_cite):
        add(commands)
    return parser
