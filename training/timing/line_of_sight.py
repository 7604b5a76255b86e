"""The fast line of sight against CLASS's own, default and converged: accuracy and seconds."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from cosmicnet.running_class import running_class
from cosmicnet.store import DEFAULT_SET, load_network_set

from ..evaluate.accuracy import wishart_chi2
from ..evaluate.boxes import BOXES
from ..work.parallel import ended, single_threaded_pool
from ..work.spectra import Multipoles, Parameters, lensed_multipoles, networks_on, new_class, require_patched_classy
from .along_line import Track, follow_lines
from .line_of_sight_report import ErrorsAt, write_line_of_sight

__all__ = ["CONVERGED", "LineOfSightSettings", "compare_lines_of_sight", "measure"]

Array = NDArray[np.float64]

WHOLE_DOMAIN = BOXES[-1]
# CLASS's own transfer and harmonic steps, until nothing changes any more
CONVERGED: Parameters = {
    "fast_line_of_sight": "no",
    "l_linstep": 8, "l_logstep": 1.02, "q_linstep": 0.2, "q_logstep_spline": 50.0, "q_logstep_limber": 1.01,
    "hyper_sampling_flat": 40.0, "hyper_phi_min_abs": 1e-12, "transfer_neglect_late_source": 1e6,
    "transfer_neglect_delta_k_S_t0": 10.0, "transfer_neglect_delta_k_S_t1": 10.0,
    "transfer_neglect_delta_k_S_t2": 10.0, "transfer_neglect_delta_k_S_e": 10.0,
}
WAYS: dict[str, Parameters] = {"CLASS": {"fast_line_of_sight": "no"}, "fast": {"fast_line_of_sight": "yes"}}
# the largest multipole up to which CLASS's default lensing does not disturb the comparison
RINGING_ABOVE = 3000
STEPS = {"transfer": ("fourier", "transfer"), "harmonic and lensing": ("transfer", "lensing"),
         "whole": (None, "lensing")}


@dataclass(frozen=True)
class LineOfSightSettings:
    """What to measure, and where the results go.

    models: cosmologies for each of l_max. cache: folder of the converged spectra. processes: models at the same time.
    points: on a short line through parameter space; 0 leaves out what is measured along lines.
    """

    output: Path
    cache: Path
    models: tuple[int, ...]
    l_max: tuple[int, ...]
    repeats: int
    processes: int
    points: int


def largest_errors(model: Multipoles, truth: Multipoles) -> dict[str, float]:
    """The largest error of each spectrum at any l, and the Wishart chi2."""
    errors = {
        "tt": model.tt / truth.tt - 1,
        "ee": model.ee / truth.ee - 1,
        "te": (model.te - truth.te) / np.sqrt(truth.tt * truth.ee),
        "pp": model.pp / truth.pp - 1,
        "tp": (model.tp - truth.tp) / np.sqrt(truth.tt * truth.pp),
    }
    largest = {name: float(np.abs(error).max()) for name, error in errors.items()}
    return {**largest, "chi2": wishart_chi2(truth, model)}


def measure(cosmology: Parameters, l_max: int, cache: Path) -> dict[str, dict[str, float]]:
    """Errors of each of WAYS against converged CLASS, for the same sources (those of the networks)."""
    settings = {**cosmology, **_output(l_max)}
    truth = _cached({**settings, **CONVERGED}, l_max, cache)
    return {way: largest_errors(lensed_multipoles({**settings, **options}, l_max), truth)
            for way, options in WAYS.items()}


def seconds(cosmology: Parameters, l_max: int, repeats: int) -> dict[str, dict[str, float]]:
    """Least processor time of each step and way, measured in turns so that a busy machine is so for all."""
    ends = sorted({level for pair in STEPS.values() for level in pair if level is not None})
    least = {(way, level): np.inf for way in WAYS for level in ends}
    for _ in range(repeats):
        for way, level in least:
            model = new_class({**cosmology, **_output(l_max), **WAYS[way]})
            start = process_time()
            model.compute([level])
            least[way, level] = min(least[way, level], process_time() - start)
            model.empty()
    return {step: {way: least[way, end] - (least[way, begin] if begin else 0.0) for way in WAYS}
            for step, (begin, end) in STEPS.items()}


def compare_lines_of_sight(settings: LineOfSightSettings, report: Callable[[str], None] = print) -> None:
    """Measure, and write line_of_sight.md and .png."""
    require_patched_classy()
    settings.cache.mkdir(parents=True, exist_ok=True)
    requests = [(cosmology, l_max) for l_max, models in zip(settings.l_max, settings.models, strict=True)
                for cosmology in WHOLE_DOMAIN.points(models)]
    errors: dict[int, list[dict[str, dict[str, float]]]] = {l_max: [] for l_max in settings.l_max}
    tracks: list[Track] = []
    with single_threaded_pool(settings.processes) as pool:
        if settings.points:
            tracks = follow_lines(pool, settings.points)
        futures = {pool.submit(measure, cosmology, l_max, settings.cache.resolve()): l_max
                   for cosmology, l_max in requests}
        for l_max, future in ended(futures):
            errors[l_max].append(future.result())
            report(f"l_max {l_max}: {future.result()}")
    # after the others are done, for the sake of the clock
    times = seconds(WHOLE_DOMAIN.points(1)[0], settings.l_max[0], settings.repeats)
    write_line_of_sight([ErrorsAt(l_max, found) for l_max, found in errors.items()], times, tracks, CONVERGED,
                        settings.output)


def _output(l_max: int) -> Parameters:
    # by default CLASS cuts correlation functions at an angle of pi/16, which rings in l: by 4% of TT at l = 5000
    lensing = {"accurate_lensing": 1} if l_max > RINGING_ABOVE else {}
    return {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": l_max, **lensing, **networks_on()}


def _cached(parameters: Parameters, l_max: int, folder: Path) -> Multipoles:
    """Like `lensed_multipoles`, kept in a file for as long as CLASS and the networks are the same."""
    # of CLASS's own line of sight, on which the patch has no influence
    identity = [dict(parameters), l_max, *astuple(running_class()), load_network_set(DEFAULT_SET).manifest.sha256]
    path = folder / f"{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]}.npz"
    if not path.exists():
        unfinished = path.with_suffix(".tmp.npz")
        np.savez(unfinished, **asdict(lensed_multipoles(parameters, l_max)))
        unfinished.replace(path)
    with np.load(path) as arrays:
        return Multipoles(**arrays)
