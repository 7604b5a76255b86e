"""Arguments that several sub-commands of `cosmicnet` share."""
from __future__ import annotations

import argparse
import errno
import os
from pathlib import Path
from typing import Any

from ..work.cores import available_cores

__all__ = [
    "PROGRAM", "add_network", "add_packages_path", "add_processes", "add_scheduler", "new_command", "number_from_zero",
    "positive_number", "writable", "writable_file",
]

PROGRAM = "cosmicnet"


def new_command(commands: Any, name: str, summary: str | None, *, description: str, epilog: str) -> Any:
    """A sub-command whose texts are shown as they are written; without a summary it is not in the list of commands."""
    listed = {} if summary is None else {"help": summary}
    return commands.add_parser(name, description=description, epilog=epilog,
                               formatter_class=argparse.RawDescriptionHelpFormatter, **listed)


def positive_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def number_from_zero(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", metavar="NAME|FOLDER",
                        help="networks to use (default: those that the input names, else of the installed ones that "
                             "cover the request those with the narrowest domain)")


def writable(folder: Path) -> Path:
    """Make the folder for the results before the work begins, not after hours; OSError if that is impossible."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder


def writable_file(path: Path) -> Path:
    """The same for a file; another one there will be replaced."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    writable(path.parent)
    return path


def add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--processes", type=positive_number, default=available_cores(), metavar="N",
                        help="models computed at the same time, one thread each (default: one per core)")


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="compute on the workers of this Dask scheduler; they must see the same folders")


def add_packages_path(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--packages-path", type=Path, metavar="FOLDER",
                        help="Cobaya packages folder with the Planck data (default: $COBAYA_PACKAGES_PATH)")
