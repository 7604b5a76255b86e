"""The fast HMcode against CLASS's own: P_nl, the first non-linear time, and the page about them."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from cosmicnet.files import write_whole
from cosmicnet.store import DEFAULT_SET, read_manifest

from ..evaluate.boxes import FIXED_PARAMETERS, LCDM_DOMAIN
from ..work.parallel import ended, single_threaded_pool
from ..work.run_class import Parameters, networks_on, new_class, require_patched_classy
from .measured_with import measured_with

__all__ = ["NonLinearErrors", "NonLinearSettings", "compare_non_linear", "write_non_linear"]

Array = NDArray[np.float64]

# P_k_max: the first non-linear time is where k_nl reaches it
BOUNDS = {**LCDM_DOMAIN.bounds, "A_s": (1.6e-9, 2.7e-9), "n_s": (0.9, 1.03), "P_k_max_1/Mpc": (5.0, 15.0)}
SEED = 180706212
HYPERCUBE_SIZE = 500
BASE: Parameters = {"output": "mPk", "non_linear": "hmcode", "z_max_pk": 5.0}
TIGHT_SIGMA = 1e-10
# networks are off by no more at the smallest scales
LARGER = 1.001
FAST: Parameters = {"fast_non_linear": "yes"}
CLASS: Parameters = {"fast_non_linear": "no"}
PAIRS: dict[str, tuple[Parameters, Parameters]] = {
    "fast, CLASS": (FAST, CLASS),
    f"fast, CLASS with `hmcode_tol_sigma = {TIGHT_SIGMA:g}`": ({**FAST, "hmcode_tol_sigma": TIGHT_SIGMA},
                                                               {**CLASS, "hmcode_tol_sigma": TIGHT_SIGMA}),
    f"fast, the same with `hmcode_tol_sigma = {TIGHT_SIGMA:g}`": (FAST, {**FAST, "hmcode_tol_sigma": TIGHT_SIGMA}),
    "fast, the same with P larger by 0.1%": (FAST, {**FAST, "A_s": LARGER}),
    "fast with networks, full CLASS": (FAST, {**CLASS, "neural_network": "no"}),
}
# Results of every cosmology, in the output folder.
KEPT = "non_linear.json"

# of CLASS
DEFAULT_TOLERANCE = 1e-6
# where k_nl differs by more, CLASS has not found the root
SAME_K_NL = 1e-5
# CLASS could take the time itself to be just before the first one
LATER = 1 - 1e-9


@dataclass(frozen=True)
class NonLinearSettings:
    """models: cosmologies for each of PAIRS. processes: models at a time."""

    output: Path
    models: tuple[int, ...]
    processes: int


@dataclass(frozen=True)
class _Spectra:
    """At CLASS's own wavenumbers and times, from today back. number: of non-linear times. pk: (n_z, n_k)."""

    number: int
    k_nl: Array
    pk: Array
    linear: Array


@dataclass(frozen=True)
class NonLinearErrors:
    """Differences for one cosmology. times: those with corrections in both; missed: those where k_nl differs.

    error, error_missed: largest relative difference of P_nl at any k, at the other times and there. jump: P_nl over the
    linear P at k_max and the first non-linear time.
    """

    same_first_time: bool
    times: int
    missed: int
    error: float
    error_missed: float
    jump: float


class _Variants:
    """Spectra of one cosmology; sources of the networks are made once. Use as a context manager."""

    def __init__(self, cosmology: Parameters) -> None:
        self._cosmology = cosmology
        self._known: dict[str, _Spectra] = {}
        self._model: Any = None

    def __enter__(self) -> _Variants:
        self._model = new_class({**BASE, **self._cosmology, **networks_on()})
        return self

    def __exit__(self, *_: object) -> None:
        self._model.empty()

    def of(self, options: Parameters) -> _Spectra:
        """Options over the cosmology; A_s is a factor."""
        if repr(options) not in self._known:
            a_s = float(self._cosmology["A_s"]) * float(options.get("A_s", 1.0))
            settings = {"hmcode_tol_sigma": DEFAULT_TOLERANCE, **options, "A_s": a_s}
            self._known[repr(options)] = self._full(settings) if "neural_network" in options else self._net(settings)
        return self._known[repr(options)]

    def _net(self, settings: Parameters) -> _Spectra:
        self._model.set(dict(settings))
        self._model.compute(["fourier"])
        return _spectra(self._model)

    def _full(self, settings: Parameters) -> _Spectra:
        model = new_class({**BASE, **self._cosmology, **settings})
        model.compute(["fourier"])
        try:
            return _spectra(model)
        finally:
            model.empty()


def _spectra(model: Any) -> _Spectra:
    _, k, z = model.get_pk_and_k_and_z(nonlinear=False)
    k, z = k[:-1].copy(), z[::-1] * LATER
    linear, pk = (model.get_pk_array(k, z, k.size, z.size, which).reshape(z.size, k.size) for which in (False, True))
    return _Spectra(int(np.sum(pk[:, -1] != linear[:, -1])), model.nonlinear_scale(z, z.size), pk, linear)


def _compare_all(cosmology: Parameters, pairs: Sequence[str]) -> dict[str, NonLinearErrors]:
    with _Variants(cosmology) as variants:
        return {pair: _errors(*map(variants.of, PAIRS[pair])) for pair in pairs}


def _errors(one: _Spectra, other: _Spectra) -> NonLinearErrors:
    times = min(one.number, other.number)
    error = np.abs(one.pk / other.pk - 1)[:times].max(axis=1)
    missed = np.abs(one.k_nl[:times] / other.k_nl[:times] - 1) > SAME_K_NL
    return NonLinearErrors(
        one.number == other.number, times, int(missed.sum()), float(error[~missed].max(initial=0.0)),
        float(error[missed].max(initial=0.0)), float((one.pk / one.linear)[one.number - 1, -1]))


def _cosmologies(number: int) -> list[Parameters]:
    lower, upper = zip(*BOUNDS.values(), strict=True)
    unit = qmc.LatinHypercube(len(BOUNDS), seed=SEED).random(max(number, HYPERCUBE_SIZE))[:number]
    points = qmc.scale(unit, lower, upper)
    return [{**FIXED_PARAMETERS, **dict(zip(BOUNDS, row.tolist(), strict=True))} for row in points]


def compare_non_linear(settings: NonLinearSettings, report: Callable[[str], None] = print) -> None:
    """Measure, and write non_linear.md, even if the run is interrupted; the next run continues there."""
    require_patched_classy()
    counts = dict(zip(PAIRS, settings.models, strict=True))
    cosmologies = _cosmologies(max(settings.models))
    path = settings.output / KEPT
    identity = [version("classy"), read_manifest(DEFAULT_SET).sha256, max(len(cosmologies), HYPERCUBE_SIZE)]
    known = _cached(path, identity)
    missing = {index: [pair for pair in PAIRS if index < counts[pair] and pair not in known.get(index, {})]
               for index in range(len(cosmologies))}
    with single_threaded_pool(settings.processes) as pool:
        futures = {pool.submit(_compare_all, cosmology, missing[index]): index
                   for index, cosmology in enumerate(cosmologies) if missing[index]}
        try:
            for index, future in ended(futures):
                known[index] = {**known.get(index, {}), **future.result()}
                write_whole({path: json.dumps([identity, [[n, {pair: asdict(errors) for pair, errors in pairs.items()}]
                                                          for n, pairs in known.items()]])})
                report(f"{index}: {future.result()}")
        finally:
            found = {pair: [pairs[pair] for pairs in known.values() if pair in pairs] for pair in PAIRS}
            if all(found.values()):
                write_non_linear(found, settings.output)


def _cached(path: Path, identity: list[Any]) -> dict[int, dict[str, NonLinearErrors]]:
    """Errors by cosmology and pair from an earlier run of the same networks and classy."""
    if not path.exists():
        return {}
    measured_with, models = json.loads(path.read_text(encoding="utf-8"))
    if measured_with != identity:
        return {}
    return {index: {pair: NonLinearErrors(**errors) for pair, errors in pairs.items()} for index, pairs in models}


def write_non_linear(found: dict[str, list[NonLinearErrors]], folder: Path) -> None:
    jumps = [one.jump for one in found["fast, CLASS"]]
    lines = [
        "# The fast HMcode", "",
        "Written by `cosmicnet non-linear`; do not edit. P_nl at CLASS's own times and wavenumbers up to z = 5, for",
        "cosmologies throughout the domain of the networks, with",
        ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in BOUNDS.items()
                  if name not in LCDM_DOMAIN.bounds) + ".",
        "Networks give the sources, except in the row with full CLASS. Two columns count times of all cosmologies:",
        "non-linear ones, and those where the two values of k_nl differ. Errors are the largest relative",
        "differences of P_nl, at the latter times and elsewhere.", "",
        measured_with(DEFAULT_SET), "",
        "| compared | cosmologies | first non-linear time differs | times | k_nl differs | error there | elsewhere |",
        "|---|---|---|---|---|---|---|",
        *(_row(pair, models) for pair, models in found.items() if models), "",
        f"Values of k_nl that differ by more than {SAME_K_NL:g} count as different. They do where CLASS has not found",
        "the root ([fast_modules.md](fast_modules.md#hmcode)), and between sources of networks and of full CLASS.", "",
        "Before the first non-linear time P_nl is the linear P. At that time P_nl at k_max is larger than the linear P",
        f"by a factor of {min(jumps):.2g} to {max(jumps):.2g}.", "",
    ]
    write_whole({folder / "non_linear.md": "\n".join(lines)})


def _row(pair: str, models: Sequence[NonLinearErrors]) -> str:
    differ, times, missed = (sum(values) for values in zip(
        *((not one.same_first_time, one.times, one.missed) for one in models), strict=True))
    there = f"{max(one.error_missed for one in models):.2g}" if missed else ""
    return (f"| {pair} | {len(models)} | {differ} | {times} | {missed} | {there} | "
            f"{max(one.error for one in models):.2g} |")
