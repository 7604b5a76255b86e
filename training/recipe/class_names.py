"""Settings of CLASS: those that say the same as a sampled parameter, so that the two would clash, those that cannot be
sampled, those that fields need; and those that it knows."""
from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from cosmicnet.fields import INPUTS, PARAMETERS

__all__ = ["ROOM", "UNREIONIZED", "clashes", "known_settings", "lacking", "why_not_sampled"]

# Other names under which CLASS's input module takes what a parameter sets.
SAME = {
    "omega_b": ("Omega_b",),
    "omega_cdm": ("Omega_cdm", "Omega_m", "omega_m"),
    "H0": ("h", "100*theta_s", "theta_s_100"),
    "tau_reio": ("z_reio",),
    "N_ur": ("Omega_ur", "omega_ur", "N_eff", "Neff"),
    "m_ncdm": ("Omega_ncdm", "omega_ncdm"),
    "omega_ncdm": ("Omega_ncdm", "m_ncdm"),
    "w0_fld": ("Omega_fld",),
}
AMPLITUDES = ("A_s", "ln_A_s_1e10", "ln10^{10}A_s", "sigma8", "S8", "n_s", "alpha_s")
NETWORKS = ("neural_network", "neural_network_path", "neural_network_fallback")
# Networks are of flat space, of scalar adiabatic perturbations, and of the gauge in which CLASS has its sources by
# default; reionisation comes to them when they are used.
FIXED = {"Omega_k": (0.0, "0.0", "networks are of flat space"),
         "gauge": ("synchronous", '"synchronous"', "CLASS's default"),
         "modes": ("s", '"s"', "networks are of scalar perturbations"),
         "ic": ("ad", '"ad"', "networks are of adiabatic initial conditions")}
# With these CLASS's tables have room for the grids of the training models (1.2 times as many times, 1.4 times as many
# wavenumbers); nothing else depends on them.
ROOM = {"l_max_scalars": 6500, "perturbations_sampling_stepsize": 0.08}
UNREIONIZED = {"reio_parametrization": "reio_none"}
REDSHIFTS = ("z_pk", "z_max_pk")
OF_DARK_ENERGY = ("Omega_Lambda", "Omega_fld")
OF_REIONIZATION = ("tau_reio", "z_reio", "reionization_", "helium_fullreio_", "reio_")
# Whole numbers and words, which CLASS takes for numbers.
CHOICES = ("N_ncdm", "use_ppf", "fluid_equation_of_state", "recombination", "recfast_photoion_mode",
           "Quadrature strategy", "Number of momentum bins", "hierarchy")
# The kinds of output of which all fields are made, each as CLASS may be given it.
KINDS = {"tCl": ("tCl", "TCl", "TCL"), "pCl": ("pCl", "PCl", "PCL"), "lCl": ("lCl", "LCl", "LCL"),
         "mPk": ("mPk", "MPk", "MPK")}


def clashes(settings: Mapping[str, str | int | float], sampled: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the setting and what is wrong with it."""
    for name in sampled:
        for other in SAME.get(name, ()):
            if other in settings:
                yield other, f"says the same as {name}, which is sampled"
    for name in AMPLITUDES:
        if name in settings:
            yield name, "sources do not depend on the primordial spectrum; leave it out"
    for name in NETWORKS:
        if name in settings:
            yield name, "models are integrated, not taken from networks"
    for name, (allowed, written, why) in FIXED.items():
        if name in settings and settings[name] != allowed:
            yield name, f"must be {written}: {why}"
    for name in REDSHIFTS:
        if name in settings:
            yield name, "networks give all times, from which redshifts are chosen when they are used; leave it out"
    for name, value in UNREIONIZED.items():
        if settings.get(name, value) != value:
            yield name, f'must be "{value}": reionisation is computed when the networks are used'
    if {"w0_fld", "wa_fld"} & set(sampled) and settings.get("Omega_Lambda") != 0:
        yield "Omega_Lambda", "must be 0 where w0_fld or wa_fld is sampled, or CLASS has no fluid"


def why_not_sampled(name: str) -> str | None:
    """What is wrong with a sampled parameter of this name, as far as the name tells."""
    if name in PARAMETERS:
        return None
    if name.startswith(OF_REIONIZATION):
        return ("reionisation is not learned but computed when the networks are used; leave it out, or give tau_reio "
                "in domain alone")
    if name in (*AMPLITUDES, "k_pivot"):
        return "sources do not depend on the primordial spectrum, so that networks take any value of it; leave it out"
    if name in FIXED:
        return f"is always {FIXED[name][1]}: {FIXED[name][2]}"
    if name in CHOICES:
        return "is a choice, between whose values there is nothing to learn; set it in class_settings"
    if name in OF_DARK_ENERGY:
        return "follows from the other densities, since space is flat; leave it out"
    for parameter, others in SAME.items():
        if name in others:
            return f"says the same as {parameter}; give that"
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return "must be a name of letters, digits and _"
    return "is the name of an input that is made of other parameters" if name in INPUTS else None


def lacking(settings: Mapping[str, str | int | float]) -> Iterator[tuple[str, str]]:
    """Yield the setting that keeps CLASS from giving the sources of all fields as they are learned, and what it must
    be."""
    output = str(settings.get("output", ""))
    kinds = [kind for kind, spellings in KINDS.items() if not any(s in output for s in spellings)]
    if kinds:
        yield "output", f"lacks {', '.join(kinds)}; fields are made of all of {', '.join(KINDS)}"
    with suppress(ValueError):  # of a text, of which CLASS says what is wrong
        if float(settings.get("N_ncdm", 0)) < 1:
            yield "N_ncdm", "must be at least 1: fields are made of the matter with and without massive neutrinos"


def known_settings() -> set[str]:
    """The names that the installed CLASS reads, modified or not, from its own sources: most of them, for suggestions.
    Empty where they do not lie beside classy."""
    import classy

    folder, names = Path(classy.__file__).parent, set()
    with suppress(OSError):
        text = (folder / "source" / "input.c").read_text(encoding="utf-8", errors="replace")
        names.update(re.findall(r'(?:class|parser)_read_\w+\s*\((?:pfc,\s*)?"([^"]+)"', text))
        text = (folder / "include" / "precisions.h").read_text(encoding="utf-8", errors="replace")
        names.update(re.findall(r"class_\w+_parameter\((\w+)", text))
    return names
