"""Seconds and peak memory by the size of a request: stock classy, full CLASS with the fast line of sight, networks."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import write_whole
from cosmicnet.store import DEFAULT_SET

from ..evaluate.boxes import PLANCK_5_SIGMA
from ..work.run_class import Parameters, networks_on, require_patched_classy
from .measured_with import measured_with

__all__ = ["ScalingSettings", "measure_scaling"]

LENSED: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes"}
WITH_MATTER: Parameters = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 2508}
REQUESTS: Mapping[str, Parameters] = {
    **{f"l_max {l_max}": {**LENSED, "l_max_scalars": l_max} for l_max in (2508, 5000, 8000)},
    **{f"l_max 2508, k_max {k_max}/Mpc": {**WITH_MATTER, "P_k_max_1/Mpc": k_max} for k_max in (1, 10)},
}
STOCK, FULL, NET = "stock", "full, fast line of sight", "networks"
MODES: Mapping[str, Parameters] = {STOCK: {}, FULL: {"fast_line_of_sight": "yes"}, NET: networks_on()}
MEGABYTES_MORE_ALLOWED = 150

# Each request runs in a process of its own. With networks it first computes a chain of cosmologies, since freed memory
# is kept and its peak grows for a while, and then times one compute(); without, one compute() is enough.
COMPUTES = 20
SCRIPT = f"""\
import json, resource, sys, time
from classy import Class, CosmoComputationError, CosmoSevereError

COMPUTES = {COMPUTES}
""" + """\

def timed(model, step):
    start = time.perf_counter()
    model.compute([step])
    return time.perf_counter() - start

request = json.loads(sys.argv[1])
model = Class()
model.set(request)
found = {}
try:
    if hasattr(model, "set_source_provider"):
        if "neural_network" in request:
            for number in range(COMPUTES):
                model.set(H0=request["H0"] * (1 + 1e-3 * number))
                model.compute()
            found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            model = Class()
            model.set(request)
        until = timed(model, "primordial")
        fourier, transfer, last = (timed(model, step) for step in ("fourier", "transfer", "lensing"))
        found |= {"transfer": transfer - fourier, "whole": until + transfer + last}
    else:
        found["whole"] = timed(model, "lensing")
    found.setdefault("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
except (CosmoComputationError, CosmoSevereError) as error:
    found = {"refused": str(error)}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class ScalingSettings:
    """stock: folder of stock classy."""

    output: Path
    stock: Path


@dataclass(frozen=True)
class RequestCost:
    """One request: seconds of the transfer step (None for stock) and of compute(), and the peak memory of the process;
    refused: why networks do not cover it, without figures then."""

    transfer: float | None = None
    whole: float = 0.0
    megabytes: float = 0.0
    refused: str | None = None


def measure_scaling(settings: ScalingSettings) -> None:
    """Measure, one process after the other, and write scaling.md. CosmicnetError without patched or stock classy."""
    require_patched_classy()
    if not (settings.stock / "classy").is_dir():
        raise CosmicnetError(f"--stock {settings.stock}: there is no stock classy; `make stock` makes it in .stock")
    cosmology = PLANCK_5_SIGMA.points(1)[0]
    costs: dict[str, dict[str, RequestCost]] = {}
    for title, request in REQUESTS.items():
        costs[title] = {}
        for mode, options in MODES.items():
            path = settings.stock.resolve() if mode == STOCK else None
            costs[title][mode] = _cost_of({**cosmology, **request, **options}, path)
            print(f"{title}, {mode}: {costs[title][mode]}")
    write_whole({settings.output / "scaling.md": _markdown(costs)})


def _cost_of(parameters: Parameters, before_installed: Path | None) -> RequestCost:
    environment = {**os.environ}
    if before_installed is not None:
        environment["PYTHONPATH"] = str(before_installed)
    # Python imports from the current folder first: it must be empty
    with TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", SCRIPT, json.dumps(dict(parameters))], cwd=folder,
                              env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if "refused" in found:
        return RequestCost(refused=found["refused"])
    # bytes on macOS, else kilobytes
    per_megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return RequestCost(found.get("transfer"), found["whole"], found["peak"] / per_megabyte)


def _markdown(costs: Mapping[str, Mapping[str, RequestCost]]) -> str:
    first = costs[next(iter(REQUESTS))]
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    lines = [
        "# Seconds and memory by size of the request", "",
        "Written by `cosmicnet benchmark --scaling`; do not edit. Lensed TT, TE, EE and phi phi of one cosmology, and",
        "the linear P(k) in rows with k_max. Each request runs in a process of its own. Numbers in brackets are",
        "relative to l_max 2508 in the same mode. Peak memory is the largest resident size of the process, libraries",
        f"included. With networks it is measured over {COMPUTES} cosmologies: freed memory is kept for the next one.",
        f"Target: at most {MEGABYTES_MORE_ALLOWED} MB more than with stock classy. OMP_NUM_THREADS: {threads}.", "",
        measured_with(DEFAULT_SET), "",
        "| request | mode | transfer, s | whole compute(), s | peak memory, MB | more than stock, MB |",
        "|---|---|---|---|---|---|",
    ]
    refusals = []
    for title, by_mode in costs.items():
        for mode, cost in by_mode.items():
            if cost.refused is not None:
                lines.append(f"| {title} | {mode} | not covered | | | |")
                refusals.append(f"- {title}: {cost.refused.splitlines()[-1].strip()}")
                continue
            base = first[mode]
            transfer = "" if cost.transfer is None else _with_growth(cost.transfer, base.transfer, ".3f")
            more = "" if mode == STOCK else f"{cost.megabytes - by_mode[STOCK].megabytes:+.0f}"
            lines.append(f"| {title} | {mode} | {transfer} | {_with_growth(cost.whole, base.whole, '.2f')} | "
                         f"{_with_growth(cost.megabytes, base.megabytes, '.0f')} | {more} |")
    if refusals:
        lines += ["", "Not covered by the networks, so that CLASS would integrate:", "", *refusals]
    return "\n".join([*lines, ""])


def _with_growth(value: float, base: float | None, form: str) -> str:
    return f"{value:{form}} ({value / base:.2g})" if base else f"{value:{form}}"
