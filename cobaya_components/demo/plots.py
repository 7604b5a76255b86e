"""Plots of one cosmology in both modes: source functions, CMB spectra and P(k) with their errors."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray

from cosmicnet.training.evaluate.accuracy import RelativeErrors, cosmic_variance
from cosmicnet.training.evaluate.noise import PLANCK_SKY_FRACTION, planck_noise
from cosmicnet.training.work.class_spectra import PK_K_H_PER_MPC, PK_REDSHIFTS, Spectra
from cosmicnet.training.work.numbers import T_CMB_MUK

__all__ = ["CmbSources", "plot_matter", "plot_sources", "plot_spectrum"]

Array = NDArray[np.float64]

FULL, NET, ERROR = "#222222", "#e07b18", "#1f5a99"
PERCENT = 100.0
LOWEST_PERCENT = 1e-5
REDSHIFT_COLOURS = ("#1b4f8a", "#2f9e8f", "#c2571a")


@dataclass(frozen=True)
class CmbSources:
    """CMB source functions S_T0, S_T1, S_T2 of CLASS, shape (n_k, n_tau), in 1/Mpc.

    k in 1/Mpc, shape (n_k,); tau_over_tau_rec: conformal time in units of recombination's, (n_tau,).
    """

    k: Array
    tau_over_tau_rec: Array
    t0: Array
    t1: Array
    t2: Array

    @classmethod
    def of(cls, cosmology: Any) -> CmbSources:
        """Read the sources from a classy.Class that has computed its perturbations."""
        tables, k, tau = cosmology.get_sources()
        tau_rec = cosmology.get_current_derived_parameters(["tau_rec"])["tau_rec"]
        return cls(k, tau / tau_rec, tables["t0"], tables["t1"], tables["t2"])


@dataclass(frozen=True)
class View:
    """A window on one source function: ranges of tau/tau_rec and of k in 1/Mpc."""

    name: str
    label: str
    times: tuple[float, float]
    wavenumbers: tuple[float, float]


VIEWS = (
    View("t0", "$S_{T_0}$", (0.8, 1.5), (1e-4, 0.3)),
    View("t1", "$S_{T_1}$", (0.9, 6.0), (1e-4, 0.1)),
    View("t2", "$S_{T_2}$", (0.8, 1.5), (1e-4, 0.3)),
    View("t2", "$S_{T_2}$, reionisation", (3.5, 50.0), (1e-4, 0.012)),
)


@dataclass(frozen=True)
class Map:
    """Values of a source function in a window, shape (n_k, n_tau), 1/Mpc; axes as in CmbSources."""

    k: Array
    tau_over_tau_rec: Array
    values: Array

    @classmethod
    def of(cls, sources: CmbSources, view: View) -> Map:
        in_k = (sources.k >= view.wavenumbers[0]) & (sources.k <= view.wavenumbers[1])
        in_time = (sources.tau_over_tau_rec >= view.times[0]) & (sources.tau_over_tau_rec <= view.times[1])
        table: Array = getattr(sources, view.name)
        return cls(sources.k[in_k], sources.tau_over_tau_rec[in_time], table[np.ix_(in_k, in_time)])

    def __sub__(self, other: Map) -> Map:
        return Map(self.k, self.tau_over_tau_rec, self.values - other.values)

    def peak(self) -> float:
        return float(np.abs(self.values).max())


def plot_sources(full: CmbSources, nets: Mapping[str, CmbSources], path: Path) -> None:
    """Maps of the three source functions, and of S_T2 at late times: full CLASS, then each set of networks by its
    title and its difference from full CLASS."""
    columns = 1 + 2 * len(nets)
    figure, axes = plt.subplots(len(VIEWS), columns, figsize=(4.5 * columns, 13.0), sharex="row", sharey="row",
                                layout="constrained")
    for row, view in zip(axes, VIEWS, strict=True):
        exact = Map.of(full, view)
        _draw_map(figure, row[0], exact, exact.peak())
        row[0].set(title=f"{view.label}: full CLASS", ylabel="k  [1/Mpc]")
        for (left, right), (title, net) in zip(zip(row[1::2], row[2::2], strict=True), nets.items(), strict=True):
            approximate = Map.of(net, view)
            difference = approximate - exact
            _draw_map(figure, left, approximate, exact.peak())
            _draw_map(figure, right, difference, difference.peak())
            left.set_title(f"{view.label}: {title}")
            right.set_title(f"difference, at most {PERCENT * difference.peak() / exact.peak():.2g}% of the peak")
    for axis in axes[-1]:
        axis.set_xlabel(r"$\tau\,/\,\tau_{\mathrm{rec}}$")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_map(figure: Figure, axis: Axes, content: Map, limit: float) -> None:
    """A map with a symmetric colour scale."""
    image = axis.pcolormesh(content.tau_over_tau_rec, content.k, content.values, cmap="RdBu_r",
                            vmin=-limit, vmax=limit, shading="gouraud", rasterized=True)
    powers = ScalarFormatter(useMathText=True)
    powers.set_powerlimits((-2, 2))
    figure.colorbar(image, ax=axis, label="1/Mpc", pad=0.02, format=powers)


def plot_spectrum(name: str, full: Spectra, net: Spectra, path: Path) -> None:
    """TT or EE ('tt', 'ee') in both modes, and the error in units of Planck's."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8.5, 8.0), sharex=True, layout="constrained",
                                         height_ratios=(3, 2))
    band_power = full.ell * (full.ell + 1.0) / (2.0 * np.pi) * T_CMB_MUK**2
    top.plot(full.ell, band_power * getattr(full, name), color=FULL, linewidth=2.0, label="full CLASS")
    top.plot(full.ell, band_power * getattr(net, name), color=NET, linewidth=1.5, linestyle="--",
             label="networks")
    label = name.upper()
    top.set(title=f"Lensed {label} spectrum at Planck's best fit", xscale="log", xlim=(2, full.ell[-1]),
            yscale="log" if name == "ee" else "linear",
            ylabel=rf"$\ell(\ell+1)\,C_\ell^{{{label}}}/2\pi$  [$\mu$K$^2$]")
    top.legend(frameon=False, loc="upper left")
    _draw_errors(bottom, name, full, net)
    _tidy(top, bottom)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_errors(axis: Axes, name: str, full: Spectra, net: Spectra) -> None:
    error = PERCENT * np.abs(getattr(RelativeErrors.between(full, net), name))
    variance = PERCENT * cosmic_variance(full)[name]
    noise_over_signal = planck_noise(name, full.ell) / T_CMB_MUK**2 / getattr(full, name)
    planck = variance / np.sqrt(PLANCK_SKY_FRACTION) * (1.0 + noise_over_signal)
    axis.fill_between(full.ell, LOWEST_PERCENT, planck, color="0.91", label="below Planck's error")
    axis.plot(full.ell, variance, color="0.5", linestyle=":", linewidth=1.5, label="cosmic variance")
    axis.plot(full.ell, error, color=ERROR, linewidth=1.0, label="networks against full CLASS")
    axis.set(xlabel=r"multipole $\ell$", ylabel="|relative error| at each l  [%]", yscale="log",
             ylim=(LOWEST_PERCENT, 1e3))
    axis.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)


def plot_matter(full: Spectra, net: Spectra, path: Path) -> None:
    """Linear P(k) at each redshift in both modes, and the error in percent."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8.5, 8.0), sharex=True, layout="constrained",
                                         height_ratios=(3, 2))
    error = PERCENT * RelativeErrors.between(full, net).pk
    for z, exact, approximate, percent, colour in zip(PK_REDSHIFTS, full.pk, net.pk, error, REDSHIFT_COLOURS,
                                                      strict=True):
        top.plot(PK_K_H_PER_MPC, exact, color=colour, linewidth=2.0, label=f"z = {z:g}, full CLASS")
        top.plot(PK_K_H_PER_MPC, approximate, color="white", linewidth=1.0, linestyle=(0, (2, 4)))
        bottom.plot(PK_K_H_PER_MPC, percent, color=colour, linewidth=1.2, label=f"z = {z:g}")
    top.plot([], [], color="0.6", linewidth=1.0, linestyle=(0, (2, 4)), label="white dashes: networks")
    top.set(title="Linear matter power spectrum at Planck's best fit", xscale="log", yscale="log",
            xlim=(PK_K_H_PER_MPC[0], PK_K_H_PER_MPC[-1]), ylabel=r"$P(k)$  [Mpc$^3$]")
    top.legend(frameon=False, loc="lower left")
    bottom.axhline(0.0, color="0.5", linewidth=0.8)
    bottom.set(xlabel=r"$k$  [$h$/Mpc]", ylabel="error of the networks  [%]")
    bottom.legend(frameon=False, ncols=3, fontsize=9)
    _tidy(top, bottom)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _tidy(*axes: Axes) -> None:
    for axis in axes:
        axis.grid(color="0.93", linewidth=0.7)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
