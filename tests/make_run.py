"""The command `cosmicnet` with grids and nodes so coarse that a model takes half a second; run by test_make.

The processes that integrate import this file too, so that they have the same grids.
"""
from __future__ import annotations

import sys

import numpy as np
from recipes import COARSE

from cosmicnet.training import generate, networks
from cosmicnet.training.cli import main
from cosmicnet.training.resample import NODES

generate.AlignedGrids = lambda: COARSE  # type: ignore[misc, assignment]
for _name, _nodes in NODES.items():
    NODES[_name] = np.linspace(_nodes[0], np.log(25.0) if _name == "ln_x" else _nodes[-1], 60)

# twenty models determine no more
networks.DERIVED_DEGREE = 1

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
