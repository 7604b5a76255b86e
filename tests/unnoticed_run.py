"""Search CLASS's input for requests that change the sources without being noticed.

    python tests/unnoticed_run.py [NAME ...]     all names that CLASS reads take some ten minutes

Each name that CLASS reads is set, one after the other, to values that matter, beside a cosmology that each shipped set
covers. A request that networks answer is compared with full CLASS at low l and k; one that differs is printed as
UNNOTICED, and the exit status is the number of those.
"""
from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from classy import Class, CosmoComputationError, CosmoSevereError

from cosmicnet.class_parameters import CLASS_PARAMETERS
from cosmicnet.coverage import why_not_covered
from cosmicnet.request import at_request
from cosmicnet.running_class import running_class
from cosmicnet.store import load_network_set
from cosmicnet.training.recipe.class_names import known_settings

Parameters = Mapping[str, Any]

COMMON: dict[str, Any] = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.0, "tau_reio": 0.055, "N_ncdm": 1}
BASES: dict[str, dict[str, Any]] = {
    "lcdm": {**COMMON, "N_ur": 2.0308, "m_ncdm": 0.06},
    "standard": {**COMMON, "N_ur": 0.00641, "m_ncdm": 0.05, "deg_ncdm": 3, "Omega_Lambda": 0, "w0_fld": -0.9,
                 "wa_fld": -0.2, "use_ppf": "yes"},
}
# Few wavenumbers, which CLASS integrates in a second.
SMALL: dict[str, Any] = {"output": "tCl,pCl,mPk", "l_max_scalars": 120, "P_k_max_1/Mpc": 0.1,
                         "fast_line_of_sight": "yes"}
L_MIN, L_MAX, K = 2, 100, np.geomspace(1e-3, 0.08, 12)
# Relative, several times the networks' own error at these l and k.
TOLERANCE = 8e-3

# Words and lists that a parameter takes; numbers are tried for all others.
VALUES: dict[str, tuple[Any, ...]] = {
    "gauge": ("newtonian",), "recombination": ("recfast",), "ic": ("cdi", "ad,cdi"), "modes": ("s,t", "t"),
    "reio_parametrization": ("reio_half_tanh", "reio_none"), "temperature_contributions": ("tsw,pol",),
    "temperature contributions": ("eisw,lisw",), "fluid_equation_of_state": ("EDE",), "YHe": (0.22, 0.29),
    "varying_fundamental_constants": ("instantaneous",), "matter_source_in_current_gauge": ("yes",),
    "perturbed_recombination": ("yes",), "perturbed recombination": ("yes",), "hierarchy": ("tam",),
    "recfast_photoion_dependence": ("Trad",), "Omega_k": (0.01, -0.02), "Omega_Lambda": (0.3, 0.6), "Omega_fld": (0.3,),
    "m_ncdm": (0.0, 0.3), "deg_ncdm": (1, 2.5), "T_ncdm": (0.5, 0.75), "ksi_ncdm": (0.5,), "N_ncdm": (0,),
    "ncdm_quadrature_strategy": (3,), "Quadrature strategy": (3,), "use_ppf": ("no",), "tau_reio": (0.03, 0.15),
    "z_reio": (6.0, 20.0), "reionization_width": (0.2, 2.0), "Omega_scf": (0.1,), "N_dg": (0.5,), "evolver": (0,),
    "H0": (60.0, 75.0), "h": (0.6,), "100*theta_s": (1.03,), "omega_m": (0.14,), "Omega_m": (0.3,),
}
NUMBERS = (0.5, 2.0, "yes", 1e-2)

# Settings of CLASS's printed and written output.
OF_FILES = ("write", "root", "overwrite_root", "base_path", "headers", "format", "command", "NAME")

# Parameters without which CLASS does not read others, tried in this order.
CONTEXTS: tuple[dict[str, Any], ...] = (
    {}, {"non_linear": "hmcode"}, {"lensing": "yes", "output": "tCl,pCl,lCl,mPk"},
    {"f_idm": 0.1, "m_idm": 1e9}, {"N_idr": 0.3, "f_idm": 0.1, "m_idm": 1e9},
    {"varying_fundamental_constants": "instantaneous"}, {"omega_dcdmdr": 0.01, "omega_cdm": 0.11, "Gamma_dcdm": 20.0},
    {"DM_annihilation_efficiency": 1e-6}, {"DM_decay_fraction": 0.1, "DM_decay_Gamma": 1e-17},
    {"PBH_evaporation_fraction": 1e-6, "PBH_evaporation_mass": 1e15},
    {"fluid_equation_of_state": "EDE", "Omega_EDE": 0.03}, {"modes": "s,t"}, {"output": "sd"},
)


@dataclass(frozen=True)
class Outcome:
    """The outcome for one value: 'refused' by the networks, 'same', 'finer' or 'unnoticed', 'rejected' by CLASS."""

    what: str
    detail: str = ""


def settings_of(base: Parameters, changes: Parameters) -> dict[str, Any]:
    """One cosmology with changes; other spellings of the changed parameters are removed."""
    same = ({"H0", "h", "100*theta_s", "theta_s_100"}, {"omega_b", "Omega_b"}, {"tau_reio", "z_reio"},
            {"omega_cdm", "Omega_cdm", "omega_m", "Omega_m"}, {"N_ur", "N_eff", "Neff", "Omega_ur", "omega_ur"},
            {"Omega_Lambda", "Omega_fld"})
    left_out = {name for names in same if not names.isdisjoint(changes) for name in names}
    if changes.get("reio_parametrization") == "reio_none":
        left_out.add("tau_reio")
    return {**{name: value for name, value in {**base, **SMALL}.items() if name not in left_out}, **changes}


def spectra(settings: Parameters) -> dict[str, Any]:
    """Unlensed TT, EE and linear P(k)."""
    model = Class()
    model.set(dict(settings))
    model.compute()
    found = model.raw_cl(L_MAX)
    result = {name: found[name][L_MIN:] for name in ("tt", "ee")}
    result["P"] = np.array([model.pk_lin(k, 0.0) for k in K])
    model.empty()
    return result


def outcome(base: str, name: str, value: Any) -> Outcome:
    """Try the value in the first context in which CLASS reads it."""
    networks = load_network_set(base)
    said = ""
    for context in CONTEXTS:
        settings = settings_of(BASES[base], {**context, name: value})
        try:
            reasons = at_request(settings, lambda r: list(why_not_covered(r, networks, running_class())))
        except (CosmoSevereError, CosmoComputationError) as error:
            said = str(error).strip().splitlines()[-1][:100]
            if "incomprehensible" in said:
                break
            continue
        if reasons is None:
            return Outcome("same", "no sources")
        if not reasons and name in networks.manifest.precision and CLASS_PARAMETERS[name].finer:
            return Outcome("finer", "answered with the networks' own precision")
        return Outcome("refused", reasons[0]) if reasons else _compared(settings, base)
    return Outcome("rejected", said)


def _compared(settings: Parameters, base: str) -> Outcome:
    try:
        full = spectra(settings)
        net = spectra({**settings, "neural_network": "yes", "neural_network_path": base})
    except (CosmoSevereError, CosmoComputationError, KeyError) as error:
        return Outcome("same", f"not compared: {str(error).strip().splitlines()[-1][:80]}")
    errors = {name: float(np.max(np.abs(net[name] / full[name] - 1.0))) for name in full}
    worst = max(errors, key=lambda name: errors[name])
    return Outcome("same" if errors[worst] < TOLERANCE else "unnoticed", f"{worst} {errors[worst]:.1e}")


def tried(name: str) -> Iterator[Any]:
    """Values of a parameter; of a precision parameter half and twice its own."""
    if name in VALUES:
        yield from VALUES[name]
        return
    default = load_network_set("lcdm").manifest.precision.get(name)
    if default is None:
        yield from NUMBERS
        return
    for value in (0.5 * default, 2.0 * default):
        yield round(value) if default == round(default) and abs(default) < 1e5 else value


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    unnoticed = 0
    known = [name for name in sorted(known_settings()) if not name.startswith(OF_FILES) and "verbose" not in name]
    for name in names or known:
        for base in BASES:
            for value in tried(name):
                found = outcome(base, name, value)
                unnoticed += found.what == "unnoticed"
                print(f"{found.what.upper() if found.what == 'unnoticed' else found.what:9} {base:8} {name} = {value}: "
                      f"{found.detail}", flush=True)
    return unnoticed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
