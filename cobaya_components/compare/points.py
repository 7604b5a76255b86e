"""Points of a run's parameter space at which it is worth while to compare."""
from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, qmc

from cosmicnet.errors import CosmicnetError

from ..theory.quiet import quiet

__all__ = ["PLACES", "Chain", "draw_points", "load_chain", "systematic_choice"]

Array = NDArray[np.float64]

PLACES = ("covmat", "reference", "prior")
# share of a Markov chain to skip where points are taken from it
BURN_IN = 0.3
# draws per point that is wanted, since some have no prior
SPARE = 4


def draw_points(model: Any, place: str, number: int, seed: int,
                covmat: tuple[Any, Any] = ("auto", None)) -> list[dict[str, float]]:
    """Points where the prior is not zero. covmat: the options `covmat` and `covmat_params` of Cobaya's samplers.

    place : 'covmat', a Gaussian around the reference point with the run's covariance matrix (as the posterior);
    'reference', the reference density; 'prior'; or the root of a chain of Cobaya.
    """
    names = list(model.parameterization.sampled_params())
    random = np.random.default_rng(seed)
    if place not in PLACES:
        chain = load_chain(Path(place), BURN_IN)
        rows = systematic_choice(chain.weights, number, random)
        return [chain.point(row, names) for row in rows]
    with quiet():
        draws = _DRAWS[place](model, SPARE * number, random, covmat)
    inside = [draw for draw in draws if np.isfinite(model.prior.logp(draw))][:number]
    if not inside:
        raise CosmicnetError(f"none of {len(draws)} draws from the {place} lies inside the prior")
    return [dict(zip(names, map(float, draw), strict=True)) for draw in inside]


def _from_reference(model: Any, number: int, random: np.random.Generator, covmat: tuple[Any, Any]) -> list[Array]:
    return [np.asarray(model.prior.reference(random_state=random, warn_if_no_ref=False)) for _ in range(number)]


def _from_prior(model: Any, number: int, random: np.random.Generator, covmat: tuple[Any, Any]) -> list[Array]:
    # external priors cut, and are not drawn from
    return list(model.prior.sample(number, ignore_external=True, random_state=random))


def _from_covmat(model: Any, number: int, random: np.random.Generator, covmat: tuple[Any, Any]) -> list[Array]:
    from cobaya.log import LoggedError
    from cobaya.output import get_output

    from ..sampler.importance import ImportanceSampler

    # Cobaya's own way of finding a matrix, by names and renames, with proposals where parameters are missing in it
    matrix, parameters = covmat
    options = {**ImportanceSampler.get_defaults(), "covmat": matrix, "covmat_params": parameters, "widen": 1.0}
    try:
        proposal = ImportanceSampler(options, model, get_output()).proposal
    except LoggedError as error:
        raise CosmicnetError(str(error)) from error
    cube = qmc.Sobol(proposal.center.size, seed=random)
    # a power of 2, for which Sobol's points are balanced
    normal = norm.ppf(cube.random_base2(math.ceil(math.log2(number))))
    return list(proposal.center + normal @ proposal.scale.T)


_DRAWS = {"covmat": _from_covmat, "reference": _from_reference, "prior": _from_prior}


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
        # of a tempered chain: weights of the posterior itself, which is what all that follows is about
        samples.reset_temperature()
    columns = {name: samples.data[name].to_numpy(dtype=float) for name in samples.data.columns}
    return Chain(dict(info), columns["weight"], columns)


def systematic_choice(weights: Array, number: int, random: np.random.Generator) -> list[int]:
    """`number` rows by weight, evenly over the chain; a row of large weight may come more than once."""
    ends = np.cumsum(weights)
    positions = (np.arange(number) + random.uniform()) / number * ends[-1]
    return [int(row) for row in np.minimum(np.searchsorted(ends, positions, side="right"), len(weights) - 1)]
