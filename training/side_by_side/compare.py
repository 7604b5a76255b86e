"""Compute and time one input in three modes: by networks, by full CLASS with the same fast modules, and by full
CLASS alone."""
from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.class_parameters import SAME_MODULES

from ..evaluate.accuracy import LOW_L_END, cosmic_variance, relative_error, wishart_chi2
from ..work.parallel import progress
from ..work.run_class import Parameters, is_refused, networks_on, require_patched_classy, timed

__all__ = ["FULL", "NET", "PAIRS", "SPECTRA", "STOCK", "Comparison", "LargestError", "ModeResult", "compare"]

Array = NDArray[np.float64]

NET = "networks"
FULL = "full CLASS"
STOCK = "stock line of sight"
# (mode, reference mode)
PAIRS = ((NET, FULL), (NET, STOCK), (FULL, STOCK))

# Networks take milliseconds, so their times are medians of this many computations.
REPEATS = 5
# Seconds of a row: first sum minus second. Beyond the primordial spectra each compute() starts again from there: it
# repeats fourier, but keeps the transfer functions.
STEPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "background": (("background",), ()),
    "thermodynamics": (("thermodynamics",), ("background",)),
    "perturbations": (("primordial",), ("thermodynamics",)),
    "non-linear spectra": (("fourier",), ()),
    "transfer": (("transfer",), ("fourier",)),
    "harmonic": (("harmonic",), ("fourier",)),
    "lensing": (("lensing",), ("harmonic",)),
    "whole": (("primordial", "transfer", "lensing"), ("fourier",)),
}
SUCCESSIVE = ("primordial", "fourier", "transfer", "harmonic", "lensing")
SPECTRA = {"tt": "TT", "te": "TE/√(TT EE)", "ee": "EE", "pp": "φφ"}
L_ENDS = (LOW_L_END, 800, 2500)
K_MIN, K_NUMBER = 1e-4, 200


@dataclass(frozen=True)
class ModeResult:
    """One mode. cl: 'ell' from 2 on and spectra by CLASS's names, lensed if the input requests it; pk: P(k) in Mpc^3
    by name and redshift on `k` (1/Mpc); sigma8: None without P(k)."""

    seconds: dict[str, float]
    cl: dict[str, Array]
    k: Array
    pk: dict[str, Array]
    sigma8: float | None


@dataclass(frozen=True)
class LargestError:
    """The largest error of a spectrum in a range: as a fraction, and in units of cosmic variance (None for P(k))."""

    spectrum: str
    where: str
    fraction: float
    sigmas: float | None = None


@dataclass(frozen=True)
class Comparison:
    """modes: results by mode; networks: name and hash; refused: why networks do not cover the input, '' if they do;
    threads: OMP_NUM_THREADS; notes: on the input."""

    parameters: Parameters
    modes: dict[str, ModeResult]
    networks: str
    refused: str
    class_version: str
    threads: str
    notes: tuple[str, ...]

    def pairs(self) -> list[tuple[str, str]]:
        return [pair for pair in PAIRS if set(pair) <= self.modes.keys()]

    def errors(self, mode: str, truth: str) -> dict[str, Array]:
        """net/full - 1 against l; of TE, relative to sqrt(TT EE). Only spectra that do not vanish; none without C_l."""
        if not self.modes[truth].cl:
            return {}
        ours, theirs = (_Multipoles(self.modes[one].cl) for one in (mode, truth))
        return {name: relative_error(name, theirs, ours) for name in SPECTRA if name in self.modes[truth].cl}

    def sigmas(self, mode: str, truth: str) -> dict[str, Array]:
        """The same in units of the cosmic variance of one multipole, full sky and without noise."""
        if not self.modes[truth].cl:
            return {}
        variance = cosmic_variance(_Multipoles(self.modes[truth].cl))
        return {name: error / variance[name] for name, error in self.errors(mode, truth).items()}

    def chi2(self, mode: str, truth: str) -> float | None:
        """Wishart chi2 of TT, TE, EE; None if the input does not request all three."""
        if not {"tt", "te", "ee"} <= self.modes[truth].cl.keys():
            return None
        return wishart_chi2(_Multipoles(self.modes[truth].cl), _Multipoles(self.modes[mode].cl))

    def largest(self, mode: str, truth: str) -> list[LargestError]:
        """Largest errors by spectrum and range of l; of P(k) at each redshift, and of sigma8."""
        rows, sigmas = [], self.sigmas(mode, truth)
        for name, error in self.errors(mode, truth).items():
            ell = self.modes[truth].cl["ell"]
            for first, last in _ranges(int(ell[-1])):
                inside = (first <= ell) & (ell <= last)
                rows.append(LargestError(SPECTRA[name], f"l = {first} to {last}", float(np.abs(error[inside]).max()),
                                         float(np.abs(sigmas[name][inside]).max())))
        ours, theirs = self.modes[mode], self.modes[truth]
        for name, pk in theirs.pk.items():
            rows.append(LargestError(name, f"k to {theirs.k[-1]:.3g}/Mpc", float(np.abs(ours.pk[name] / pk - 1).max())))
        if ours.sigma8 is not None and theirs.sigma8 is not None:
            rows.append(LargestError("sigma8", "", abs(ours.sigma8 / theirs.sigma8 - 1)))
        return rows


class _Multipoles:
    """C_l by attribute, for the functions of accuracy.py; those that the input does not request have no meaning."""

    def __init__(self, cl: Mapping[str, Array]) -> None:
        self.ell, self.tt, self.te, self.ee, self.pp = (cl.get(name, cl["ell"]) for name in
                                                        ("ell", "tt", "te", "ee", "pp"))


def compare(parameters: Parameters, network: str | None, notes: tuple[str, ...] = ()) -> Comparison:
    """All modes of one input. CosmoSevereError or CosmoComputationError where full CLASS cannot compute it."""
    require_patched_classy()
    from classy import CosmoComputationError, CosmoSevereError
    from classy import __version__ as version

    networks, refused, modes = "", "", dict[str, ModeResult]()
    with progress("computing", 3) as advance:
        try:
            modes[NET], networks = _run({**parameters, **networks_on(network), **SAME_MODULES}, REPEATS)
        except (CosmoComputationError, CosmoSevereError) as error:
            if not is_refused(error):
                raise
            refused = str(error).strip()
        advance()
        for mode, options in ((FULL, SAME_MODULES), (STOCK, {})):
            modes[mode], _ = _run({**parameters, **options}, 1)
            advance()
    return Comparison(parameters, modes, networks, refused, str(version), os.environ.get("OMP_NUM_THREADS", "not set"),
                      notes)


def _run(parameters: Parameters, repeats: int) -> tuple[ModeResult, str]:
    """One mode, and the name and hash of its networks."""
    if repeats > 1:
        # loads tables and networks
        timed(parameters, ("lensing",))[0].empty()
    seconds: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for step in ("background", "thermodynamics"):
            model, times = timed(parameters, (step,))
            seconds.setdefault(step, []).extend(times)
            model.empty()
    for number in range(repeats):
        model, times = timed(parameters, SUCCESSIVE)
        for step, value in zip(SUCCESSIVE, times, strict=True):
            seconds.setdefault(step, []).append(value)
        if number < repeats - 1:
            model.empty()
    median = {step: statistics.median(values) for step, values in seconds.items()}
    rows = {row: sum(median[step] for step in plus) - sum(median[step] for step in minus)
            for row, (plus, minus) in STEPS.items()}
    try:
        info = model.neural_network_info()
        return (ModeResult(rows, _cl(model), *_matter(model, parameters)),
                f"{info['name']}, hash {info['hash'][:12]}" if info.get("used") else "")
    finally:
        model.empty()


def _cl(model: Any) -> dict[str, Array]:
    """C_l from l = 2, lensed if possible; empty without C_l in the output."""
    from classy import CosmoSevereError

    for read in (model.lensed_cl, model.raw_cl):
        try:
            found = read()
        except CosmoSevereError:
            continue
        return {name: np.asarray(values[2:], dtype=float) for name, values in found.items()
                if name == "ell" or (name in SPECTRA and np.any(values))}
    return {}


def _matter(model: Any, parameters: Parameters) -> tuple[Array, dict[str, Array], float | None]:
    if "mpk" not in str(parameters["output"]).lower():
        return np.zeros(0), {}, None
    k_max = float(parameters.get("P_k_max_1/Mpc", float(parameters.get("P_k_max_h/Mpc", 1.0)) * model.h()))
    # without the end, where two interpolations differ
    k = np.geomspace(K_MIN, 0.95 * k_max, K_NUMBER)
    redshifts = [float(z) for z in str(parameters.get("z_pk", "0")).split(",")]
    last = max([*redshifts, float(parameters.get("z_max_pk", 0.0))])
    found = {}
    for z in sorted({0.0, last}):
        for name, non_linear in (("linear P(k)", False), ("non-linear P(k)", True)):
            if non_linear and str(parameters.get("non_linear", "none")).strip().lower() in ("", "none", "no"):
                continue
            found[f"{name}, z = {z:g}"] = np.asarray(model.get_pk_array(k, np.array([z]), k.size, 1, non_linear))
    return k, found, float(model.sigma8())


def _ranges(l_max: int) -> list[tuple[int, int]]:
    """l = 2 to 29, 30 to 799, and so on up to l_max."""
    starts = [2, *(end for end in L_ENDS if end <= l_max)]
    return list(zip(starts, [*(start - 1 for start in starts[1:]), l_max], strict=True))
