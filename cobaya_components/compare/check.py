"""`cosmicnet check`: how much do networks change the log-likelihoods of a run of your own?"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cosmicnet.errors import CosmicnetError

from ..theory.modes import in_mode
from ..theory.quiet import quiet
from .evaluations import Evaluation, Task, evaluate_all, model_of
from .points import draw_points

__all__ = ["CheckSettings", "Comparison", "check", "compare", "print_comparison"]

Array = NDArray[np.float64]

TOTAL = "total"
# in place of full CLASS where there is nothing to compare it with
NOT_ASKED = Evaluation({}, {}, 0.0)
# of all points; fewer comparisons say nothing of the run
FEWEST_COMPARED = 0.5
BLOCKS_OF_COMPONENTS = ("theory", "likelihood", "sampler")


@dataclass(frozen=True)
class CheckSettings:
    """What `cosmicnet check` is told; see its help for the meaning."""

    run: Path
    place: str
    points: int
    threshold: float
    networks: str | None
    packages_path: Path | None
    processes: int
    folder: Path
    seed: int
    one_line_of_sight: bool = True


@dataclass(frozen=True)
class Comparison:
    """Networks against full CLASS.

    changes : log-likelihood with networks minus full, by likelihood and in total, shape (n,) over `points`.
    without_networks : why networks did not apply, for the points left out; without_class : the same of CLASS itself.
    """

    points: list[Mapping[str, float]]
    changes: dict[str, Array]
    seconds_full: float
    seconds_net: float
    without_networks: tuple[str, ...]
    without_class: tuple[str, ...]

    @property
    def worst(self) -> int:
        """Index of the point whose total changes most."""
        return int(np.argmax(np.abs(self.changes[TOTAL])))

    @property
    def drawn(self) -> int:
        """How many points there were, with those that are left out."""
        return len(self.points) + len(self.without_networks) + len(self.without_class)

    @property
    def is_enough(self) -> bool:
        """Was half of the points compared at least?"""
        return len(self.points) >= FEWEST_COMPARED * self.drawn

    def passes(self, threshold: float) -> bool:
        """Is no change above the threshold, at enough points?"""
        # written so that NaN fails
        return self.is_enough and bool(np.all(np.abs(self.changes[TOTAL]) <= threshold))


def check(settings: CheckSettings) -> Comparison:
    """Draw points, evaluate both modes, compare. Raises CosmicnetError for a run that cannot be compared."""
    info = _load(settings)
    sampler = next(iter((info.get("sampler") or {"": None}).values())) or {}
    covmat = (sampler.get("covmat") or "auto", sampler.get("covmat_params"))
    model = model_of(in_mode(info, "net", settings.networks))
    points = draw_points(model, settings.place, settings.points, settings.seed, covmat)
    model.close()
    net = evaluate_all(Task.of(info, "net", settings.folder, settings.networks), points, settings.processes, "networks")
    # what networks do not cover is not worth the time of full CLASS
    covered = [index for index, evaluation in enumerate(net) if not evaluation.failure]
    task = Task.of(info, "full", settings.folder, one_line_of_sight=settings.one_line_of_sight)
    full = evaluate_all(task, [points[index] for index in covered], settings.processes, "full CLASS")
    by_index = dict(zip(covered, full, strict=True))
    return compare(points, net, [by_index.get(index, NOT_ASKED) for index in range(len(points))])


def _load(settings: CheckSettings) -> dict[str, Any]:
    try:
        from cobaya.yaml import yaml_load_file
    except ImportError as error:
        raise CosmicnetError("cobaya is not installed: pip install 'cosmicnet[cobaya]'") from error
    try:
        with quiet():
            info: Any = yaml_load_file(str(settings.run))
    except OSError as error:
        raise CosmicnetError(f"{settings.run}: {error.strerror}") from error
    except Exception as error:
        raise CosmicnetError(f"{settings.run}: {error}") from error
    _require_blocks(settings.run, info)
    if settings.packages_path is not None:
        info["packages_path"] = str(settings.packages_path)
    return dict(info)


def _require_blocks(run: Path, info: Any) -> None:
    """A run is a mapping of blocks, and those are mappings of components, with or without options."""
    if not isinstance(info, dict):
        raise CosmicnetError(f"{run}: it must be a run of Cobaya, with theory: and likelihood:, but is {info!r:.60}")
    for block in BLOCKS_OF_COMPONENTS:
        components = info.get(block) or {}
        if not isinstance(components, dict):
            raise CosmicnetError(f"{run}: {block}: must be a mapping, `{components}:` with a colon, or with options "
                                 f"below it, but is {components!r:.60}")
        for name, options in components.items():
            if options is not None and not isinstance(options, dict) and block != "likelihood":
                raise CosmicnetError(f"{run}: {block}: {name}: must be a mapping of options, but is {options!r:.60}")


def compare(points: Sequence[Mapping[str, float]], net: Sequence[Evaluation], full: Sequence[Evaluation]) -> Comparison:
    """Leave out the points that one of the modes could not compute, but say so."""
    both = [index for index, pair in enumerate(zip(net, full, strict=True)) if not any(e.failure for e in pair)]
    if not both:
        reasons = next(e.failure for pair in zip(net, full, strict=True) for e in pair if e.failure)
        raise CosmicnetError(f"there is no point that both modes can compute; the first reason: {reasons}")
    changes = {name: np.array([_change(net[i].loglikes[name], full[i].loglikes[name]) for i in both])
               for name in full[both[0]].loglikes}
    total = np.array([_change(net[i].loglike, full[i].loglike) for i in both])
    return Comparison(
        [points[i] for i in both], {**changes, TOTAL: total},
        float(np.median([full[i].seconds for i in both])), float(np.median([net[i].seconds for i in both])),
        tuple(n.failure for n, f in zip(net, full, strict=True) if n.failure and not f.failure),
        tuple(e.failure for e in full if e.failure))


def _change(net: float, full: float) -> float:
    """Two zero likelihoods are equal."""
    return 0.0 if net == full else net - full


def print_comparison(comparison: Comparison, threshold: float, console: Console) -> None:
    """The table, the worst point, what was left out and the verdict."""
    table = Table("likelihood", title="Change of ln L by networks", title_justify="left")
    for heading in ("mean", "std", "95% |..|", "worst"):
        table.add_column(heading, justify="right")
    for name, values in comparison.changes.items():
        size = np.abs(values)
        table.add_row(name, f"{values.mean():+.4f}", f"{values.std():.4f}", f"{np.quantile(size, 0.95):.4f}",
                      f"{values[size.argmax()]:+.4f}", style="bold" if name == TOTAL else None)
    table.caption = (f"{len(comparison.points)} points; {comparison.seconds_full:.2f} s with full CLASS, "
                     f"{comparison.seconds_net:.2f} s with networks (median, one thread)")
    console.print(table)
    worst = comparison.points[comparison.worst]
    console.print("worst point:", ", ".join(f"{name} = {value:.6g}" for name, value in worst.items()), highlight=False)
    for left_out, what in ((comparison.without_networks, "could not be computed with networks"),
                           (comparison.without_class, "could not be computed by full CLASS")):
        if left_out:
            console.print(f"{len(left_out)} points that {what} were left out, the first because: {left_out[0]}",
                          style="yellow", highlight=False)
    verdict = comparison.passes(threshold)
    few = len(comparison.points) < comparison.drawn
    compared = f" at {len(comparison.points)} of {comparison.drawn} points" if few else ""
    console.print(f"{'PASSED' if verdict else 'FAILED'}: the largest change is "
                  f"{abs(comparison.changes[TOTAL][comparison.worst]):.4f}{compared}, allowed is {threshold:g}"
                  + (f" at {FEWEST_COMPARED:.0%} of the points at least" if few else ""),
                  style="bold green" if verdict else "bold red", highlight=False)
