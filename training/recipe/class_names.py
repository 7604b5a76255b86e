"""CLASS's parameters in a recipe: settings that clash with sampled ones, names that cannot be sampled, settings that
fields need, and all names that CLASS reads."""
from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from cosmicnet.class_parameters import CLASS_PARAMETERS, parameter_of
from cosmicnet.fields import INPUTS, PARAMETERS

__all__ = ["LARGE_TABLES", "UNREIONIZED", "clashes", "known_settings", "lacking", "outside_possible", "why_not_sampled"]

# Values that no recipe changes, with the reason.
FIXED: dict[str, tuple[str | float, str]] = {
    "Omega_k": (0.0, "recipes of one level are of flat space"),
    **{p.name: (p.only, "all networks have it so") for p in CLASS_PARAMETERS.values() if p.kind == "fixed"},
}
# With these CLASS's tables have room for the grids of the training models (1.2 times as many times, 1.4 times as many
# wavenumbers); nothing else depends on them.
LARGE_TABLES = {"l_max_scalars": 6500, "perturbations_sampling_stepsize": 0.08}
UNREIONIZED = {"reio_parametrization": "reio_none"}
REDSHIFTS = ("z_pk", "z_max_pk")
# The outputs that all fields need, each with CLASS's spellings.
KINDS = {"tCl": ("tCl", "TCl", "TCL"), "pCl": ("pCl", "PCl", "PCL"), "lCl": ("lCl", "LCl", "LCL"),
         "mPk": ("mPk", "MPk", "MPK")}


def clashes(settings: Mapping[str, str | int | float], sampled: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each setting that clashes, and the reason."""
    for name in sampled:
        parameter = parameter_of(name)
        for other in parameter.excluded if parameter else ():
            if other in settings and other != name:
                yield other, f"sets the same quantity as {name}, which is sampled"
    for name in settings:
        parameter = parameter_of(name)
        if parameter and parameter.module == "primordial":
            yield name, "sources do not depend on the primordial spectrum; leave it out"
        if parameter and parameter.kind == "network":
            yield name, "models are made by full CLASS without options of this package"
    for name, (allowed, why) in FIXED.items():
        if settings.get(name, allowed) != allowed:
            yield name, f"must be {json.dumps(allowed)}: {why}"
    for name in REDSHIFTS:
        if name in settings:
            yield name, "networks give all times, from which redshifts are chosen when they are used; leave it out"
    for name, value in UNREIONIZED.items():
        if settings.get(name, value) != value:
            yield name, f'must be "{value}": reionisation is computed when the networks are used'
    if {"w0_fld", "wa_fld"} & set(sampled) and settings.get("Omega_Lambda") != 0:
        yield "Omega_Lambda", "must be 0 where w0_fld or wa_fld is sampled, or CLASS has no fluid"


def why_not_sampled(name: str) -> str | None:
    """Why a parameter cannot be sampled, judged by name; None if it can."""
    parameter = parameter_of(name)
    if name in PARAMETERS:
        return None
    if name in FIXED:
        return f"is always {json.dumps(FIXED[name][0])}: {FIXED[name][1]}"
    if parameter and parameter.kind == "reionization":
        return ("reionisation is not learned but computed when the networks are used; leave it out, or give tau_reio "
                "in domain alone")
    if parameter and parameter.module == "primordial":
        return "sources do not depend on the primordial spectrum, so that networks take any value of it; leave it out"
    if parameter and parameter.kind == "choice":
        return "is a choice, between whose values there is nothing to learn; set it in class_settings"
    if parameter and parameter.kind == "closure":
        return "follows from the other densities, since space is flat; leave it out"
    if parameter and parameter.name != name:
        return f"sets the same quantity as {parameter.name}; give that"
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return "must be a name of letters, digits and _"
    # a parameter of CLASS may be an input as it is
    is_made = name in INPUTS and parameter is None
    return "is the name of an input that is made of other parameters" if is_made else None


def outside_possible(name: str, low: float, high: float) -> str | None:
    """Why a range is refused: CLASS does not integrate reliably in all of it. None for an allowed range."""
    parameter = parameter_of(name)
    if parameter is None or parameter.name != name:
        return None
    first, last = parameter.possible
    return None if first <= low and high <= last else f"must lie within [{first:g}, {last:g}], where CLASS integrates"


def lacking(settings: Mapping[str, str | int | float]) -> Iterator[tuple[str, str]]:
    """Yield each setting with which CLASS does not give the sources of all fields, and its required value."""
    output = str(settings.get("output", ""))
    kinds = [kind for kind, spellings in KINDS.items() if not any(s in output for s in spellings)]
    if kinds:
        yield "output", f"lacks {', '.join(kinds)}; fields are made of all of {', '.join(KINDS)}"
    with suppress(ValueError):  # a text, for which CLASS reports the error
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
