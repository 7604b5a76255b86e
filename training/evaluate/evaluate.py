"""Compare networks with full CLASS on unseen cosmologies, and write the page of their accuracy.

Full CLASS takes almost all of the time. Each of its results is kept on disk at once: an interrupted evaluation resumes,
and other networks are evaluated on the same cosmologies in minutes.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

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

__all__ = ["EvaluationSettings", "SpectraPair", "compute_pair", "evaluate", "measure", "pair_of", "require_most"]

# The uncertainty of full CLASS's own chi2: times 10% closer than its default, on so many models of each box, if it has
# its default precision.
CLOSER_TIMES: Parameters = {"perturbations_sampling_stepsize": 0.09}
CLOSER_MODELS = 10
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
    pairs = _compute_pairs(settings, points, CLOSER_MODELS if not precision else 0)
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


def measure(plan: Plan, networks: Path, models: int) -> SetErrors:
    """Evaluate the networks of a plan on this many cosmologies of each box; the page goes beside them."""
    # resolved: a relative folder may have the name of a set, and workers run in other folders
    return evaluate(EvaluationSettings(str(networks.resolve()), networks, plan.unseen, models, plan.processes,
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
    """Spectra of one cosmology by full CLASS, by networks, and perhaps by full CLASS with CLOSER_TIMES. refused: why
    networks do not cover it; then `net` is infinitely far from `full`."""

    cosmology: Mapping[str, float]
    full: Spectra
    net: Spectra
    closer: Spectra | None
    refused: str = ""


def _planck_or_none(packages_path: Path | None, console: Console) -> PlanckLikelihoods | None:
    try:
        return PlanckLikelihoods(packages_path)
    except PlanckNotAvailable as reason:
        console.print(f"Without Planck: {reason}", style="yellow", highlight=False)
        return None


def _errors(pair: SpectraPair, planck: PlanckLikelihoods | None) -> ModelErrors:
    def chi2(spectra: Spectra | None) -> dict[str, float]:
        return {} if planck is None or spectra is None else planck.chi2(spectra)

    full = chi2(pair.full)
    net = dict.fromkeys(full, math.inf) if pair.refused else chi2(pair.net)
    return ModelErrors(pair.cosmology, summary(pair.full, pair.net), full, net, chi2(pair.closer))


def _compute_pairs(
    settings: EvaluationSettings, points: Mapping[str, Sequence[Mapping[str, Any]]], closer: int
) -> dict[str, list[SpectraPair]]:
    """Both modes of these points by box, without those that full CLASS cannot compute; CLOSER_TIMES for the first
    `closer` of each box."""
    pairs: dict[tuple[str, int], SpectraPair] = {}
    tasks = {(box, index): point for box, members in points.items() for index, point in enumerate(members)}
    with progress("CLASS, full and with networks", len(tasks)) as advance, \
            single_threaded_pool(settings.processes, settings.scheduler) as pool:
        futures = {
            pool.submit(compute_pair, cosmology, networks_on(settings.network), settings.cache.resolve(),
                        key[1] < closer): key
            for key, cosmology in tasks.items()
        }
        for key, future in ended(futures):
            if pair := pair_of(future.result()):
                pairs[key] = pair
            advance()
    return {box: [pairs[box, index] for index in range(len(members)) if (box, index) in pairs]
            for box, members in points.items()}


def compute_pair(
    cosmology: Mapping[str, float], approximation: Parameters, cache_folder: Path, closer: bool = False
) -> SpectraPair | str:
    """Both modes of one cosmology; `closer`: full CLASS with CLOSER_TIMES as well. Full CLASS is read from the cache if
    possible. Returns CLASS's message if full CLASS fails: workers would retry after an error."""
    from classy import CosmoComputationError, CosmoSevereError

    settings = {**cosmology, **SAME_MODULES}
    try:
        full = cached_spectra(settings, cache_folder)
        closer_full = cached_spectra({**settings, **CLOSER_TIMES}, cache_folder) if closer else None
    except CosmoComputationError as error:
        return f"{dict(cosmology)}: {str(error).strip()}"
    try:
        return SpectraPair(cosmology, full, compute_spectra({**settings, **approximation}), closer_full)
    except (CosmoComputationError, CosmoSevereError) as error:
        if not is_refused(error):
            raise
        infinite = Spectra(*(np.full_like(getattr(full, f.name), np.inf) for f in fields(Spectra)))
        return SpectraPair(cosmology, full, replace(infinite, ell=full.ell), closer_full, refused=str(error).strip())


def pair_of(outcome: SpectraPair | str) -> SpectraPair | None:
    """The pair of compute_pair(), None if full CLASS failed; prints the error."""
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
