"""What the files of a chain, or of weighted draws, say about how it was made."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError

from ..sampler.proposal import effective_samples, gelman_rubin

__all__ = ["ChainFacts", "chain_facts"]

# what is so many times longer than usual between two tests of convergence is a pause
PAUSE = 10.0


@dataclass(frozen=True)
class ChainFacts:
    """Of a Markov chain: accepted samples, burn-in included; the last test of convergence, of means, and of the bounds
    of 95% where that was reached. Of weighted draws: how many there are, R-1 between the processes that drew them.

    hours : of sampling between the first and the last test, None if there was one only. Where two tests lie ten times
    farther apart than usual, the chain was stopped, and the time does not count.
    effective : how many independent samples the draws are worth, None for a Markov chain.
    """

    chains: int
    accepted: int
    acceptance: float | None
    rminus1: float | None
    rminus1_bounds: float | None
    hours: float | None
    effective: float | None = None


def chain_facts(root: Path, info: Mapping[str, Any]) -> ChainFacts:
    """Read from `root`.N.txt and `root`.progress; info : of the run. Raises CosmicnetError where there is no chain."""
    files = sorted(path for path in root.parent.glob(f"{root.name}.*.txt")
                   if path.name[len(root.name) + 1:-len(".txt")].isdigit())
    if not files:
        raise CosmicnetError(f"{root}: there is no chain")
    accepted = sum(sum(not line.startswith("#") for line in path.read_text().splitlines()) for path in files)
    if "mcmc" not in (info.get("sampler") or {}):
        return _facts_of_draws(files, accepted, info)
    try:
        tests = [line.split() for line in root.with_name(f"{root.name}.progress").read_text().splitlines()
                 if line.strip() and not line.startswith("#")]
    except OSError:
        tests = []
    if not tests:
        return ChainFacts(len(files), accepted, None, None, None, None)
    # columns of Cobaya: N, timestamp, acceptance_rate, Rminus1, Rminus1_cl
    times = [datetime.fromisoformat(row[1]).timestamp() for row in tests]
    between = np.diff(times)
    hours = float(between[between <= PAUSE * np.median(between)].sum()) / 3600.0 if len(tests) > 1 else None
    acceptance, means, bounds = map(float, tests[-1][2:5])
    return ChainFacts(len(files), accepted, acceptance, means, None if math.isnan(bounds) else bounds, hours)


def _facts_of_draws(files: list[Path], number: int, info: Mapping[str, Any]) -> ChainFacts:
    sampled = [name for name, given in info["params"].items() if isinstance(given, dict) and "prior" in given]
    chains = [_draws(file, sampled) for file in files]
    effective = effective_samples(np.concatenate([weights for _, weights in chains]))
    rminus1 = gelman_rubin(chains) if len(chains) > 1 else None
    return ChainFacts(len(files), number, None, rminus1, None, None, effective)


def _draws(file: Path, names: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of these parameters, shape (m, n), and weights, shape (m,)."""
    with file.open() as opened:
        columns = opened.readline().lstrip("#").split()
    rows = np.loadtxt(file, ndmin=2)
    return rows[:, [columns.index(name) for name in names]], rows[:, columns.index("weight")]
