"""Train one of the paper's networks and search, at a small size, on models that are there; C_l by a stand-in.
Losses, ranking and weights, those of each draw included, go to files.

Run by test_paper_kills, with the folder of the models and the one for the results.
"""
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from paper_models import architecture, plan_of, small_recipe

from cosmicnet.training.paper import search as module
from cosmicnet.training.paper.recipe import draw_architecture
from cosmicnet.training.paper.search import search
from cosmicnet.training.paper.train import train_network

EPOCHS, DRAWS = 4, 2


def spectra(settings: Any, parameters: Any, model: Any, k: Any, replaced: Any) -> dict[str, Any]:
    """C_l as sums over times, of a few wavenumbers."""
    tables = {**model.sources, **replaced}
    return {"tt": sum((tables[name][:, ::5].astype(float) ** 2).mean(axis=0) for name in ("t0", "t1"))}


if __name__ == "__main__":
    work, output = map(Path, sys.argv[1:])
    module.spectra_of_sources = spectra
    plan = plan_of(small_recipe(DRAWS), work)
    trained = train_network(plan.task(architecture("t0"), EPOCHS), work / "training", quiet=True)
    search(plan, "t0")
    output.mkdir(exist_ok=True)
    (output / "search.json").write_bytes((work / "search" / "t0.json").read_bytes())
    (output / "losses.json").write_text(json.dumps([[e.loss, e.validation_loss] for e in trained.history]))
    networks = {"trained": trained.network}
    # finished trainings are only read
    networks |= {f"draw{number}": module._train(plan, draw_architecture(plan.recipe, "t0", number)).network
                 for number in range(DRAWS)}
    for whose, network in networks.items():
        for name, (weight, bias) in network.weights.items():
            (output / f"{whose}_{name}.weights").write_bytes(weight.tobytes() + bias.tobytes())
