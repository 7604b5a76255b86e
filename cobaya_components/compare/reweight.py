"""`cosmicnet reweight`: the posterior of a chain with full CLASS or other networks, by importance weights of a thinned
set of samples."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import write_whole
from cosmicnet.manifest import Manifest

from ..theory.modes import (
    DIGITS,
    ERROR,
    USED,
    in_mode,
    learned_folder,
    manifest_of,
    recorded_networks,
    uses_networks,
    version_of,
)
from ..theory.quiet import quiet
from .chains import Chain, ChainFacts, chain_facts, load_chain, systematic_choice
from .evaluations import Evaluated, PointSettings, model_of

__all__ = ["FEWEST_FOR_CONTOURS", "Reweighted", "Shift", "Thinned", "plot_reweighted",
           "print_reweighted", "reweight", "shifts", "write_reweighted"]

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

# Blocks of neighbouring samples for the jackknife: longer than a chain's memory, and enough of them for an error.
BLOCKS = 25
CHI2 = "chi2__"

# Different samples needed for errors, and for contours.
FEWEST_SAMPLES = 4
FEWEST_FOR_CONTOURS = 30


@dataclass(frozen=True)
class Thinned:
    """Samples of equal weight before, `log_weights` after, shape (n,); parameters before and after by name, (n,) each.

    Derived parameters are those of full CLASS, or of the other networks, after.
    """

    before: dict[str, Array]
    after: dict[str, Array]
    log_weights: Array

    @property
    def weights(self) -> Array:
        weights: Array = np.exp(self.log_weights - self.log_weights.max())
        return weights


@dataclass(frozen=True)
class Shift:
    """A parameter before and after; shift in units of the standard deviation before, with their errors."""

    name: str
    mean: float
    deviation: float
    shift: float
    shift_error: float
    width_ratio: float
    width_ratio_error: float


@dataclass(frozen=True)
class Reweighted:
    """distinct : number of different samples; without_networks : those of them that the chain left to full CLASS.

    chain : its name; before, after : what gave its likelihoods and what gives them now; likelihoods : their names.
    """

    shifts: list[Shift]
    effective: float
    thinned: Thinned
    labels: dict[str, str]
    distinct: int
    without_networks: int
    chain: str
    facts: ChainFacts
    before: str
    after: str
    likelihoods: list[str]


def reweight(root: Path, settings: PointSettings, burn_in: float, networks: str | None = None) -> Reweighted:
    """Reweight the chain `root` with full CLASS, or with other networks (name or folder).

    Raises CosmicnetError where there is no chain, or one without networks.
    """
    chain = load_chain(root, burn_in)
    if not uses_networks(chain.info):
        raise CosmicnetError(f"{root}: the chain was made without networks; there is nothing to reweight")
    info = settings.with_packages(chain.info)
    model = model_of(in_mode(info, "full"))
    names = list(model.parameterization.sampled_params())
    derived = [name for name in model.parameterization.derived_params() if name in chain.columns]
    labels = model.parameterization.labels()
    likelihoods = list(model.likelihood)
    model.close()
    rows = systematic_choice(chain.weights, settings.points, np.random.default_rng(settings.seed))
    # samples of large weight are chosen more than once, and computed once
    distinct = list(dict.fromkeys(rows))
    if len(distinct) < FEWEST_SAMPLES:
        raise CosmicnetError(f"{len(distinct)} different samples are too few: take more --points or a longer chain")
    used = chain.columns.get(USED, np.ones_like(chain.weights))
    known = _known(chain, distinct, used, derived, likelihoods) if networks is None and settings.same_modules else {}
    waiting = [row for row in distinct if row not in known]
    points = [chain.point(row, names) for row in waiting]
    again = settings.full_class(info, points) if networks is None else settings.with_networks(info, points, networks)
    thinned = _thinned(chain, rows, {**known, **dict(zip(waiting, again, strict=True))}, names, derived, likelihoods)
    found = shifts(thinned)
    weights = thinned.weights
    return Reweighted(found, float(weights.sum()**2 / (weights**2).sum()), thinned,
                      {shift.name: labels.get(shift.name, shift.name) for shift in found},
                      len(distinct), int(np.sum(used[distinct] == 0.0)), root.name,
                      chain_facts(root, chain.info),
                      _networks_in_words(chain.info),
                      settings.truth if networks is None else _in_words(manifest_of(info, networks)), likelihoods)


def _known(chain: Chain, rows: Sequence[int], used: Array, derived: Sequence[str], likelihoods: Sequence[str]
           ) -> dict[int, Evaluated]:
    """Samples of a learning run that CLASS integrated: the same result as now, with the same modules and precision."""
    if learned_folder(chain.info) is None:
        return {}
    return {row: Evaluated({name: -0.5 * chain.point(row, [CHI2 + name])[CHI2 + name] for name in likelihoods},
                           chain.point(row, list(derived)), 0.0) for row in rows if used[row] == 0.0}


def _networks_in_words(info: Mapping[str, Any]) -> str:
    """The networks of a chain."""
    folder = learned_folder(info)
    return f"networks learned in {Path(folder).name}" if folder else _in_words(
        manifest_of(info), recorded_networks(version_of(info)))


def _in_words(manifest: Manifest, recorded: str | None = None) -> str:
    """recorded : the first digits of the hash that Cobaya wrote beside a chain; the set may have changed since."""
    return f"networks {manifest.name} (hash {recorded or manifest.sha256[:DIGITS]})"


def _thinned(chain: Chain, rows: Sequence[int], again: dict[int, Evaluated], names: Sequence[str],
             derived: Sequence[str], likelihoods: Sequence[str]) -> Thinned:
    columns = [f"{CHI2}{name}" for name in likelihoods]
    if missing := [name for name in columns if name not in chain.columns]:
        raise CosmicnetError(f"the chain has no {', '.join(missing)}: it belongs to another run")
    before = {name: chain.columns[name][rows] for name in [*names, *derived]}
    after = dict(before)
    # where an evaluation fails the weight vanishes, and the old values do no harm
    for name in derived:
        after[name] = np.array([again[row].derived.get(name, chain.columns[name][row]) for row in rows])
    loglikes = np.array([-np.inf if again[row].failure else again[row].loglike for row in rows])
    log_weights = loglikes + 0.5 * np.sum([chain.columns[name][rows] for name in columns], axis=0)
    if undefined := [row for row, weight in zip(rows, log_weights, strict=True) if np.isnan(weight)]:
        raise CosmicnetError("a likelihood is not a number at "
                             f"{chain.point(undefined[0], list(names))}")
    if not np.isfinite(log_weights).any():
        raise CosmicnetError(f"none of the samples can be computed; the first reason: {again[rows[0]].failure}")
    return Thinned(before, after, log_weights)


def shifts(thinned: Thinned) -> list[Shift]:
    """For every parameter that varies: differences on the same samples, so that their sampling noise cancels."""
    found = []
    for name, before in thinned.before.items():
        after, weights = thinned.after[name], thinned.weights
        if name.startswith(CHI2) or name in (USED, ERROR) or before.std() <= 1e-9 * abs(before.mean()):
            continue

        def statistic(keep: Rows, before: Array = before, after: Array = after, weights: Array = weights) -> Array:
            w = weights[keep] / weights[keep].sum()
            mean_after = w @ after[keep]
            deviation_after = np.sqrt(w @ (after[keep] - mean_after)**2)
            return np.array([(mean_after - before[keep].mean()) / before.std(), deviation_after / before[keep].std()])

        (shift, ratio), (shift_error, ratio_error) = _jackknife(statistic, before.size)
        found.append(Shift(name, float(before.mean()), float(before.std()), shift, shift_error, ratio, ratio_error))
    return found


def _jackknife(statistic: Callable[[Rows], Array], size: int) -> tuple[Array, Array]:
    """Value and standard error, leaving out one block of neighbours at a time."""
    everything = np.arange(size)
    blocks = np.array_split(everything, min(BLOCKS, size))
    without = np.array([statistic(np.setdiff1d(everything, block)) for block in blocks])
    error = np.sqrt((len(blocks) - 1) / len(blocks) * np.sum((without - without.mean(axis=0))**2, axis=0))
    return statistic(everything), error


def print_reweighted(result: Reweighted, console: Console) -> None:
    """Print the table and its limits."""
    table = Table("parameter", title=f"From {result.before} to {result.after}", title_justify="left")
    for heading in ("mean", "standard deviation", "shift of the mean / sigma", "width ratio"):
        table.add_column(heading, justify="right")
    for s in result.shifts:
        table.add_row(s.name, f"{s.mean:.6g}", f"{s.deviation:.3g}", f"{s.shift:+.4f} +- {s.shift_error:.4f}",
                      f"{s.width_ratio:.4f} +- {s.width_ratio_error:.4f}")
    changes = result.thinned.log_weights
    finite = np.abs(changes[np.isfinite(changes)])
    table.caption = (f"{changes.size} samples, worth {result.effective:.1f} after reweighting; |change of ln L| "
                     f"{np.median(finite):.4f} (median), {np.quantile(finite, 0.95):.4f} (95%), "
                     f"{finite.max():.4f} (worst)")
    console.print(table)
    if reason := result.facts.far_from_converged:
        console.print(f"The chain is far from converged: {reason}. Its means and widths are not yet those of the "
                      "posterior.", style="yellow", highlight=False)
    if result.distinct < changes.size:
        console.print(f"Only {result.distinct} of the {changes.size} samples differ: those of large weight were taken "
                      "more than once.", style="yellow", highlight=False)
    if result.without_networks:
        console.print(f"In {result.without_networks} of the samples the chain used full CLASS ({USED}: 0).",
                      style="yellow", highlight=False)


def write_reweighted(result: Reweighted, root: Path) -> list[Path]:
    """`root`.json with all figures, and `root`.png, the triangle plot before and after (not of a few samples)."""
    numbers = {"chain": {"name": result.chain, **asdict(result.facts)}, "before": result.before,
               "after": result.after, "likelihoods": result.likelihoods,
               "samples": result.thinned.log_weights.size, "effective_samples": result.effective,
               "log_weights": result.thinned.log_weights.tolist(), "shifts": [asdict(shift) for shift in result.shifts]}
    table = root.with_name(root.name + ".json")
    write_whole({table: json.dumps(numbers, indent=1) + "\n"})
    names = [shift.name for shift in result.shifts]
    return [table, *plot_reweighted(result, names, root.with_name(root.name + ".png"))]


def plot_reweighted(result: Reweighted, names: Sequence[str], picture: Path) -> list[Path]:
    """The triangle plot before and after, of the same samples; none, and an empty list, if they are few."""
    from getdist import MCSamples

    from .triangle import plot_triangle

    if result.distinct < FEWEST_FOR_CONTOURS:
        return []

    def samples(columns: dict[str, Array], weights: Any) -> Any:
        with quiet():  # getdist warns of large weights; the effective number of samples is in the table
            return MCSamples(samples=np.array([columns[name] for name in names]).T, weights=weights, names=list(names),
                             labels=[result.labels[name] for name in names], sampler="uncorrelated")

    plot_triangle({result.before: samples(result.thinned.before, None),
                   f"reweighted with {result.after}": samples(result.thinned.after, result.thinned.weights)},
                  names, picture)
    return [picture]
