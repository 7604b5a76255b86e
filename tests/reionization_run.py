"""Compare EE and TT of networks with full CLASS for random histories of reionisation.

    python tests/reionization_run.py NETWORK [FIRST [LAST]]   100 histories; a line each, a table at the end

The truth is full CLASS at the precision of the networks' training. For comparison with the error that CLASS itself
makes, full CLASS at its default precision is measured against the same truth. All have the same background, thermal
history and line of sight, so that sources alone differ. Every fourth history has a massive neutrino species.

Errors are the largest at l = 2 to 100: relative, and for EE also in units of cosmic variance, since the largest
relative ones lie where EE is smallest, between the signal of reionisation and that of recombination. Histories that
networks do not cover are counted, with the reason. Results of full CLASS are kept in runs/reionization, so that an
interrupted run goes on.
"""
from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from classy import CosmoComputationError, CosmoSevereError
from numpy.typing import NDArray

from cosmicnet.store import read_manifest
from cosmicnet.training.work.cached_results import cached
from cosmicnet.training.work.run_class import is_refused, networks_on, new_class

Array = NDArray[np.float64]

SEED, L_MIN, L_MAX = 26, 2, 100
CACHE = Path("runs/reionization")
# Few wavenumbers, which CLASS integrates in a second.
SAME: dict[str, Any] = {"output": "tCl,pCl", "l_max_scalars": 120, "fast_background": "yes",
                        "fast_line_of_sight": "yes"}
MASSLESS: dict[str, Any] = {"N_ur": 3.044}
MASSIVE: dict[str, Any] = {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}
COSMIC_VARIANCE = np.sqrt(2.0 / (2.0 * np.arange(L_MIN, L_MAX + 1) + 1.0))


@dataclass(frozen=True)
class Multipoles:
    """Unlensed C_l from L_MIN to L_MAX."""

    tt: Array
    ee: Array


@dataclass(frozen=True)
class Errors:
    """The largest: relative ones of TT and EE, the multipole of the latter, and that of EE in cosmic variance."""

    tt: float
    ee: float
    at: int
    sigmas: float

    @classmethod
    def of(cls, found: Multipoles, truth: Multipoles) -> Errors:
        tt, ee = (np.abs(getattr(found, name) / getattr(truth, name) - 1.0) for name in ("tt", "ee"))
        return cls(float(tt.max()), float(ee.max()), int(ee.argmax()) + L_MIN, float((ee / COSMIC_VARIANCE).max()))


def numbers(values: Array) -> str:
    return ",".join(f"{value:.4f}" for value in values)


def history(random: np.random.Generator) -> dict[str, Any]:
    """Parameters of one of CLASS's parametrisations; optical depths to 0.2, widths from 0.05."""
    width = float(np.exp(random.uniform(np.log(0.05), np.log(2.0))))
    kind = str(random.choice(["reio_camb", "reio_half_tanh", "reio_bins_tanh", "reio_many_tanh", "reio_inter"],
                             p=[0.4, 0.2, 0.15, 0.15, 0.1]))
    if kind == "reio_camb":
        more: dict[str, Any] = {"tau_reio": random.uniform(0.02, 0.2), "reionization_width": width,
                                "reionization_exponent": random.uniform(1.0, 2.0),
                                "helium_fullreio_redshift": random.uniform(2.5, 4.5)}
    elif kind == "reio_half_tanh":
        more = {"tau_reio": random.uniform(0.02, 0.2), "reionization_width": width}
    elif kind == "reio_bins_tanh":
        more = {"binned_reio_num": 3, "binned_reio_z": numbers(random.uniform(6.0, 9.0) + np.array([0.0, 4.0, 8.0])),
                "binned_reio_xe": numbers(np.sort(random.uniform(0.02, 0.95, 3))[::-1]),
                "binned_reio_step_sharpness": random.uniform(0.1, 0.6)}
    elif kind == "reio_many_tanh":
        more = {"many_tanh_num": 3, "many_tanh_z": numbers(np.sort(random.uniform(3.5, 20.0, 3))),
                "many_tanh_xe": numbers(np.array([-2.0, -1.0, random.uniform(0.05, 0.6)])), "many_tanh_width": width}
    else:
        middle = np.sort(random.uniform(0.05, 0.9, 2))[::-1]
        more = {"reio_inter_num": 6, "reio_inter_z": "0,3,6,9,13,20",
                "reio_inter_xe": numbers(np.array([-2.0, -2.0, -1.0, *middle, 0.0]))}
    return {"reio_parametrization": kind, **more}


def spectra(settings: dict[str, Any]) -> Multipoles:
    model = new_class(settings)
    try:
        model.compute()
        found = model.raw_cl(L_MAX)
        return Multipoles(found["tt"][L_MIN:], found["ee"][L_MIN:])
    finally:
        model.empty()


def full_class(settings: dict[str, Any]) -> Multipoles:
    return cached(Multipoles, settings, CACHE, lambda: spectra(settings))


def row(kind: str, refused: int, errors: list[tuple[Errors, Errors]]) -> str:
    """A row of the table: of the networks, then of CLASS at its default precision."""
    if not errors:
        return f"| {kind} | 0 | {refused} | | | | | |"
    ours, default = zip(*errors, strict=True)
    ee, theirs = (np.array([one.ee for one in side]) for side in (ours, default))
    return (f"| {kind} | {len(errors)} | {refused} | {max(one.tt for one in ours):.2%} | {np.median(ee):.2%} | "
            f"{np.quantile(ee, 0.95):.2%} | {ee.max():.2%}, {max(one.sigmas for one in ours):.1%} | "
            f"{np.median(theirs):.2%}, {theirs.max():.2%} |")


def main(network: str, first: int = 0, last: int = 100) -> int:
    warnings.simplefilter("ignore")
    precision = read_manifest(network).precision_settings
    found: dict[str, list[tuple[Errors, Errors]]] = {}
    refused: dict[str, int] = {}
    for index in range(first, last):
        random = np.random.default_rng([SEED, index])
        cosmology = {"omega_b": random.uniform(0.0205, 0.0245), "omega_cdm": random.uniform(0.10, 0.14),
                     "H0": random.uniform(60.0, 76.0), **history(random)}
        kind = str(cosmology["reio_parametrization"])
        settings = {**SAME, **(MASSLESS if index % 4 else MASSIVE), **cosmology}
        said = ", ".join(f"{name} {value if isinstance(value, str) else format(value, '.4g')}"
                         for name, value in cosmology.items())
        try:
            net = spectra({**settings, **precision, **networks_on(network)})
        except (CosmoComputationError, CosmoSevereError) as error:
            if not is_refused(error):
                raise
            refused[kind] = refused.get(kind, 0) + 1
            print(f"{index} refused: {str(error).strip().splitlines()[-1][-150:]}: {said}", flush=True)
            continue
        truth = full_class({**settings, **precision})
        ours, default = Errors.of(net, truth), Errors.of(full_class(settings), truth)
        found.setdefault(kind, []).append((ours, default))
        print(f"{index} TT {ours.tt:.1e}, EE {ours.ee:.1e} at l = {ours.at}, {ours.sigmas:.1e} of cosmic variance; "
              f"default CLASS TT {default.tt:.1e}, EE {default.ee:.1e} at l = {default.at}: {said}", flush=True)
    print(f"\n{network}, histories {first} to {last - 1}\n")
    print("| reio_parametrization | histories | refused | TT, worst | EE, median | EE, 95% "
          "| EE, worst, in cosmic variance | default CLASS: EE, median, worst |\n|---|---|---|---|---|---|---|---|")
    for kind in sorted({*found, *refused}):
        print(row(kind, refused.get(kind, 0), found.get(kind, [])))
    print(row("all", sum(refused.values()), [pair for pairs in found.values() for pair in pairs]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
