"""What the end of a request costs with networks: in l, beyond which lensing goes on, and in k of non-linear lensing."""
from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from cosmicnet.errors import CosmicnetWarning
from cosmicnet.files import write_whole
from cosmicnet.lensing_margin import K_PER_L, NO_NEED_BELOW
from cosmicnet.store import DEFAULT_SET, read_manifest

from ..evaluate.accuracy import relative_error, wishart_chi2
from ..evaluate.boxes import PLANCK_POSTERIOR
from ..work.class_spectra import Multipoles, lensed_multipoles
from ..work.run_class import Parameters, networks_on, require_patched_classy
from .measured_with import measured_with
from .precision import FINEST, PLANCK_SIZED, points_of

__all__ = ["Choice", "Margin", "compare_margins", "write_margins"]

# Output of Planck's size, and what may be set for it; the truth is that with FINEST.
PLANCK_L: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": PLANCK_SIZED.stop + 1}
CHOICES: tuple[Parameters, ...] = (
    {}, {"delta_l_max": 1250}, {"delta_l_max": 1250, "accurate_lensing": 1},
    {"delta_l_max": 2000, "accurate_lensing": 1},
    {"delta_l_max": 2000, "accurate_lensing": 1, "perturbations_sampling_stepsize": 0.05})
REPEATS = 5

L_MAX = (2508, 4000, 6000, 9000)
# The truth of a margin goes this far beyond l_max, and up to this k in 1/Mpc.
FARTHEST, LARGEST_K = 5500, 100
WITH_LENSING: Parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "accurate_lensing": 1, "non_linear": "hmcode",
                            "hmcode_version": 2020, "nonlinear_min_k_max": LARGEST_K}
SHARES_OF_L, FIXED = (1 / 3, 1 / 2), (1800, 2500, 3500, 4500)
SMALLER_K = (5, 20, 40, 70)


@dataclass(frozen=True)
class Choice:
    """One of CHOICES: the Wishart chi2, the largest error of TT below l = 30, of TT and EE above; ms of one core."""

    settings: Parameters
    chi2: float
    tt_low_l: float
    tt: float
    ee: float
    milliseconds: float


@dataclass(frozen=True)
class Margin:
    """Largest errors up to l_max with a margin in l and a largest k (1/Mpc) of non-linear lensing."""

    l_max: int
    delta_l_max: int
    k: int
    tt: float
    ee: float
    pp: float


def compare_margins(output: Path) -> None:
    """Measure at one cosmology of Planck's posterior, and write margins.md."""
    require_patched_classy()
    cosmology = points_of(read_manifest(DEFAULT_SET), 1, PLANCK_POSTERIOR)[0]
    with_networks = {**cosmology, **networks_on(DEFAULT_SET)}
    with warnings.catch_warnings():
        # that these margins are too small
        warnings.simplefilter("ignore", CosmicnetWarning)
        write_margins(choices_of(with_networks), list(margins_of(with_networks)), output)


def choices_of(cosmology: Parameters) -> list[Choice]:
    """All CHOICES for one cosmology."""
    def spectra(settings: Parameters) -> tuple[Multipoles, float]:
        parameters = {**PLANCK_L, **cosmology, **settings}
        seconds = []
        for _ in range(REPEATS):
            start = process_time()
            found = lensed_multipoles(parameters, PLANCK_SIZED.stop + 1)
            seconds.append(process_time() - start)
        return found, float(np.median(seconds))

    truth, _ = spectra(FINEST)
    choices = []
    for settings in CHOICES:
        found, seconds = spectra(settings)
        tt, ee = (np.abs(relative_error(name, truth, found)) for name in ("tt", "ee"))
        choices.append(Choice(settings, wishart_chi2(truth, found), float(tt[:28].max()), float(tt[28:].max()),
                              float(ee[28:].max()), 1e3 * seconds))
    return choices


def margins_of(cosmology: Parameters) -> Iterator[Margin]:
    """All margins in l with the largest k, and all smaller k with a margin of half of l_max."""
    for l_max in L_MAX:
        def spectra(delta_l_max: int, k: int, l_max: int = l_max) -> Multipoles:
            return lensed_multipoles({**WITH_LENSING, **cosmology, "l_max_scalars": l_max, "delta_l_max": delta_l_max,
                                      "nonlinear_min_k_max": k}, l_max)

        for truth, cases in (
            (spectra(FARTHEST, LARGEST_K),
             [(delta, LARGEST_K) for delta in sorted({*(round(share * l_max) for share in SHARES_OF_L), *FIXED})]),
            (spectra(l_max // 2, LARGEST_K), [(l_max // 2, k) for k in SMALLER_K]),
        ):
            for delta_l_max, k in cases:
                found = spectra(delta_l_max, k)
                errors = (float(np.abs(relative_error(name, truth, found)).max()) for name in ("tt", "ee", "pp"))
                yield Margin(l_max, delta_l_max, k, *errors)


def write_margins(choices: list[Choice], margins: list[Margin], folder: Path) -> None:
    """margins.md"""
    lines = ["# How far in l and in k?", "", f"""\
Written by `cosmicnet precision`; do not edit. All tables are of one cosmology of Planck's posterior, with networks.

{measured_with(DEFAULT_SET)}

## l to {PLANCK_SIZED.stop + 1}

What a request of Planck's size may set, against the same networks at the settings of converged CLASS
([precision.md](precision.md)). By default CLASS computes unlensed spectra to a third beyond l_max (`delta_l_max`
828 here; to half of it with `accurate_lensing`), and what lensing moves across that end is most of the error.
""", "| settings | Wishart chi2 | TT, l < 30 | TT, l >= 30 | EE, l >= 30 | ms of one core |", "|---" * 6 + "|"]
    for one in choices:
        settings = ", ".join(f"`{name}: {value}`" for name, value in one.settings.items()) or "none"
        lines.append(f"| {settings} | {one.chi2:.1e} | {one.tt_low_l:.1e} | {one.tt:.1e} | {one.ee:.1e} "
                     f"| {one.milliseconds:.0f} |")
    lines += ["", f"""\
## Margin in l

Largest errors up to l_max of lensed TT and EE, with `accurate_lensing`, HMcode 2020 and
`nonlinear_min_k_max: {LARGEST_K}`, against `delta_l_max: {FARTHEST}`. Half of l_max costs about 1e-3 at l_max itself,
and less below. From l_max_scalars = {NO_NEED_BELOW} on, networks warn if a request has less than half.
"""]
    lines += _table(margins, "delta_l_max", [one for one in margins if one.k == LARGEST_K], ("tt", "ee"))
    lines += ["", f"""\
## Largest k of non-linear lensing

CLASS's sources of the lensing potential end at the largest k of a request. Linear spectra fall so steeply that this
costs less than 2e-4. With non-linear corrections there is power beyond, at small distances. Largest errors up to l_max,
with a margin of half of l_max, against `nonlinear_min_k_max: {LARGEST_K}`. It is 5 by default; `P_k_max_1/Mpc` extends
k as well. Networks warn if a request with l_max_scalars from {NO_NEED_BELOW} on has less than l_max/{1 / K_PER_L:.0f}.
"""]
    lines += _table(margins, "nonlinear_min_k_max", [one for one in margins if one.k != LARGEST_K], ("tt", "ee", "pp"))
    write_whole({folder / "margins.md": "\n".join([*lines, ""])})


def _table(margins: list[Margin], title: str, shown: list[Margin], spectra: tuple[str, ...]) -> list[str]:
    names = {"tt": "TT", "ee": "EE", "pp": "phi phi"}
    heads = [names[name] for name in spectra]
    lines = [f"| l_max_scalars | {title} | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    for one in shown:
        value = one.delta_l_max if title == "delta_l_max" else one.k
        errors = " | ".join(f"{getattr(one, name):.1e}" for name in spectra)
        lines.append(f"| {one.l_max} | {value} | {errors} |")
    return lines
