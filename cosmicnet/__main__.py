"""`python -m cosmicnet` is the command `cosmicnet`."""
from __future__ import annotations

from runpy import run_module

# by its name: this package knows no other part of the project
run_module("cosmicnet.training", run_name="__main__")
