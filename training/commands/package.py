"""The sub-commands of `cosmicnet` about the package and CLASS: patch-class, cite."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from cosmicnet.errors import CosmicnetError

from .arguments import PROGRAM, new_command

__all__ = ["add_cite", "add_patch_class"]


def add_patch_class(commands: Any) -> None:
    parser = new_command(
        commands, "patch-class", "patch a CLASS source tree of your own",
        description="""\
Edits a CLASS source tree (version 3.2.3 or later, possibly with your own changes) so that its classy can use and
train networks; then build it as usual with `pip install DIR`. Parts that do not fit are left out and named. A copy is
compiled first, for a minute or two; the tree stays as it was if the hook does not fit or the copy does not compile.""",
        epilog=f"examples:\n  {PROGRAM} patch-class ~/my_class && pip install ~/my_class",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="root of the CLASS tree")
    parser.set_defaults(run=_run_patch_class)


def _run_patch_class(options: argparse.Namespace) -> None:
    from cosmicnet.class_patch import PARTS, AnchorError, PatchError, patch_what_fits, release_of

    print("compiling a copy with the patch ...", file=sys.stderr, flush=True)
    try:
        patched = patch_what_fits(options.directory)
    except AnchorError as error:
        raise CosmicnetError(f"the hook for networks does not fit CLASS {release_of(options.directory)}. Nothing was "
                             f"changed.\n{error}") from error
    except PatchError as error:
        raise CosmicnetError(str(error)) from error
    print("\n".join(f"{what} {name}" for name, what in patched.files.items()))
    for part, reasons in patched.missing.items():
        print(f"\nwithout {PARTS[part]}:\n" + "\n".join(reasons))
    print(f"\npatched CLASS {patched.release}: the hook for networks"
          + "".join(f", {text}" for part, text in PARTS.items() if part not in patched.missing))


def add_cite(commands: Any) -> None:
    parser = new_command(
        commands, "cite", "how to cite this software, as text and BibTeX",
        description="Prints what to cite: this software, CLASS, and the paper of the method; first as text, then as\n"
                    "BibTeX.",
        epilog=f"example:\n  {PROGRAM} cite >> references.txt")
    parser.set_defaults(run=_run_cite)


def _run_cite(options: argparse.Namespace) -> None:
    from .citation import as_bibtex, as_text, references

    found = references()
    print("\n".join(map(as_text, found)) + "\n\n" + "\n\n".join(map(as_bibtex, found)))
