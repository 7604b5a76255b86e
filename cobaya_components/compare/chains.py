"""Cobaya's output of a run: its samples, and how they were made."""
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
from ..theory.modes import sampled_names
from ..theory.quiet import quiet

__all__ = ["BURN_IN", "Chain", "ChainFacts", "chain_facts", "load_chain", "systematic_choice"]

Array = NDArray[np.float64]

# Share of a Markov chain to skip where points are taken from it.
BURN_IN = 0.3
# A gap between two tests of convergence so many times the median gap means that the chain was stopped.
PAUSE = 10.0
# Chains with a larger R-1, and draws worth fewer independent samples, are far from converged.
LARGEST_RMINUS1, FEWEST_EFFECTIVE = 0.1, 100.0


@dataclass(frozen=True)
class Chain:
    """Samples of a run: its `info`, their `weights`, shape (n,), and all columns by name, (n,) each."""

    info: dict[str, Any]
    weights: Array
    columns: dict[str, Array]

    def point(self, row: int, names: list[str]) -> dict[str, float]:
        if missing := [name for name in names if name not in self.columns]:
            raise CosmicnetError(f"the chain has no parameter {', '.join(missing)}")
        return {name: float(self.columns[name][row]) for name in names}


def load_chain(root: Path, burn_in: float = 0.0) -> Chain:
    """Read Cobaya's output `root`.updated.yaml and `root`.N.txt.

    burn_in : share to skip at the start of each chain, if they are Markov chains.
    """
    from cobaya.log import LoggedError
    from cobaya.output import load_samples
    from cobaya.yaml import yaml_load_file

    with quiet():
        try:
            info = yaml_load_file(f"{root}.updated.yaml")
            skip = burn_in if "mcmc" in (info.get("sampler") or {}) and burn_in > 0.0 else 0
            samples = load_samples(str(root), skip=skip, combined=True)
        except (OSError, LoggedError) as error:
            raise CosmicnetError(f"{root}: cannot read a chain of Cobaya there: {error}") from error
    if not len(samples):
        raise CosmicnetError(f"{root}: the chain has no samples yet")
    with quiet():
        # tempered chains: weights of the posterior itself
        samples.reset_temperature()
    columns = {name: samples.data[name].to_numpy(dtype=float) for name in samples.data.columns}
    return Chain(dict(info), columns["weight"], columns)


def systematic_choice(weights: Array, number: int, random: np.random.Generator) -> list[int]:
    """`number` rows by weight, evenly over the chain; a row of large weight may come more than once."""
    ends = np.cumsum(weights)
    positions = (np.arange(number) + random.uniform()) / number * ends[-1]
    return [int(row) for row in np.minimum(np.searchsorted(ends, positions, side="right"), len(weights) - 1)]


@dataclass(frozen=True)
class ChainFacts:
    """How the samples of a run were made.

    Markov chains: accepted samples, burn-in included; R-1 of means at the last test of convergence, and of the 95%
    bounds if tested; hours of sampling between the first and the last test, pauses left out. Weighted draws: their
    number, R-1 between the processes, and how many independent samples they are worth (`effective`). None: unknown.
    """

    chains: int
    accepted: int
    acceptance: float | None
    rminus1: float | None
    rminus1_bounds: float | None
    hours: float | None
    effective: float | None = None

    @property
    def far_from_converged(self) -> str | None:
        """Why the samples do not represent the posterior yet, None if they do."""
        if self.effective is not None:
            return None if self.effective >= FEWEST_EFFECTIVE else (
                f"its draws are worth {self.effective:.0f} independent samples, fewer than {FEWEST_EFFECTIVE:g}")
        if self.rminus1 is None:
            return "its convergence was never tested"
        # written so that NaN is far
        return None if self.rminus1 <= LARGEST_RMINUS1 else (
            f"R-1 = {self.rminus1:.2g} at the last test of convergence, above {LARGEST_RMINUS1:g}")


def chain_facts(root: Path, info: Mapping[str, Any]) -> ChainFacts:
    """Read from `root`.N.txt and `root`.progress; info : of the run. Raises CosmicnetError where there is no chain."""
    files = sorted(path for path in root.parent.glob(f"{root.name}.*.txt")
                   if path.name[len(root.name) + 1:-len(".txt")].isdigit())
    if not files:
        raise CosmicnetError(f"{root}: there is no chain")
    accepted = sum(sum(not line.startswith("#") for line in path.read_text().splitlines()) for path in files)
    if "mcmc" not in (info.get("sampler") or {}):
        draws = [_draws(file, sampled_names(info)) for file in files]
        effective = effective_samples(np.concatenate([weights for _, weights in draws]))
        rminus1 = gelman_rubin(draws) if len(draws) > 1 else None
        return ChainFacts(len(files), accepted, None, rminus1, None, None, effective)
    try:
        tests = [line.split() for line in root.with_name(f"{root.name}.progress").read_text().splitlines()
                 if line.strip() and not line.startswith("#")]
    except OSError:
        tests = []
    if not tests:
        return ChainFacts(len(files), accepted, None, None, None, None)
    # Cobaya's columns: N, timestamp, acceptance_rate, Rminus1, Rminus1_cl
    times = [datetime.fromisoformat(row[1]).timestamp() for row in tests]
    between = np.diff(times)
    hours = float(between[between <= PAUSE * np.median(between)].sum()) / 3600.0 if len(tests) > 1 else None
    acceptance, means, bounds = map(float, tests[-1][2:5])
    return ChainFacts(len(files), accepted, acceptance, means, None if math.isnan(bounds) else bounds, hours)


def _draws(file: Path, names: list[str]) -> tuple[Array, Array]:
    """Points of these parameters, shape (m, n), and weights, shape (m,)."""
    with file.open() as opened:
        columns = opened.readline().lstrip("#").split()
    rows = np.loadtxt(file, ndmin=2)
    return rows[:, [columns.index(name) for name in names]], rows[:, columns.index("weight")]
