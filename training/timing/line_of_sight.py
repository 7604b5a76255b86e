"""The fast line of sight against CLASS's own, default and converged: accuracy, seconds, and the page about them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from cosmicnet.files import write_whole
from cosmicnet.store import DEFAULT_SET, load_network_set

from ..evaluate.accuracy import relative_error, wishart_chi2
from ..evaluate.boxes import LCDM_DOMAIN
from ..work.cached_results import cached
from ..work.class_spectra import Multipoles, lensed_multipoles
from ..work.parallel import ended, single_threaded_pool
from ..work.run_class import Parameters, networks_on, new_class, require_patched_classy
from .measured_with import measured_with
from .smoothness import Track, follow_lines, plot_tracks, smoothness_section

__all__ = [
    "CONVERGED", "ErrorsAt", "LineOfSightSettings", "compare_lines_of_sight", "measure_errors", "write_line_of_sight",
]

Array = NDArray[np.float64]
SecondsByStep = Mapping[str, Mapping[str, float]]

# the truth: CLASS's own transfer and harmonic steps with converged sampling
CONVERGED: Parameters = {
    "fast_line_of_sight": "no", "perturbations_sampling_stepsize": 0.025,
    "l_linstep": 8, "l_logstep": 1.02, "q_linstep": 0.2, "q_logstep_spline": 50.0, "q_logstep_limber": 1.01,
    "hyper_sampling_flat": 40.0, "hyper_phi_min_abs": 1e-12, "transfer_neglect_late_source": 1e6,
    "transfer_neglect_delta_k_S_t0": 10.0, "transfer_neglect_delta_k_S_t1": 10.0,
    "transfer_neglect_delta_k_S_t2": 10.0, "transfer_neglect_delta_k_S_e": 10.0,
}
WAYS: dict[str, Parameters] = {"CLASS": {"fast_line_of_sight": "no"}, "fast": {"fast_line_of_sight": "yes"}}
# CLASS's default lensing cuts correlation functions at an angle of pi/16, which rings at larger l: 4% of TT at l = 5000
RINGING_ABOVE = 3000
STEPS = {"transfer": ("fourier", "transfer"), "harmonic and lensing": ("transfer", "lensing"),
         "whole": (None, "lensing")}

# largest error allowed at any l; of TE, over sqrt(TT EE)
TARGETS = {"tt": 3e-4, "ee": 5e-4, "te": 3e-4, "pp": 3e-4, "chi2": 0.5}
TITLES = {"tt": "TT", "ee": "EE", "te": "TE over sqrt(TT EE)", "pp": "phi phi", "tp": "T phi over sqrt(TT phi phi)",
          "chi2": "Wishart chi2, TT TE EE"}


@dataclass(frozen=True)
class LineOfSightSettings:
    """models: cosmologies for each of l_max. cache: folder of the converged spectra. processes: models at a time.
    points: of a short line through parameter space; 0 for no lines."""

    output: Path
    cache: Path
    models: tuple[int, ...]
    l_max: tuple[int, ...]
    repeats: int
    processes: int
    points: int


@dataclass(frozen=True)
class ErrorsAt:
    """by_model: of each cosmology, by way and spectrum."""

    l_max: int
    by_model: Sequence[Mapping[str, Mapping[str, float]]]


def largest_errors(model: Multipoles, truth: Multipoles) -> dict[str, float]:
    """The largest error of each spectrum at any l, and the Wishart chi2."""
    largest = {name: float(np.abs(relative_error(name, truth, model)).max()) for name in ("tt", "ee", "te", "pp", "tp")}
    return {**largest, "chi2": wishart_chi2(truth, model)}


def measure_errors(cosmology: Parameters, l_max: int, cache: Path) -> dict[str, dict[str, float]]:
    """Errors of each of WAYS against converged CLASS, for the same sources (those of the networks)."""
    settings = {**cosmology, **_output(l_max)}
    fine = {**settings, **CONVERGED}
    identity = {"settings": fine, "l_max": l_max, "networks": load_network_set(DEFAULT_SET).manifest.sha256}
    truth = cached(Multipoles, identity, cache, lambda: lensed_multipoles(fine, l_max))
    return {way: largest_errors(lensed_multipoles({**settings, **options}, l_max), truth)
            for way, options in WAYS.items()}


def seconds(cosmology: Parameters, l_max: int, repeats: int) -> dict[str, dict[str, float]]:
    """Least processor time of each step by both ways, measured in turns: other processes then slow both alike."""
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


def compare_lines_of_sight(settings: LineOfSightSettings) -> None:
    """Measure, and write line_of_sight.md and .png."""
    require_patched_classy()
    settings.cache.mkdir(parents=True, exist_ok=True)
    requests = [(cosmology, l_max) for l_max, models in zip(settings.l_max, settings.models, strict=True)
                for cosmology in LCDM_DOMAIN.points(models)]
    errors: dict[int, list[dict[str, dict[str, float]]]] = {l_max: [] for l_max in settings.l_max}
    tracks: list[Track] = []
    with single_threaded_pool(settings.processes) as pool:
        if settings.points:
            tracks = follow_lines(pool, settings.points)
        futures = {pool.submit(measure_errors, cosmology, l_max, settings.cache.resolve()): l_max
                   for cosmology, l_max in requests}
        for l_max, future in ended(futures):
            errors[l_max].append(future.result())
            print(f"l_max {l_max}: {future.result()}")
    # the clock runs when the other processes have ended
    times = seconds(LCDM_DOMAIN.points(1)[0], settings.l_max[0], settings.repeats)
    write_line_of_sight([ErrorsAt(l_max, found) for l_max, found in errors.items()], times, tracks, settings.output)


def write_line_of_sight(errors: Sequence[ErrorsAt], seconds: SecondsByStep, tracks: Sequence[Track],
                        folder: Path) -> None:
    """Write line_of_sight.md, and line_of_sight.png where lines were followed."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "# The fast line of sight", "",
        "Written by `cosmicnet line-of-sight`; do not edit. Lensed spectra at every l from 2 to l_max, of cosmologies",
        "throughout the domain of the networks. All columns have the same sources, from the networks. Errors are",
        "relative to CLASS's own transfer and harmonic steps with", "",
        *(f"    {name} = {value}" for name, value in CONVERGED.items()), "",
        f"With l_max above {RINGING_ABOVE} all columns have `accurate_lensing: 1`, because CLASS's default lensing",
        "rings at larger multipoles: it cuts correlation functions at an angle of pi/16.", "",
        measured_with(DEFAULT_SET), "",
    ]
    for part in errors:
        lines += _errors(part)
    lines += _seconds(seconds, errors[0].l_max)
    if tracks:
        lines += smoothness_section(tracks)
        plot_tracks(tracks, folder / "line_of_sight.png")
    write_whole({folder / "line_of_sight.md": "\n".join(lines)})


def _errors(part: ErrorsAt) -> list[str]:
    count = len(part.by_model)
    number = "one cosmology" if count == 1 else f"the worst of {count} cosmologies"
    lines = [f"## Accuracy to l = {part.l_max}", "", f"The largest error at any l, {number}.", "",
             "| largest error | CLASS, default | fast | target |", "|---|---|---|---|"]
    for name, title in TITLES.items():
        ours, theirs = (max(model[way][name] for model in part.by_model) for way in ("fast", "CLASS"))
        target = _target(TARGETS[name], ours) if name in TARGETS else ""
        lines.append(f"| {title} | {theirs:.2g} | {ours:.2g} | {target} |")
    return [*lines, ""]


def _target(largest: float, found: float) -> str:
    return f"{largest:g}" if found <= largest else f"{largest:g}, missed"


def _seconds(seconds: SecondsByStep, l_max: int) -> list[str]:
    lines = [f"## Seconds to l = {l_max}", "",
             "Processor time with sources of networks, the fastest of several runs.", "",
             "| step | CLASS, default | fast | ratio |", "|---|---|---|---|"]
    lines += [f"| {step} | {by_way['CLASS']:.3f} s | {by_way['fast']:.3f} s | {by_way['CLASS'] / by_way['fast']:.1f} |"
              for step, by_way in seconds.items()]
    return [*lines, ""]


def _output(l_max: int) -> Parameters:
    lensing = {"accurate_lensing": 1} if l_max > RINGING_ABOVE else {}
    return {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": l_max, **lensing, **networks_on()}
