"""What the sub-commands of `cosmicnet` share."""
from __future__ import annotations

import argparse
from typing import Any

__all__ = ["PROGRAM", "new_command", "positive_number"]

PROGRAM = "cosmicnet"


def new_command(commands: Any, name: str, summary: str, *, description: str, epilog: str) -> Any:
    """A sub-command whose texts are shown as they are written."""
    return commands.add_parser(name, help=summary, description=description, epilog=epilog,
                               formatter_class=argparse.RawDescriptionHelpFormatter)


def positive_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)
