"""`cosmicnet generate` and then `train`, with grids and nodes so coarse that a model takes half a second.

Run by test_make, with the recipe, the work folder, the folder for the networks and the number of processes.

The processes that integrate import this file too, so that they have the same grids.
"""
from __future__ import annotations

import sys

import numpy as np
from recipes import COARSE

from cosmicnet.training.checks import visible as reported
from cosmicnet.training.commands.cli import main
from cosmicnet.training.fields.nodes import NODES
from cosmicnet.training.models import integrate
from cosmicnet.training.one_level import plan

integrate.AlignedGrids = plan.AlignedGrids = reported.AlignedGrids = lambda: COARSE  # type: ignore[misc, assignment]
for _name, _nodes in NODES.items():
    NODES[_name] = np.linspace(_nodes[0], np.log(25.0) if _name == "ln_x" else _nodes[-1], 60)

if __name__ == "__main__":
    recipe, work, output, processes, *scheduler = sys.argv[1:]
    common = [recipe, "--work", work, "--processes", processes]
    status = main(["generate", *common, "--yes", *(["--scheduler", *scheduler] if scheduler else [])])
    # '-': generate only
    sys.exit(status or (output != "-" and main(["train", *common, "--output", output])))
