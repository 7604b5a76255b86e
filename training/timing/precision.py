"""Accuracy of CLASS's default precision, of a block of fine settings, and of networks, against converged CLASS."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.files import write_whole
from cosmicnet.manifest import Manifest
from cosmicnet.store import DEFAULT_SET, read_manifest

from ..evaluate.accuracy import relative_error, wishart_chi2
from ..evaluate.boxes import PLANCK_POSTERIOR, Posterior
from ..evaluate.domain import unseen_points
from ..evaluate.noise import SIMONS_OBSERVATORY
from ..work.cached_results import cached
from ..work.numbers import T_CMB_MUK
from ..work.parallel import ended, single_threaded_pool
from ..work.run_class import Parameters, networks_on, new_class, require_patched_classy
from .measured_with import measured_with

__all__ = ["PrecisionErrors", "PrecisionSettings", "compare_precisions", "points_of", "write_precision"]

Array = NDArray[np.float64]

SEED = 180706213
L_MAX = 9000
REDSHIFTS: Array = np.array([0.0, 1.0])
# h/Mpc; CLASS has P(k) up to the last one
WAVENUMBERS: Array = np.geomspace(1e-4, 99.0, 400)
HIGH_L: Parameters = {
    "output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 9500, "P_k_max_h/Mpc": 100, "z_max_pk": 1.0,
    "non_linear": "hmcode", "hmcode_version": 2020}
# CLASS's own margin is a third of l_max, or half of it with accurate_lensing.
MARGIN: Parameters = {"delta_l_max": 2500, "accurate_lensing": 1}
# Settings published for the Atacama Cosmology Telescope's data release 6 (arXiv:2503.14454).
ACT_DR6: Parameters = {
    "delta_l_max": 1800, "recombination": "HyRec", "T_cmb": 2.7255, "l_logstep": 1.025, "l_linstep": 20,
    "perturbations_sampling_stepsize": 0.05, "l_switch_limber": 30, "hyper_sampling_flat": 32, "l_max_g": 40,
    "l_max_ur": 35, "l_max_pol_g": 60, "l_max_ncdm": 30, "ur_fluid_approximation": 2,
    "ur_fluid_trigger_tau_over_tau_k": 130, "radiation_streaming_approximation": 2,
    "radiation_streaming_trigger_tau_over_tau_k": 240, "hyper_flat_approximation_nu": 7000,
    "transfer_neglect_delta_k_S_t0": 0.17, "transfer_neglect_delta_k_S_t1": 0.05, "transfer_neglect_delta_k_S_t2": 0.17,
    "transfer_neglect_delta_k_S_e": 0.17, "accurate_lensing": 1, "start_small_k_at_tau_c_over_tau_h": 0.0004,
    "start_large_k_at_tau_h_over_tau_k": 0.05, "tight_coupling_trigger_tau_c_over_tau_h": 0.005,
    "tight_coupling_trigger_tau_c_over_tau_k": 0.008, "start_sources_at_tau_c_over_tau_h": 0.006,
    "tol_ncdm_synchronous": 1e-6}
# Sampling of the truth, beside the precision of the networks' training.
FINEST: Parameters = {**MARGIN, **SAME_MODULES, "perturbations_sampling_stepsize": 0.05, "l_linstep": 20,
                    "l_logstep": 1.025, "k_step_sub": 0.03, "k_step_super": 0.001, "k_per_decade_for_pk": 30,
                    "k_per_decade_for_bao": 100, "q_logstep_limber": 1.005}
WIDE = "standard"
# Networks and cosmologies by the title of a table; None for the whole domain of the networks.
BOXES: Mapping[str, tuple[str, Posterior | None]] = {
    f"{PLANCK_POSTERIOR.title}, networks `{DEFAULT_SET}`": (DEFAULT_SET, PLANCK_POSTERIOR),
    f"whole domain of the networks `{WIDE}`": (WIDE, None)}
NETWORKS, NETWORKS_ACT = "networks", "the block of ACT DR6 and networks"
TRUTH = "converged CLASS"
WAYS: dict[str, Parameters] = {"CLASS, default": {}, "CLASS, the block of ACT DR6": ACT_DR6,
                               NETWORKS_ACT: ACT_DR6, NETWORKS: MARGIN}

BANDS = {"l 2-29": (2, 30), "30-2508": (30, 2509), "2509-5000": (2509, 5001), "5001-7000": (5001, 7001),
         "7001-9000": (7001, L_MAX + 1)}
BANDS_OF_K = {"k to 1 h/Mpc": (0.0, 1.0), "1-10": (1.0, 10.0), "10-99": (10.0, 100.0)}
SPECTRA = {"tt": "TT", "te": "TE over sqrt(TT EE)", "ee": "EE", "bb": "BB", "pp": "phi phi"}
OF_MATTER = {"linear": "linear P(k)", "non_linear": "non-linear P(k)"}
# multipoles and their largest of an experiment on the ground
OBSERVED = slice(30 - 2, 8501 - 2)
CHI2, CHI2_OBSERVED = "Wishart chi2, l to 2508", "chi2 with the noise of the Simons Observatory, l 30-8500"
PLANCK_SIZED = slice(0, 2509 - 2)


@dataclass(frozen=True)
class PrecisionSettings:
    """models: cosmologies of Planck's posterior, and of the whole domain of WIDE. cache: folder of CLASS's results.
    processes: models at a time."""

    output: Path
    cache: Path
    models: tuple[int, int]
    processes: int


@dataclass(frozen=True)
class Computed:
    """Lensed C_l from l = 2 to L_MAX without l(l+1), in units of T_cmb^2, and of the lensing potential (pp); P(k) in
    Mpc^3, shape (REDSHIFTS, WAVENUMBERS). seconds: processor time."""

    ell: Array
    tt: Array
    te: Array
    ee: Array
    bb: Array
    pp: Array
    linear: Array
    non_linear: Array
    seconds: Array


@dataclass(frozen=True)
class PrecisionErrors:
    """Largest errors of one way for one cosmology, by spectrum and band, the two chi2, and seconds of one core."""

    errors: Mapping[str, Mapping[str, float]]
    chi2: Mapping[str, float]
    seconds: float


def compute(settings: Parameters) -> Computed:
    model, start = new_class({**HIGH_L, **settings}), process_time()
    model.compute()
    seconds = process_time() - start
    try:
        found = model.lensed_cl(L_MAX)
        k = WAVENUMBERS * model.h()
        linear, non_linear = (model.get_pk_array(k, REDSHIFTS, k.size, REDSHIFTS.size, is_non_linear)
                              .reshape(REDSHIFTS.size, k.size) for is_non_linear in (False, True))
        return Computed(ell=found["ell"][2:].astype(float), **{name: found[name][2:] for name in SPECTRA},
                        linear=linear, non_linear=non_linear, seconds=np.array(seconds))
    finally:
        model.empty()


def _cached(settings: Parameters, folder: Path) -> Computed:
    """CLASS's own results take minutes."""
    return cached(Computed, {"settings": {**HIGH_L, **settings}, "l_max": L_MAX}, folder, lambda: compute(settings))


def errors_of_ways(
    cosmology: Parameters, network: str, precision: Parameters, cache: Path
) -> dict[str, PrecisionErrors]:
    """Errors of all WAYS for one cosmology. precision: that of the truth."""
    truth = _cached({**cosmology, **precision, **FINEST}, cache)
    found = {}
    for way, settings in WAYS.items():
        # the block of ACT DR6 has a temperature and a recombination code, which a cosmology may have as well
        settings = {**settings, **cosmology}
        if way in (NETWORKS, NETWORKS_ACT):
            model = compute({**settings, **networks_on(network)})
        else:
            model = _cached(settings, cache)
        found[way] = errors_between(truth, model)
    return {**found, TRUTH: PrecisionErrors({}, {}, float(truth.seconds))}


def errors_between(truth: Computed, model: Computed) -> PrecisionErrors:
    errors = {}
    for name in SPECTRA:
        error = np.abs(relative_error(name, truth, model))
        errors[name] = {band: float(error[(truth.ell >= first) & (truth.ell < end)].max())
                        for band, (first, end) in BANDS.items()}
    for name in OF_MATTER:
        # closed space has no modes beyond its radius of curvature
        has_modes = (getattr(truth, name) > 0.0).all(axis=0)
        at, (true, found) = WAVENUMBERS[has_modes], (getattr(one, name)[:, has_modes] for one in (truth, model))
        error = np.abs(found / true - 1.0).max(axis=0)
        errors[name] = {band: float(error[(low <= at) & (high > at)].max())
                        for band, (low, high) in BANDS_OF_K.items()}
    noisy_truth, noisy = (_observed(spectra) for spectra in (truth, model))
    chi2 = {CHI2: wishart_chi2(_cut(truth, PLANCK_SIZED), _cut(model, PLANCK_SIZED)),
            CHI2_OBSERVED: SIMONS_OBSERVATORY.sky_fraction * wishart_chi2(noisy_truth, noisy)}
    return PrecisionErrors(errors, chi2, float(model.seconds))


def _cut(spectra: Computed, multipoles: slice) -> Computed:
    return replace(spectra, **{name: getattr(spectra, name)[multipoles] for name in ("ell", "tt", "te", "ee", "pp")})


def _observed(spectra: Computed) -> Computed:
    """With the noise of the Simons Observatory, at its multipoles."""
    cut = _cut(spectra, OBSERVED)
    return replace(cut, **{name: getattr(cut, name) + SIMONS_OBSERVATORY.noise(name, cut.ell) / T_CMB_MUK**2
                           for name in ("tt", "ee")})


def points_of(manifest: Manifest, number: int, box: Posterior | None) -> list[dict[str, Any]]:
    """Cosmologies that no training saw: of a posterior, or of the whole domain of the networks."""
    return unseen_points(manifest, number, SEED) if box is None else replace(box, seed=SEED).points(number)


def compare_precisions(settings: PrecisionSettings) -> None:
    """Measure, and write precision.md, even if the run is interrupted."""
    require_patched_classy()
    settings.cache.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, PrecisionErrors]]] = {title: [] for title in BOXES}
    with single_threaded_pool(settings.processes) as pool:
        futures: dict[Future[dict[str, PrecisionErrors]], str] = {}
        for (title, (network, box)), number in zip(BOXES.items(), settings.models, strict=True):
            manifest = read_manifest(network)
            one = partial(errors_of_ways, network=network, precision=manifest.precision_settings,
                          cache=settings.cache.resolve())
            futures |= {pool.submit(one, cosmology): title for cosmology in points_of(manifest, number, box)}
        try:
            for title, future in ended(futures):
                found[title].append(future.result())
                print(f"{title}: {len(found[title])} done")
        finally:
            write_precision(found, settings.output)


def write_precision(found: Mapping[str, Sequence[Mapping[str, PrecisionErrors]]], folder: Path) -> None:
    """precision.md, of the boxes that have models."""
    fine = ", ".join(f"{name} {value}" for name, value in FINEST.items() if name not in SAME_MODULES)
    lines = ["# Which precision is enough?", "", f"""\
Written by `cosmicnet precision`; do not edit. Each table compares four ways of computing lensed spectra to l = {L_MAX}
and P(k) to 100 h/Mpc (HMcode 2020) with converged CLASS, for cosmologies that no training used. A cell has two
numbers: the largest error in a band of l or k of the median cosmology, and that of the worst one.

- **CLASS, default**: CLASS's own modules at default precision.
- **CLASS, the block of ACT DR6**: CLASS's own modules with the settings that ACT published with its data release 6
  (arXiv:2503.14454). Their margin in l (`delta_l_max` 1800) ends the lensing too early: EE is off by 0.1% from
  l = 8100 on.
- **the block of ACT DR6 and networks**: these settings with networks and the fast modules.
- **networks**: networks and the fast modules with `delta_l_max` 2500 and `accurate_lensing`; no other precision
  parameter is set.

Converged CLASS has the precision of the networks' training (`cosmicnet info`), the fast line of sight, and
{fine}.
Converged CLASS and networks have the same margin in l, whose error does not show: with `delta_l_max` 5500 in place of
2500, TT and EE change by 4e-4 and 8e-4 up to l = 8500 and by 1.5e-3 and 3e-3 up to 9000; with 3500, by less than 3e-4.
[margins.md](margins.md) shows which margins in l and in k other requests need.

{measured_with(*(BOXES[title][0] for title, models in found.items() if models))}
"""]
    for title, models in found.items():
        if models:
            lines += [f"## {title[0].upper()}{title[1:]}", "", f"Cosmologies: {len(models)}.", "", *_tables(models), ""]
    write_whole({folder / "precision.md": "\n".join(lines)})


def _tables(models: Sequence[Mapping[str, PrecisionErrors]]) -> list[str]:
    ways = list(WAYS)
    lines = [f"| | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for name in (CHI2, CHI2_OBSERVED):
        lines.append(_row(name, [[m[way].chi2[name] for m in models] for way in ways]))
    for name, title in {**SPECTRA, **OF_MATTER}.items():
        for band in BANDS if name in SPECTRA else BANDS_OF_K:
            lines.append(_row(f"{title}, {band}", [[m[way].errors[name][band] for m in models] for way in ways]))
    seconds = {way: float(np.median([m[way].seconds for m in models])) for way in (*ways, TRUTH)}
    lines.append(f"| seconds of one core | {' | '.join(f'{seconds[way]:.3g}' for way in ways)} |")
    return [*lines, "", f"Converged CLASS takes {seconds[TRUTH]:.0f} s."]


def _row(name: str, columns: Sequence[Sequence[float]]) -> str:
    cells = (f"{np.median(values):.1e}, {max(values):.1e}" for values in columns)
    return f"| {name} | {' | '.join(cells)} |"
