"""Keeps one model after the other in a folder, until it is killed: `python learn_run.py FOLDER FIRST`.

Prints the number of each model that is kept.
"""
from __future__ import annotations

import sys
from pathlib import Path

from test_learn import COSMOLOGY, RUNNING, chain_model, request

from cosmicnet.training.learn.chain_model import identity_of
from cosmicnet.training.learn.folder import Learned

if __name__ == "__main__":
    part = Learned.open(Path(sys.argv[1]), identity_of(request(), RUNNING))
    for number in range(int(sys.argv[2]), 100_000):
        part.keep(chain_model(cosmology={**COSMOLOGY, "H0": 60.0 + 1e-4 * number}))
        print(number, flush=True)
