"""Measurements for the report: errors of sources and spectra, and seconds, of several sets of networks."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.store import load_network_set

from ..evaluate.accuracy import Distribution, RelativeErrors, wishart_chi2
from ..evaluate.evaluate import require_most
from ..evaluate.noise import PLANCK_SKY_FRACTION, planck_noise
from ..work.class_spectra import Spectra, cached_spectra
from ..work.cores import available_cores, threads_of_new_processes
from ..work.numbers import T_CMB_MUK
from ..work.parallel import ended, progress, single_threaded_pool
from ..work.run_class import Parameters, is_refused, networks_on, new_class
from .dataset import PaperModel, read_paper_model
from .plan import PaperPlan
from .source_tables import network_sources

__all__ = [
    "LATE", "SourceComparison", "SourceDeviation", "SpectraComparison", "Timing", "compare_sources", "compare_spectra",
    "planck_error", "time_perturbations",
]

Array = NDArray[np.float64]
Single = NDArray[np.float32]

# Figures 1, 4 and 5 cut recombination away, in tau/tau_rec.
LATE = 3.5
# Repetitions of computations that take milliseconds.
REPEATS = 7


@dataclass(frozen=True)
class SourceDeviation:
    """Largest and rms error of one cosmology over (k, tau), relative to the largest absolute value of full CLASS."""

    largest: float
    rms: float

    @classmethod
    def of(cls, full: Single, net: Single) -> SourceDeviation:
        peak = float(np.abs(full).max())
        error = (net - full).astype(float)
        return cls(float(np.abs(error).max()) / peak, float(np.sqrt((error**2).mean())) / peak)


@dataclass(frozen=True)
class SourceComparison:
    """models, points: full CLASS's sources and parameters; nets: by set and model, the tables by source; refused: the
    cosmologies that are left out since networks do not cover them, and why."""

    k: Array
    points: list[dict[str, float]]
    models: list[PaperModel]
    nets: dict[str, list[dict[str, Single]]]
    refused: list[str]

    def errors(self, network: str, source: str, late: bool = False) -> list[SourceDeviation]:
        """One per model; with late, at times from LATE tau_rec on."""
        rows = [slice(int(np.searchsorted(m.tau, LATE * m.cosmology["tau_rec"])) if late else 0, None)
                for m in self.models]
        return [SourceDeviation.of(model.sources[source][cut], net[source][cut])
                for model, net, cut in zip(self.models, self.nets[network], rows, strict=True)]


def compare_sources(plan: PaperPlan, sets: Mapping[str, str]) -> SourceComparison:
    """Sources of the test set that were kept, and those of the networks (label to name or folder)."""
    from classy import CosmoComputationError, CosmoSevereError

    recipe, k, points = plan.recipe, plan.k, plan.recipe.points("test")
    covered: list[tuple[dict[str, float], PaperModel, dict[str, dict[str, Single]]]] = []
    refused = []
    for path in plan.models_of("test")[:recipe.report.source_models]:
        point = points[int(path.stem)]
        try:
            tables = {label: network_sources({**recipe.class_settings, **networks_on(network)}, point, k)
                      for label, network in sets.items()}
        except (CosmoComputationError, CosmoSevereError) as error:
            if not is_refused(error):
                raise
            refused.append(_left_out(point, str(error)))
        else:
            covered.append((point, read_paper_model(path), tables))
    require_most(len(covered), len(covered) + len(refused), "sources of the test set")
    return SourceComparison(k, [point for point, _, _ in covered], [model for _, model, _ in covered],
                            {label: [tables[label] for _, _, tables in covered] for label in sets}, refused)


def _left_out(point: Parameters, why: str) -> str:
    return f"left out: {dict(point)}: {why.strip()}"


@dataclass(frozen=True)
class SpectraComparison:
    """Spectra of full CLASS and, by set, of networks, on the test set; refused: the cosmologies that are left out since
    one of them gives none, and why."""

    full: list[Spectra]
    nets: dict[str, list[Spectra]]
    refused: list[str]

    def errors(self, network: str) -> list[RelativeErrors]:
        return [RelativeErrors.between(full, net) for full, net in zip(self.full, self.nets[network], strict=True)]

    def chi2(self, network: str) -> Distribution:
        """Wishart chi2 for ideal data."""
        return Distribution.of([wishart_chi2(full, net)
                                for full, net in zip(self.full, self.nets[network], strict=True)])

    def share_within(self, network: str, spectrum: str, limit: float) -> float:
        """The share of all l and models whose relative error is below `limit`."""
        return float(np.mean([np.abs(getattr(error, spectrum)) < limit for error in self.errors(network)]))

    def over_planck(self, network: str, spectrum: str) -> Array:
        """Errors over Planck's, shape (models, l)."""
        return np.array([np.abs(getattr(error, spectrum)) / planck_error(full, spectrum)
                         for error, full in zip(self.errors(network), self.full, strict=True)])


def planck_error(spectra: Spectra, spectrum: str) -> Array:
    """One sigma of Planck's C_l ('tt' or 'ee') at each l, relative: cosmic variance of its sky, and noise."""
    cl, modes = getattr(spectra, spectrum), PLANCK_SKY_FRACTION * (2.0 * spectra.ell + 1.0)
    noise = planck_noise(spectrum, spectra.ell) / T_CMB_MUK**2
    return np.asarray(np.sqrt(2.0 / modes) * (1.0 + noise / cl))


def compare_spectra(
    points: Sequence[Parameters], sets: Mapping[str, str], cache: Path, processes: int
) -> SpectraComparison:
    """Both through the fast modules; earlier results are read from `cache`."""
    modes: dict[str | None, tuple[Parameters, Path]] = {None: (SAME_MODULES, cache)}
    for label, network in sets.items():
        # another set in the same folder is not the same set
        own_cache = cache / load_network_set(network).manifest.sha256[:16]
        modes[label] = ({**networks_on(network), **SAME_MODULES}, own_cache)
    found: dict[tuple[str | None, int], Spectra | str] = {}
    with progress("spectra of the test set", len(modes) * len(points)) as advance, \
            single_threaded_pool(processes) as pool:
        futures = {pool.submit(_spectra_or_refusal, {**point, **options}, folder): (label, index)
                   for label, (options, folder) in modes.items() for index, point in enumerate(points)}
        for place, future in ended(futures):
            found[place] = future.result()
            advance()
    refusals = {index: answer for (_, index), answer in found.items() if isinstance(answer, str)}
    covered = [index for index in range(len(points)) if index not in refusals]
    require_most(len(covered), len(points), "spectra of the test set")
    spectra = {label: [answer for index in covered if not isinstance(answer := found[label, index], str)]
               for label in modes}
    return SpectraComparison(spectra.pop(None), {str(label): values for label, values in spectra.items()},
                             [_left_out(points[index], why) for index, why in sorted(refusals.items())])


def _spectra_or_refusal(parameters: Parameters, folder: Path) -> Spectra | str:
    """CLASS's message where CLASS or the networks fail: a worker would retry after an exception."""
    from classy import CosmoComputationError, CosmoSevereError

    try:
        return cached_spectra(parameters, folder)
    except (CosmoComputationError, CosmoSevereError) as error:
        if not is_refused(error):
            raise
        return str(error)


@dataclass(frozen=True)
class Timing:
    """Median seconds of the perturbation step, by mode, with so many threads."""

    threads: int
    seconds: dict[str, float]


def time_perturbations(points: Sequence[Parameters], sets: Mapping[str, str]) -> list[Timing]:
    """Table 5: with 1, 2, 4 and 8 threads, as far as there are cores."""
    available = available_cores()
    timings = []
    for threads in (n for n in (1, 2, 4, 8) if n <= available):
        with threads_of_new_processes(threads), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            timings.append(Timing(threads, pool.submit(_median_seconds, list(points), dict(sets)).result()))
    return timings


def _median_seconds(points: list[Parameters], sets: dict[str, str]) -> dict[str, float]:
    modes: dict[str, Parameters] = {"CLASS-full": {}, **{label: networks_on(n) for label, n in sets.items()}}
    for options in list(modes.values())[1:]:
        _seconds_until("perturbations", {**points[0], **options})  # loads libraries and networks
    found: dict[str, list[float]] = {label: [] for label in modes}
    for point in points:
        # one mode after the other: a machine that becomes slower is slower for all
        for label, options in modes.items():
            repeats = 1 if label == "CLASS-full" else REPEATS
            found[label].append(_perturbations({**point, **options}, repeats))
    return {label: median(seconds) for label, seconds in found.items()}


def _perturbations(parameters: Parameters, repeats: int) -> float:
    """The step alone: the median difference of two computations, one after the other, that end behind it and before
    it. (The minimum is biased low by noise in the first run.)"""
    return median(_seconds_until("perturbations", parameters) - _seconds_until("thermodynamics", parameters)
                  for _ in range(repeats))


def _seconds_until(step: str, parameters: Parameters) -> float:
    model = new_class({"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 2508, **parameters})
    start = perf_counter()
    model.compute([step])
    used = perf_counter() - start
    model.empty()
    return used
