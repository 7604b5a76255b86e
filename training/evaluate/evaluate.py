"""Compare the networks with full CLASS on unseen cosmologies and write docs/accuracy.*.

Full CLASS takes almost all of the time, so each of its results is kept on disk as soon as it is there:
an evaluation that was interrupted goes on where it stopped, and another network on the same boxes
takes a few minutes.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from rich.console import Console

from cosmicnet.errors import CosmicnetError
from cosmicnet.store import DEFAULT_SET, load_network_set

from ..work.parallel import ended, progress, single_threaded_pool
from ..work.spectra import (
    ONE_LINE_OF_SIGHT,
    OUTPUT_SETTINGS,
    Parameters,
    Spectra,
    cached_spectra,
    compute_spectra,
    networks_on,
    new_class,
    require_patched_classy,
)
from .accuracy import RelativeErrors, summary
from .boxes import BOXES, Box, boxes_of
from .planck import PlanckLikelihoods, PlanckNotAvailable
from .plot import plot_accuracy
from .report import write_report
from .results import BoxResult, Evaluation, Model

__all__ = ["EvaluationSettings", "Pair", "compute_pair", "evaluate", "require_most", "settings_for", "told"]

# How well does full CLASS know its own chi2? Times 10% closer than its default, on so many models of each box.
CLOSER_TIMES: Parameters = {"perturbations_sampling_stepsize": 0.09}
CLOSER_MODELS = 10
# Of so many models one at least has to be computable with networks.
IDENTITY_MODELS = 10
# More of the models must not be beyond full CLASS.
ALLOWED_FAILURES = 0.1


@dataclass(frozen=True)
class EvaluationSettings:
    """What to evaluate and where to write.

    approximation : the parameters that tell the tested mode from full CLASS. models : cosmologies per
    box. processes : how many run at once, one thread each, unless there is a Dask `scheduler`. packages_path : Cobaya
    packages folder, None for $COBAYA_PACKAGES_PATH.
    """

    output_folder: Path = Path("docs")
    cache_folder: Path = Path("runs/evaluate")
    approximation: Parameters = field(default_factory=networks_on)
    models: int = 100
    processes: int = 2
    packages_path: Path | None = None
    boxes: tuple[Box, ...] = BOXES
    scheduler: str | None = None


def settings_for(
    network: str | None, output: Path, cache: Path, models: int, processes: int,
    packages_path: Path | None = None, scheduler: str | None = None,
) -> EvaluationSettings:
    """How networks (name or folder, None for the shipped ones) are evaluated on the boxes of their domain."""
    manifest = load_network_set(network or DEFAULT_SET).manifest
    return EvaluationSettings(
        output_folder=output, cache_folder=cache.resolve(),
        approximation=networks_on(network), models=models, processes=processes,
        packages_path=packages_path, boxes=boxes_of(manifest), scheduler=scheduler)


def evaluate(settings: EvaluationSettings) -> Evaluation:
    """Run both modes on every cosmology of every box; write accuracy.md, .json and .png.

    A cosmology of which the networks give no spectra, because they do not cover it, counts as infinitely far; one that
    full CLASS cannot compute is left out. Raises CosmicnetError for a classy without networks and where more than a
    tenth is left out, CosmoComputationError or CosmoSevereError where networks cover nothing.
    """
    require_patched_classy()
    console = Console(stderr=True)
    planck = _planck_or_none(settings.packages_path, console)
    network = _network_identity(settings)
    pairs = _compute_pairs(settings)
    evaluation = Evaluation(network, version("classy"), tuple(
        BoxResult(box, tuple(_model(pair, planck) for pair in pairs[box.name]), settings.models - len(pairs[box.name]))
        for box in settings.boxes))
    errors = [(box, [RelativeErrors.between(pair.full, pair.net) for pair in pairs[box.name]])
              for box in settings.boxes]
    settings.output_folder.mkdir(parents=True, exist_ok=True)
    write_report(evaluation, settings.output_folder)
    plot_accuracy(errors, settings.output_folder / "accuracy.png")
    return evaluation


@dataclass(frozen=True)
class Pair:
    """One cosmology and its spectra, by full CLASS, by networks and perhaps by full CLASS with CLOSER_TIMES. refused:
    why there are none by networks; then `net` is infinitely far from `full`."""

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


def _network_identity(settings: EvaluationSettings) -> str:
    """Name and hash of the networks in use; one computation tells, and fails early if one has to."""
    from classy import CosmoComputationError

    refusal: Exception | None = None
    for point in settings.boxes[0].points(IDENTITY_MODELS):
        cosmology = new_class({**OUTPUT_SETTINGS, **point, **settings.approximation})
        try:
            cosmology.compute(["perturbations"])
        except CosmoComputationError as error:
            # of this cosmology only
            refusal = error
            continue
        info = cosmology.neural_network_info()
        cosmology.empty()
        return f"{info['name']}, hash {info['hash'][:12]}" if info["used"] else f"none ({info['reason']})"
    assert refusal is not None
    raise refusal


def _model(pair: Pair, planck: PlanckLikelihoods | None) -> Model:
    def chi2(spectra: Spectra | None) -> dict[str, float]:
        return {} if planck is None or spectra is None else planck.chi2(spectra)

    full = chi2(pair.full)
    net = dict.fromkeys(full, math.inf) if pair.refused else chi2(pair.net)
    return Model(pair.cosmology, summary(pair.full, pair.net), full, net, chi2(pair.closer))


def _compute_pairs(settings: EvaluationSettings) -> dict[str, list[Pair]]:
    """Both modes by name of the box, in the order of its hypercube; a pool of processes at work."""
    points = {(box.name, index): cosmology for box in settings.boxes
              for index, cosmology in enumerate(box.points(settings.models))}
    pairs: dict[tuple[str, int], Pair] = {}
    with progress("CLASS, full and with networks", len(points)) as advance, \
            single_threaded_pool(settings.processes, settings.scheduler) as pool:
        futures = {
            pool.submit(compute_pair, cosmology, settings.approximation, settings.cache_folder,
                        key[1] < CLOSER_MODELS): key
            for key, cosmology in points.items()
        }
        for key, future in ended(futures):
            if pair := told(future.result()):
                pairs[key] = pair
            advance()
    by_box = {box.name: [pairs[box.name, index] for index in range(settings.models) if (box.name, index) in pairs]
              for box in settings.boxes}
    for box in settings.boxes:
        require_most(len(by_box[box.name]), settings.models, box.title)
    return by_box


def compute_pair(
    cosmology: Mapping[str, float], approximation: Parameters, cache_folder: Path, closer: bool = False
) -> Pair | str:
    """Both modes of one cosmology, and if asked for full CLASS with CLOSER_TIMES; full CLASS from the cache where it
    is there. If full CLASS cannot compute it, what CLASS says: an error would be tried again."""
    from classy import CosmoComputationError

    settings = {**cosmology, **ONE_LINE_OF_SIGHT}
    try:
        full = cached_spectra(settings, cache_folder)
        closer_full = cached_spectra({**settings, **CLOSER_TIMES}, cache_folder) if closer else None
    except CosmoComputationError as error:
        return f"{dict(cosmology)}: {str(error).strip()}"
    try:
        return Pair(cosmology, full, compute_spectra({**settings, **approximation}), closer_full)
    except CosmoComputationError as error:
        infinite = Spectra(*(np.full_like(getattr(full, f.name), np.inf) for f in fields(Spectra)))
        return Pair(cosmology, full, replace(infinite, ell=full.ell), closer_full, refused=str(error).strip())


def told(outcome: Pair | str) -> Pair | None:
    """The pair, if full CLASS computed it; prints what is wrong with it."""
    if isinstance(outcome, str):
        message = f"left out, since full CLASS cannot compute it: {outcome}"
    elif outcome.refused:
        message = f"counts as infinitely far: {dict(outcome.cosmology)}: {outcome.refused}"
    else:
        return outcome
    Console(stderr=True).print(message, style="yellow", highlight=False)
    return None if isinstance(outcome, str) else outcome


def require_most(computed: int, wanted: int, where: str) -> None:
    """Raise CosmicnetError if full CLASS could not compute nearly all of these models."""
    if computed < (1.0 - ALLOWED_FAILURES) * wanted:
        raise CosmicnetError(f"{where}: full CLASS computes {computed} of {wanted} unseen models only; choose a domain "
                             "that it can compute")
