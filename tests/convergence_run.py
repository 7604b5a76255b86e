"""Is the truth of docs/precision.md converged?

    python tests/convergence_run.py   a table for each of two cosmologies; a quarter of an hour of one core

Each group of settings is made twice as fine once, and the largest changes of lensed spectra and linear P(k) are
printed. Results of CLASS are kept in runs/convergence, so that an interrupted run goes on.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.store import read_manifest
from cosmicnet.training.timing.precision import FINEST
from cosmicnet.training.work.cached_results import cached
from cosmicnet.training.work.run_class import new_class

Array = NDArray[np.float64]

CACHE = Path("runs/convergence")
L_MAX, K_MAX = 2508, 5.0
REQUEST: dict[str, Any] = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": L_MAX,
                           "P_k_max_1/Mpc": 1.2 * K_MAX, **FINEST, "delta_l_max": 1250}
COSMOLOGIES: dict[str, dict[str, Any]] = {
    "massless neutrinos, H0 62": {"omega_b": 0.0215, "omega_cdm": 0.127, "H0": 62.0, "tau_reio": 0.07, "N_ur": 3.044},
    "a mass of 0.3 eV, w0 -0.8, wa -0.6, Omega_k 0.02": {
        "omega_b": 0.0228, "omega_cdm": 0.117, "H0": 68.0, "tau_reio": 0.05, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.3,
        "Omega_Lambda": 0.0, "w0_fld": -0.8, "wa_fld": -0.6, "Omega_k": 0.02}}
# Settings that are doubled or halved, and pairs of a step near 1 that is halved.
TWICE = {"hierarchies, streaming and fluids": (
    "l_max_g", "l_max_pol_g", "l_max_ur", "l_max_ncdm",
    "radiation_streaming_trigger_tau_over_tau_k", "radiation_streaming_trigger_tau_c_over_tau",
    "ur_fluid_trigger_tau_over_tau_k", "ncdm_fluid_trigger_tau_over_tau_k")}
HALF = {
    "tight coupling, starts": (
        "start_small_k_at_tau_c_over_tau_h", "start_large_k_at_tau_h_over_tau_k", "start_sources_at_tau_c_over_tau_h",
        "tight_coupling_trigger_tau_c_over_tau_h", "tight_coupling_trigger_tau_c_over_tau_k"),
    "tolerances": ("tol_perturbations_integration", "tol_ncdm_bg", "tol_ncdm_synchronous", "tol_thermo_integration"),
    "times": ("perturbations_sampling_stepsize",),
    "wavenumbers": ("k_step_sub", "k_step_super", "q_logstep_limber"),
    "multipoles": ("l_linstep", "l_logstep")}
BANDS = {"l 2-29": slice(0, 28), "30-2508": slice(28, L_MAX - 1)}


@dataclass(frozen=True)
class Computed:
    """Lensed C_l from l = 2, C_l of the lensing potential (pp), linear P(k)."""

    tt: Array
    te: Array
    ee: Array
    pp: Array
    pk: Array


def compute(settings: dict[str, Any]) -> Computed:
    model = new_class(settings)
    model.compute()
    found = model.lensed_cl(L_MAX)
    pk = np.array([model.pk_lin(k, 0.0) for k in np.geomspace(1e-3, K_MAX, 200)])
    return Computed(**{name: found[name][2:] for name in ("tt", "te", "ee", "pp")}, pk=pk)


def changes(one: Computed, other: Computed) -> list[str]:
    """The largest relative changes; of TE relative to sqrt(TT EE)."""
    envelope = {"tt": one.tt, "te": np.sqrt(one.tt * one.ee), "ee": one.ee, "pp": one.pp}
    cells = [f"{np.abs((getattr(other, name) - getattr(one, name))[band] / norm[band]).max():.1e}"
             for name, norm in envelope.items() for band in BANDS.values()]
    return [*cells, f"{np.abs(other.pk / one.pk - 1.0).max():.1e}"]


def finer(settings: dict[str, Any], name: str, by: float) -> float:
    """A step near 1 is a ratio of neighbours."""
    value = float(settings[name])
    return 1.0 + (value - 1.0) * by if name in ("l_logstep", "q_logstep_limber") else value * by


def main() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    precision = read_manifest("standard").precision_settings

    def found(settings: dict[str, Any]) -> Computed:
        return cached(Computed, {"settings": settings, "k_max": K_MAX}, CACHE, lambda: compute(settings))

    for title, cosmology in COSMOLOGIES.items():
        truth = {**REQUEST, **precision, **cosmology}
        columns = [f"{name} {band}" for name in ("TT", "TE", "EE", "phi phi") for band in BANDS]
        print(f"\n{title}\n\n| twice as fine | {' | '.join(columns)} | P(k) to {K_MAX:g}/Mpc |")
        print("|---" * (len(columns) + 2) + "|")
        for groups, by in ((TWICE, 2.0), (HALF, 0.5)):
            for group, names in groups.items():
                settings = {**truth, **{name: finer(truth, name, by) for name in names}}
                print(f"| {group} | {' | '.join(changes(found(truth), found(settings)))} |", flush=True)


if __name__ == "__main__":
    main()
