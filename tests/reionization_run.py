"""Compare EE and TT of networks with full CLASS for random histories of reionisation.

    python tests/reionization_run.py NETWORK [FIRST [LAST]]   100 histories; a line each, the largest errors at the end

Full CLASS has the precision of the networks' training. Both modes have the same background, thermal history and line of
sight, so that sources alone differ. Errors are relative, and for EE also in units of cosmic variance: the largest
relative ones lie where EE is smallest, between the signal of reionisation and that of recombination. Histories that
networks do not cover are counted, with the reason.
"""
from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from classy import Class, CosmoComputationError, CosmoSevereError
from numpy.typing import NDArray

from cosmicnet.store import read_manifest
from cosmicnet.training.work.run_class import networks_on

Array = NDArray[np.float64]

SEED, L_MIN, L_MAX = 26, 2, 100
# Few wavenumbers, which CLASS integrates in a second.
SAME: dict[str, Any] = {"output": "tCl,pCl", "l_max_scalars": 120, "fast_background": "yes",
                        "fast_line_of_sight": "yes", "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}


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


def spectra(settings: dict[str, Any]) -> dict[str, Array]:
    model = Class()
    model.set(settings)
    try:
        model.compute()
        found = model.raw_cl(L_MAX)
        return {name: found[name][L_MIN:] for name in ("tt", "ee")}
    finally:
        model.empty()


def main(network: str, first: int = 0, last: int = 100) -> int:
    warnings.simplefilter("ignore")
    same = {**SAME, **read_manifest(network).precision_settings}
    worst: list[tuple[float, float, float]] = []
    cosmic_variance = np.sqrt(2.0 / (2.0 * np.arange(L_MIN, L_MAX + 1) + 1.0))
    for index in range(first, last):
        random = np.random.default_rng([SEED, index])
        cosmology = {"omega_b": random.uniform(0.0205, 0.0245), "omega_cdm": random.uniform(0.10, 0.14),
                     "H0": random.uniform(60.0, 76.0), **history(random)}
        said = ", ".join(f"{name} {value if isinstance(value, str) else format(value, '.4g')}"
                         for name, value in cosmology.items())
        try:
            net = spectra({**same, **cosmology, **networks_on(network)})
            full = spectra({**same, **cosmology})
        except (CosmoComputationError, CosmoSevereError) as error:
            print(f"{index} refused: {str(error).strip().splitlines()[-1][-150:]}: {said}", flush=True)
            continue
        error = {name: np.abs(net[name] / full[name] - 1.0) for name in full}
        worst.append((float(error["tt"].max()), float(error["ee"].max()), float((error["ee"] / cosmic_variance).max())))
        print(f"{index} TT {worst[-1][0]:.1e}, EE {worst[-1][1]:.1e} at l = {int(np.argmax(error['ee'])) + L_MIN}, "
              f"{worst[-1][2]:.1e} of cosmic variance: {said}", flush=True)
    for name, values in zip(("TT", "EE", "EE in cosmic variance"), np.array(worst).reshape(-1, 3).T, strict=True):
        print(f"{name}: {len(values)} of {last - first} histories, median {np.median(values):.1e}, "
              f"95% {np.quantile(values, 0.95):.1e}, worst {values.max():.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
