"""Planck's best fit with full CLASS and with networks, side by side: times, errors, chi2, a posterior."""
from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cosmicnet.choice import AUTO
from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetError
from cosmicnet.inquiry import covers
from cosmicnet.provider import COMPARE_WITH
from cosmicnet.store import read_manifest
from cosmicnet.training.evaluate.accuracy import LOW_L_END, RelativeErrors, cosmic_variance
from cosmicnet.training.evaluate.likelihoods import PlanckLikelihoods, PlanckNotAvailable
from cosmicnet.training.work.class_spectra import L_MAX, OUTPUT_SETTINGS, PK_REDSHIFTS, Spectra
from cosmicnet.training.work.numbers import significant
from cosmicnet.training.work.run_class import Parameters, networks_on, new_class, require_patched_classy, timed

from .plots import CmbSources, plot_matter, plot_sources, plot_spectrum

__all__ = ["covered_cosmology", "run_demo"]

Array = NDArray[np.float64]

# Planck's best fit with these neutrinos and dark energy. The demo shows the first that the networks cover.
BEST_FIT: Parameters = {
    "omega_b": 0.022383, "omega_cdm": 0.12011, "H0": 67.32, "tau_reio": 0.0543, "A_s": 2.100549e-9, "n_s": 0.96605,
}
COSMOLOGIES: Mapping[str, Parameters] = {
    "flat LCDM, one neutrino of 0.06 eV": {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06},
    "flat LCDM with w = -1 as a fluid, three neutrinos of 0.02 eV": {
        "N_ur": 0.00441, "N_ncdm": 1, "deg_ncdm": 3, "T_ncdm": 0.71611, "m_ncdm": 0.02, "Omega_Lambda": 0,
        "fluid_equation_of_state": "CLP", "use_ppf": "yes", "w0_fld": -1.0, "wa_fld": 0.0},
}
# Drawn beside the networks of the demo.
PAPER_SET, PAPER_TITLE = "paper", "CosmicNet I's networks"
PAPER_IN_WORDS = ("sources.png shows the networks of the first paper, too: layers that take in cosines, sines, Bessel "
                  "functions and damping, and give S(k) at one time. The networks above are mostly polynomials in "
                  "coordinates in which all cosmologies look alike.")
L_RANGES = ((2, LOW_L_END - 1), (LOW_L_END, 799), (800, L_MAX))
REPEATS = 3
PERCENT = 100.0


@dataclass(frozen=True)
class Seconds:
    """Wall time of the steps of one compute(), medians; `rest` is everything after the perturbations."""

    background_and_thermodynamics: float
    perturbations: float
    rest: float

    @property
    def total(self) -> float:
        return self.background_and_thermodynamics + self.perturbations + self.rest


@dataclass(frozen=True)
class Mode:
    """The best fit computed in one mode."""

    spectra: Spectra
    sources: CmbSources
    seconds: Seconds


def run_demo(output_folder: Path, packages_path: Path | None = None, network: str | None = None) -> None:
    """Print times, errors and Planck chi2 of both modes, then a posterior; write the plots into `output_folder`.

    packages_path : Cobaya packages folder, None for $COBAYA_PACKAGES_PATH; the demo goes on without it.
    network : name or folder of the set; None: the narrowest installed set that covers it.

    Raises CosmicnetError for a classy without networks, and for networks that cover none of COSMOLOGIES.
    """
    require_patched_classy()
    console = Console()
    title, settings = covered_cosmology(network)
    # networks first: their errors show at once
    with console.status("CLASS with networks"):
        net = _run({**BEST_FIT, **settings, **networks_on(network)})
    with console.status("full CLASS: integrating the perturbation equations"):
        # timed with its defaults; compared through the modules that networks use, which have the same grids
        full = _run({**BEST_FIT, **settings}, SAME_MODULES)
    console.print(f"\nPlanck 2018 best fit, {title}", style="bold", highlight=False)
    console.print(_seconds_table(full.seconds, net.seconds))
    console.print(_errors_table(full.spectra, net.spectra))
    stand_for = ("as in the training of these networks" if network and not read_manifest(network).precision_settings
                 else "and the networks follow converged CLASS, so most of the difference is the error of full CLASS")
    console.print(f"Full CLASS has its default precision here, {stand_for}. In your own comparison, compare with "
                  f"{COMPARE_WITH}.", highlight=False)
    _print_planck(console, full.spectra, net.spectra, packages_path)
    nets = {"networks": net.sources}
    if network != PAPER_SET and covers({**OUTPUT_SETTINGS, **BEST_FIT, **settings}, PAPER_SET):
        nets[PAPER_TITLE] = _sources({**BEST_FIT, **settings, **networks_on(PAPER_SET)})
        console.print(PAPER_IN_WORDS, highlight=False)
    for path in _write_plots(full, net, nets, output_folder):
        console.print(f"wrote {path}", highlight=False)
    _show_posterior(console, output_folder / "posterior.png", network, settings)


def covered_cosmology(network: str | None) -> tuple[str, Parameters]:
    """Title and settings of the first of COSMOLOGIES that the networks cover. Raises CosmicnetError if they cover none.
    """
    found = {title: covers({**OUTPUT_SETTINGS, **BEST_FIT, **settings}, network or AUTO)
             for title, settings in COSMOLOGIES.items()}
    for title, coverage in found.items():
        if coverage:
            return title, COSMOLOGIES[title]
    raise CosmicnetError(f"none of the demo's cosmologies is covered: {next(iter(found.values()))}")


def _show_posterior(console: Console, path: Path, network: str | None, settings: Parameters) -> None:
    try:
        from .posterior import posterior_table, run_posterior, write_triangle
    except ImportError as error:
        console.print(f"No posterior, because Cobaya or getdist is missing: {error}", style="yellow", highlight=False)
        return
    with console.status("a posterior from the likelihood that comes with the package: up to two minutes"):
        posterior = run_posterior(network, settings)
    console.print(posterior_table(posterior))
    write_triangle(posterior, path)
    console.print(f"wrote {path}", highlight=False)


def _run(parameters: Parameters, for_spectra: Parameters = MappingProxyType({})) -> Mode:
    """Times with `parameters`; spectra and sources with `for_spectra` as well."""
    cosmology = new_class({**OUTPUT_SETTINGS, **parameters, **for_spectra})
    cosmology.compute()
    mode = Mode(Spectra.of(cosmology), CmbSources.of(cosmology), _measure_seconds(parameters))
    cosmology.empty()
    return mode


def _sources(parameters: Parameters) -> CmbSources:
    cosmology = new_class({**OUTPUT_SETTINGS, **parameters})
    cosmology.compute(["perturbations"])
    sources = CmbSources.of(cosmology)
    cosmology.empty()
    return sources


def _measure_seconds(parameters: Parameters) -> Seconds:
    """Median seconds. The spectra are timed separately: the scatter of an integration can exceed their total.

    The caller has computed these parameters before: nothing is loaded for the first time.
    """
    thermodynamics, = _median_seconds(parameters, ["thermodynamics"])
    # CLASS keeps the sources for the second
    sources, rest = _median_seconds(parameters, ["primordial", "distortions"])
    return Seconds(thermodynamics, sources - thermodynamics, rest)


def _median_seconds(parameters: Parameters, steps: list[str]) -> list[float]:
    """Median wall times of one object's compute() up to each of the steps."""
    times = []
    for _ in range(REPEATS):
        cosmology, seconds = timed({**OUTPUT_SETTINGS, **parameters}, steps)
        cosmology.empty()
        times.append(seconds)
    return [statistics.median(of_step) for of_step in zip(*times, strict=True)]


def _seconds_table(full: Seconds, net: Seconds) -> Table:
    table = Table("seconds per step", title="Speed", title_justify="left")
    for heading in ("full CLASS", "networks", "times faster"):
        table.add_column(heading, justify="right")
    lines = {
        "background, thermodynamics": (full.background_and_thermodynamics, net.background_and_thermodynamics),
        "perturbations": (full.perturbations, net.perturbations),
        "spectra (all the rest)": (full.rest, net.rest),
        "total": (full.total, net.total),
    }
    for step, (slow, fast) in lines.items():
        table.add_row(step, f"{slow:.3f}", f"{fast:.3f}", significant(slow / fast),
                      style="bold" if step == "total" else None)
    return table


def _errors_table(full: Spectra, net: Spectra) -> Table:
    """rms and largest error by range of l, in percent and in standard deviations of cosmic variance."""
    error, sigma = RelativeErrors.between(full, net), cosmic_variance(full)
    table = Table("spectrum", "range", title_justify="left",
                  title="Error of the networks (CV: in units of cosmic variance); one line-of-sight step for both")
    for heading in ("rms %", "max %", "rms CV", "max CV"):
        table.add_column(heading, justify="right")
    for name, title in (("tt", "TT"), ("te", "TE*"), ("ee", "EE"), ("pp", "phi phi")):
        for first, last in L_RANGES:
            chosen = slice(first - 2, last - 1)
            values = getattr(error, name)[chosen]
            table.add_row(title if first == 2 else "", f"l {first}-{last}", *_sizes(PERCENT * values),
                          *_sizes(values / sigma[name][chosen]), end_section=last == L_MAX)
    for z, values in zip(PK_REDSHIFTS, error.pk, strict=True):
        table.add_row("P(k)", f"z {z:g}", *_sizes(PERCENT * values), "", "")
    table.add_row("sigma8", "", "", f"{PERCENT * abs(float(error.sigma8)):.2g}", "", "")
    table.caption = "* relative to sqrt(TT EE)"
    return table


def _sizes(values: Array) -> tuple[str, str]:
    return f"{np.sqrt(np.mean(values**2)):.2g}", f"{np.abs(values).max():.2g}"


def _print_planck(console: Console, full: Spectra, net: Spectra, packages_path: Path | None) -> None:
    try:
        likelihoods = PlanckLikelihoods(packages_path)
    except PlanckNotAvailable as reason:
        console.print(f"Planck data not found: {reason}", style="yellow", highlight=False)
        return
    console.print(_planck_table(likelihoods.chi2(full), likelihoods.chi2(net)))


def _planck_table(full: Mapping[str, float], net: Mapping[str, float]) -> Table:
    table = Table("likelihood planck_2018_...", title="chi2 of real Planck data", title_justify="left")
    for heading in ("full CLASS", "networks", "change"):
        table.add_column(heading, justify="right")
    lines = {**{name.removeprefix("planck_2018_"): (full[name], net[name]) for name in full},
             "total": (sum(full.values()), sum(net.values()))}
    for name, (exact, approximate) in lines.items():
        table.add_row(name, f"{exact:.3f}", f"{approximate:.3f}", f"{approximate - exact:+.4f}",
                      style="bold" if name == "total" else None)
    return table


def _write_plots(full: Mode, net: Mode, nets: Mapping[str, CmbSources], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.png" for name in ("sources", "spectrum_tt", "spectrum_ee", "matter")}
    plot_sources(full.sources, nets, paths["sources"])
    plot_spectrum("tt", full.spectra, net.spectra, paths["spectrum_tt"])
    plot_spectrum("ee", full.spectra, net.spectra, paths["spectrum_ee"])
    plot_matter(full.spectra, net.spectra, paths["matter"])
    return list(paths.values())
