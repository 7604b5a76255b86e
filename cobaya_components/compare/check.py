"""`cosmicnet check`: changes of a run's log-likelihoods by networks."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import norm, qmc

from cosmicnet.errors import CosmicnetError
from cosmicnet.files import TOO_DEEP

from ..theory.modes import FLAG, in_mode
from ..theory.quiet import quiet
from .chains import BURN_IN, load_chain, systematic_choice
from .evaluations import Evaluated, PointSettings, model_of

__all__ = ["FEWEST_POINTS", "CheckResult", "check", "compare_points", "draw_points", "load_run", "print_check"]

Array = NDArray[np.float64]

TOTAL = "total"
# Placeholder for full CLASS where networks do not apply.
NOT_EVALUATED = Evaluated({}, {}, 0.0)
# A verdict needs so many compared points, and this share of those drawn.
FEWEST_POINTS, FEWEST_SHARE = 20, 0.5
# Draws per wanted point: some have no prior.
SPARE = 4


@dataclass(frozen=True)
class CheckResult:
    """Networks against full CLASS.

    changes : log-likelihood with networks minus full, by likelihood and in total, shape (n,) over `points`.
    without_networks, without_class : reasons of the points left out, which networks or CLASS could not compute.
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
        """Number of points, including those left out."""
        return len(self.points) + len(self.without_networks) + len(self.without_class)

    @property
    def needed(self) -> int:
        """Number of compared points for a verdict."""
        return max(FEWEST_POINTS, int(np.ceil(FEWEST_SHARE * self.drawn)))

    @property
    def is_enough(self) -> bool:
        return len(self.points) >= self.needed

    def within(self, threshold: float) -> bool:
        """Is no change above the threshold?"""
        # written so that NaN fails
        return bool(np.all(np.abs(self.changes[TOTAL]) <= threshold))


def check(run: Mapping[str, Any], settings: PointSettings, draw_from: str, networks: str | None = None) -> CheckResult:
    """Draw points, evaluate both modes, compare. Raises CosmicnetError for a run that cannot be compared.

    run : Cobaya's input; draw_from : see draw_points(); networks : None for those of the run.
    """
    info = settings.with_packages(run)
    sampler = next(iter((info.get("sampler") or {"": None}).values())) or {}
    covmat = (sampler.get("covmat") or "auto", sampler.get("covmat_params"))
    model = model_of(in_mode(info, "net", networks))
    points = draw_points(model, draw_from, settings.points, settings.seed, covmat)
    taken = networks or _networks_of_run(model)
    model.close()
    net = settings.with_networks(info, points, networks)
    # full CLASS takes long: only where networks apply
    covered = [index for index, evaluated in enumerate(net) if not evaluated.failure]
    full = dict(zip(covered, settings.full_class(info, [points[index] for index in covered], taken), strict=True))
    return compare_points(points, net, [full.get(index, NOT_EVALUATED) for index in range(len(points))])


def _networks_of_run(model: Any) -> str | None:
    """The networks that our component has chosen for the whole prior; None for Cobaya's own classy."""
    chosen = (theory.extra_args.get(f"{FLAG}_path") for theory in model.theory.values()
              if hasattr(theory, "network_set"))
    return next(chosen, None)


def draw_points(model: Any, draw_from: str, number: int, seed: int,
                covmat: tuple[Any, Any] = ("auto", None)) -> list[dict[str, float]]:
    """Points where the prior is not zero, all different: fewer than `number` where a chain has few.

    draw_from : 'covmat', a Gaussian around the reference point with the run's covariance matrix, much like the
        posterior;
        'reference', the reference density; 'prior'; or the root of a chain of Cobaya.
    covmat : the options `covmat` and `covmat_params` of Cobaya's samplers.
    """
    names = list(model.parameterization.sampled_params())
    random = np.random.default_rng(seed)
    if draw_from not in _DRAWS:
        chain = load_chain(Path(draw_from), BURN_IN)
        rows = dict.fromkeys(systematic_choice(chain.weights, number, random))
        return [chain.point(row, names) for row in rows]
    with quiet():
        draws = _DRAWS[draw_from](model, SPARE * number, random, covmat)
    different = dict.fromkeys(tuple(map(float, draw)) for draw in draws)
    inside = [draw for draw in different if np.isfinite(model.prior.logp(draw))][:number]
    if not inside:
        raise CosmicnetError(f"none of {len(draws)} draws from the {draw_from} lies inside the prior")
    return [dict(zip(names, draw, strict=True)) for draw in inside]


def _from_reference(model: Any, number: int, random: np.random.Generator, _covmat: tuple[Any, Any]) -> list[Array]:
    return [np.asarray(model.prior.reference(random_state=random, warn_if_no_ref=False)) for _ in range(number)]


def _from_prior(model: Any, number: int, random: np.random.Generator, _covmat: tuple[Any, Any]) -> list[Array]:
    # Cobaya cannot draw from external priors; draw_points() applies them
    return list(model.prior.sample(number, ignore_external=True, random_state=random))


def _from_covmat(model: Any, number: int, random: np.random.Generator, covmat: tuple[Any, Any]) -> list[Array]:
    from cobaya.log import LoggedError
    from cobaya.output import get_output

    from ..sampler.importance import ImportanceSampler

    # Cobaya's samplers find a matrix by names and renames, with proposals for parameters that it lacks
    matrix, parameters = covmat
    options = {**ImportanceSampler.get_defaults(), "covmat": matrix, "covmat_params": parameters, "widen": 1.0}
    try:
        proposal = ImportanceSampler(options, model, get_output()).proposal
    except LoggedError as error:
        raise CosmicnetError(str(error)) from error
    cube = qmc.Sobol(proposal.center.size, seed=random)
    # Sobol's points are balanced in powers of 2
    normal = norm.ppf(cube.random_base2(math.ceil(math.log2(number))))
    return list(proposal.center + normal @ proposal.scale.T)


_DRAWS = {"covmat": _from_covmat, "reference": _from_reference, "prior": _from_prior}


def load_run(file: Path) -> dict[str, Any]:
    """Read an input file of Cobaya. Raises CosmicnetError with the file and the block that is wrong."""
    try:
        from cobaya.yaml import yaml_load_file
    except ImportError as error:
        raise CosmicnetError("cobaya is not installed: pip install 'cosmicnet[cobaya]'") from error
    try:
        with quiet():
            info: Any = yaml_load_file(str(file))
    except OSError as error:
        raise CosmicnetError(f"{file}: {error.strerror}") from error
    except RecursionError as error:
        raise CosmicnetError(f"{file}: {TOO_DEEP}") from error
    except Exception as error:
        raise CosmicnetError(f"{file}: {error}") from error
    if not isinstance(info, dict):
        raise CosmicnetError(f"{file}: must be a run of Cobaya, with theory: and likelihood:, but is {info!r:.60}")
    for block in ("theory", "likelihood", "sampler"):
        components = info.get(block) or {}
        if not isinstance(components, dict):
            raise CosmicnetError(f"{file}: {block}: must be a mapping, `{components}:` with a colon, or with options "
                                 f"below it, but is {components!r:.60}")
        for name, options in components.items():
            if options is not None and not isinstance(options, dict) and block != "likelihood":
                raise CosmicnetError(f"{file}: {block}: {name}: must be a mapping of options, but is {options!r:.60}")
    return dict(info)


def compare_points(
    points: Sequence[Mapping[str, float]], net: Sequence[Evaluated], full: Sequence[Evaluated]
) -> CheckResult:
    """Compare the points that both modes could compute."""
    pairs = list(zip(net, full, strict=True))
    both = [index for index, pair in enumerate(pairs) if not any(evaluated.failure for evaluated in pair)]
    if not both:
        reason = next(evaluated.failure for pair in pairs for evaluated in pair if evaluated.failure)
        raise CosmicnetError(f"there is no point that both modes can compute; the first reason: {reason}")
    changes = {name: np.array([_change(net[i].loglikes[name], full[i].loglikes[name]) for i in both])
               for name in full[both[0]].loglikes}
    total = np.array([_change(net[i].loglike, full[i].loglike) for i in both])
    return CheckResult(
        [points[i] for i in both], {**changes, TOTAL: total},
        float(np.median([full[i].seconds for i in both])), float(np.median([net[i].seconds for i in both])),
        tuple(n.failure for n, f in pairs if n.failure and not f.failure), tuple(f.failure for f in full if f.failure))


def _change(net: float, full: float) -> float:
    """Two zero likelihoods are equal."""
    return 0.0 if net == full else net - full


def print_check(comparison: CheckResult, threshold: float, truth: str, console: Console) -> None:
    """Print the table, the worst point, the points left out, and the verdict. truth : PointSettings.truth"""
    table = Table("likelihood", title=f"Change of ln L by networks, against {truth}", title_justify="left")
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
    for reasons, what in ((comparison.without_networks, "networks do not cover"),
                          (comparison.without_class, "full CLASS cannot compute")):
        if reasons:
            console.print(f"{len(reasons)} points left out that {what}; the first: {reasons[0]}",
                          style="yellow", highlight=False)
    largest = f"the largest change is {abs(comparison.changes[TOTAL][comparison.worst]):.4f}, allowed is {threshold:g}"
    if not comparison.within(threshold):
        verdict, style = f"FAILED: {largest}", "bold red"
    elif not comparison.is_enough:
        verdict = (f"NO VERDICT: {largest}, but {len(comparison.points)} of {comparison.drawn} points could be "
                   f"compared and a verdict needs {comparison.needed}")
        style = "bold yellow"
    else:
        verdict, style = f"PASSED: {largest}", "bold green"
    console.print(verdict, style=style, highlight=False)
