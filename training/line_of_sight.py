"""The fast line of sight against CLASS's own, default and converged: accuracy and seconds, as a table."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .accuracy import wishart_chi2
from .boxes import BOXES
from .spectra import Parameters, networks_on, new_class, require_patched_classy

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
# largest error allowed at any l; of TE, over sqrt(TT EE)
TARGETS = {"tt": 3e-4, "ee": 5e-4, "te": 3e-4, "pp": 3e-4, "chi2": 0.5}
STEPS = {"transfer": ("fourier", "transfer"), "harmonic and lensing": ("transfer", "lensing"),
         "whole": (None, "lensing")}


@dataclass(frozen=True)
class LineOfSightSettings:
    """What to measure, and where the table goes."""

    output: Path
    models: int
    l_max: int
    repeats: int


@dataclass(frozen=True)
class Multipoles:
    """Lensed C_l in units of T_cmb^2, and C_l of the lensing potential, shape (n_l,), from l = 2."""

    ell: Array
    tt: Array
    te: Array
    ee: Array
    pp: Array


def largest_errors(model: Multipoles, truth: Multipoles) -> dict[str, float]:
    """The largest error of each spectrum at any l, and the Wishart chi2."""
    errors = {
        "tt": model.tt / truth.tt - 1,
        "ee": model.ee / truth.ee - 1,
        "te": (model.te - truth.te) / np.sqrt(truth.tt * truth.ee),
        "pp": model.pp / truth.pp - 1,
    }
    largest = {name: float(np.abs(error).max()) for name, error in errors.items()}
    return {**largest, "chi2": wishart_chi2(truth, model)}


def measure(cosmology: Parameters, l_max: int) -> dict[str, dict[str, float]]:
    """Errors of each of WAYS against converged CLASS, for the same sources (those of the networks)."""
    settings = {**cosmology, **_output(l_max)}
    truth = _spectra({**settings, **CONVERGED}, l_max)
    return {way: largest_errors(_spectra({**settings, **options}, l_max), truth) for way, options in WAYS.items()}


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
    """Measure, and write line_of_sight.md."""
    require_patched_classy()
    cosmologies = WHOLE_DOMAIN.points(settings.models)
    times = seconds(cosmologies[0], settings.l_max, settings.repeats)
    errors = []
    for index, cosmology in enumerate(cosmologies):
        errors.append(measure(cosmology, settings.l_max))
        report(f"{index + 1} of {len(cosmologies)}: fast {errors[-1]['fast']}")
    settings.output.mkdir(parents=True, exist_ok=True)
    (settings.output / "line_of_sight.md").write_text(markdown(settings, errors, times), encoding="utf-8")


def markdown(settings: LineOfSightSettings, errors: list[dict[str, dict[str, float]]],
             times: dict[str, dict[str, float]]) -> str:
    """The table."""
    names = {"tt": "TT", "ee": "EE", "te": "TE over sqrt(TT EE)", "pp": "phi phi", "chi2": "Wishart chi2, TT TE EE"}
    lines = [
        "# The fast line of sight", "",
        f"Lensed spectra, every l from 2 to {settings.l_max}, worst of {len(errors)} cosmologies that fill the",
        "domain of the networks. The sources are the same in all columns (the networks'); the truth is CLASS's own",
        "transfer and harmonic steps with",
        "`" + ", ".join(f"{name} = {value}" for name, value in CONVERGED.items()) + "`.", "",
        "| largest error | CLASS, default | fast | target |", "|---|---|---|---|",
    ]
    for name, title in names.items():
        ours, theirs = (max(model[way][name] for model in errors) for way in ("fast", "CLASS"))
        lines.append(f"| {title} | {theirs:.2g} | {ours:.2g} | {TARGETS[name]:g} |")
    lines += ["", f"Processor time, least of {settings.repeats} runs in turns, one thread if OMP_NUM_THREADS is 1:", "",
              "| step | CLASS, default | fast | ratio |", "|---|---|---|---|"]
    for step, by_way in times.items():
        lines.append(f"| {step} | {by_way['CLASS']:.3f} s | {by_way['fast']:.3f} s | "
                     f"{by_way['CLASS'] / by_way['fast']:.1f} |")
    command = f"cosmicnet line-of-sight --models {settings.models} --l-max {settings.l_max}"
    return "\n".join([*lines, "", f"Made by `{command}`.", ""])


def _output(l_max: int) -> Parameters:
    return {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": l_max, **networks_on()}


def _spectra(parameters: Parameters, l_max: int) -> Multipoles:
    model: Any = new_class(parameters)
    model.compute()
    found = model.lensed_cl(l_max)
    model.empty()
    return Multipoles(**{name: np.asarray(found[name][2:], dtype=float) for name in ("ell", "tt", "te", "ee", "pp")})
