"""Compare networks with full CLASS on unseen cosmologies, and write the page of their accuracy.

Full CLASS takes almost all of the time. Each of its results is kept on disk at once: an interrupted evaluation resumes,
and other networks are evaluated on the same cosmologies in minutes.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.store import load_network_set

from ..models.plan import Plan
from ..work.class_spectra import OUTPUT_SETTINGS, Spectra, cached_spectra, compute_spectra
from ..work.parallel import ended, progress, single_threaded_pool
from ..work.run_class import Parameters, is_refused, networks_on, new_class, require_patched_classy
from .accuracy import RelativeErrors, summary
from .accuracy_page import write_page
from .boxes import FAMILIES, Box, boxes_of_domain
from .likelihoods import PlanckLikelihoods, PlanckNotAvailable
from .plot import plot_accuracy
from .results import BoxErrors, ModelErrors, SetErrors
from .targets import targets_of

__all__ = ["EvaluationSettings", "SpectraPair", "compute_pairs", "evaluate", "measure", "require_most"]

Key = TypeVar("Key")

# A box is covered if networks cover most of this many models.
TRIED = 10
# The largest share of models that full CLASS may fail on.
ALLOWED_FAILURES = 0.1


@dataclass(frozen=True)
class EvaluationSettings:
    """network: name or folder. models: cosmologies per box. processes: computed at the same
    time, one thread each, unless there is a Dask `scheduler`. packages_path: Cobaya packages folder, None for
    $COBAYA_PACKAGES_PATH."""

    network: str
    output: Path
    cache: Path
    models: int
    processes: int
    packages_path: Path | None = None
    scheduler: str | None = None


def evaluate(settings: EvaluationSettings) -> SetErrors:
    """Compute both modes for every cosmology of the set's domain, its corners and edges, and of all families that it
    covers; write accuracy.md, .json and .png.

    A cosmology that networks do not cover counts as infinitely far; one that full CLASS cannot compute is left out.
    CosmicnetError for a classy without networks, where more than a tenth is left out, and where networks cover nothing.
    """
    require_patched_classy()
    console = Console(stderr=True)
    planck = _planck_or_none(settings.packages_path, console)
    manifest = load_network_set(settings.network).manifest
    precision = manifest.precision_settings
    boxes = _boxes_of(manifest, {**networks_on(settings.network), **precision})
    points = {box.name: [{**point, **precision} for point in box.points(settings.models)] for box in boxes}
    tasks = {(box, index): point for box, members in points.items() for index, point in enumerate(members)}
    found = compute_pairs("CLASS, full and with networks", tasks, networks_on(settings.network), settings.cache,
                          settings.processes, settings.scheduler)
    pairs = {box.name: [found[key] for key in tasks if key in found and key[0] == box.name] for box in boxes}
    for box in boxes:
        require_most(len(pairs[box.name]), len(points[box.name]), box.title)
    errors = SetErrors(f"{manifest.name}, hash {manifest.sha256[:12]}", version("classy"), tuple(
        BoxErrors(box, tuple(_errors(pair, planck) for pair in pairs[box.name]),
                  targets_of(box.name, manifest.recipe), len(points[box.name]) - len(pairs[box.name]))
        for box in boxes))
    settings.output.mkdir(parents=True, exist_ok=True)
    write_page(errors, settings.output)
    plot_accuracy([(box, [RelativeErrors.between(pair.full, pair.net) for pair in pairs[box.box.name]])
                   for box in errors.boxes], settings.output / "accuracy.png")
    return errors


def measure(plan: Plan, folder: Path, models: int) -> SetErrors:
    """Evaluate the set of a plan, in `folder`, on this many cosmologies of each box; the page goes there too."""
    # resolved: a relative folder may have the name of a set, and workers run in other folders
    return evaluate(EvaluationSettings(str(folder.resolve()), folder, plan.unseen, models, plan.processes,
                                       scheduler=plan.scheduler))


def _boxes_of(manifest: Manifest, approximation: Parameters) -> tuple[Box, ...]:
    """The boxes of a set's domain and the families that it covers; classy's error if networks cover nothing."""
    whole, *extremes = boxes_of_domain(manifest)
    if (refusal := _refusal(whole, approximation)) is not None:
        raise refusal
    return (whole, *extremes, *(box for box in FAMILIES if _refusal(box, approximation) is None))


def _refusal(box: Box, approximation: Parameters) -> Exception | None:
    """Why networks do not cover the first points of a box; None if they cover most of them."""
    from classy import CosmoComputationError, CosmoSevereError

    refusals: list[Exception] = []
    for point in box.points(TRIED):
        cosmology = new_class({**OUTPUT_SETTINGS, **point, **approximation})
        try:
            cosmology.compute(["perturbations"])
        except (CosmoComputationError, CosmoSevereError) as error:
            if not is_refused(error):
                raise
            refusals.append(error)
        finally:
            cosmology.empty()
    return refusals[0] if 2 * len(refusals) > TRIED else None


@dataclass(frozen=True)
class SpectraPair:
    """Spectra of one cosmology by full CLASS and by networks. refused: why networks do not cover it; then `net` is
    infinitely far from `full`."""

    cosmology: Mapping[str, float]
    full: Spectra
    net: Spectra
    refused: str = ""


def _planck_or_none(packages_path: Path | None, console: Console) -> PlanckLikelihoods | None:
    try:
        return PlanckLikelihoods(packages_path)
    except PlanckNotAvailable as reason:
        console.print(f"Without Planck: {reason}", style="yellow", highlight=False)
        return None


def _errors(pair: SpectraPair, planck: PlanckLikelihoods | None) -> ModelErrors:
    full = {} if planck is None else planck.chi2(pair.full)
    net = full if planck is None else dict.fromkeys(full, math.inf) if pair.refused else planck.chi2(pair.net)
    return ModelErrors(pair.cosmology, summary(pair.full, pair.net), full, net)


def compute_pairs(
    what: str, points: Mapping[Key, Mapping[str, Any]], approximation: Parameters, cache: Path, processes: int,
    scheduler: str | None,
) -> dict[Key, SpectraPair]:
    """Both modes of these points, without those that full CLASS cannot compute; what: the title of the progress."""
    pairs = {}
    with progress(what, len(points)) as advance, single_threaded_pool(processes, scheduler) as pool:
        futures = {pool.submit(_compute_pair, point, approximation, cache.resolve()): key
                   for key, point in points.items()}
        for key, future in ended(futures):
            if pair := _pair_of(future.result()):
                pairs[key] = pair
            advance()
    return pairs


def _compute_pair(cosmology: Mapping[str, float], approximation: Parameters, cache_folder: Path) -> SpectraPair | str:
    """Both modes of one cosmology; full CLASS is read from the cache if possible. Returns CLASS's message if full CLASS
    fails: workers would retry after an error."""
    from classy import CosmoComputationError, CosmoSevereError

    settings = {**cosmology, **SAME_MODULES}
    try:
        full = cached_spectra(settings, cache_folder)
    except CosmoComputationError as error:
        return f"{dict(cosmology)}: {str(error).strip()}"
    try:
        return SpectraPair(cosmology, full, compute_spectra({**settings, **approximation}))
    except (CosmoComputationError, CosmoSevereError) as error:
        if not is_refused(error):
            raise
        infinite = Spectra(*(np.full_like(getattr(full, f.name), np.inf) for f in fields(Spectra)))
        return SpectraPair(cosmology, full, replace(infinite, ell=full.ell), refused=str(error).strip())


def _pair_of(outcome: SpectraPair | str) -> SpectraPair | None:
    """The pair of _compute_pair(), None if full CLASS failed; prints the error."""
    if isinstance(outcome, SpectraPair) and not outcome.refused:
        return outcome
    message = (f"left out, because full CLASS cannot compute it: {outcome}" if isinstance(outcome, str) else
               f"counts as infinitely far: {dict(outcome.cosmology)}: {outcome.refused}")
    Console(stderr=True).print(message, style="yellow", highlight=False)
    return None if isinstance(outcome, str) else outcome


def require_most(computed: int, wanted: int, where: str) -> None:
    """Raise CosmicnetError if full CLASS failed on too many of these models."""
    if computed < (1.0 - ALLOWED_FAILURES) * wanted:
        raise CosmicnetError(f"{where}: full CLASS computes only {computed} of {wanted} unseen models; choose a domain "
                             "that it can compute")
