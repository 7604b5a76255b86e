"""Errors of spectra from networks against full CLASS, in the measures that matter to a fit.

`full` is always the truth, `net` the approximation. Relative errors are fractions (0.01 is one percent);
TE crosses zero, so its error is taken relative to sqrt(TT EE).
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..work.class_spectra import Spectra

__all__ = [
    "LOW_L_END", "Band", "Distribution", "MultipolesLike", "RelativeErrors", "cosmic_variance", "relative_error",
    "summary", "wishart_chi2",
]

Array = NDArray[np.float64]

LOW_L_END = 30
"""The first multipole that counts as high l."""

# Spectra that cross zero, and the two whose geometric mean their errors are relative to.
CROSS_SPECTRA = {"te": ("tt", "ee"), "tp": ("tt", "pp")}


class MultipolesLike(Protocol):
    """C_l without l(l+1) factors from ell[0] on: tt, te, ee in units of T_cmb^2, pp dimensionless."""

    @property
    def ell(self) -> Array: ...
    @property
    def tt(self) -> Array: ...
    @property
    def te(self) -> Array: ...
    @property
    def ee(self) -> Array: ...
    @property
    def pp(self) -> Array: ...


def wishart_chi2(full: MultipolesLike, net: MultipolesLike) -> float:
    """-2 ln L of `net` minus that of `full`, for an ideal experiment whose data are `full`.

    Full sky, no noise, TT, TE and EE: the observed covariance of (T, E) at each l is distributed as
    Wishart with 2l+1 degrees of freedom, so
    chi2 = sum_l (2l+1) [tr(C_full C_net^-1) - ln det(C_full C_net^-1) - 2]. Infinite where `net` is no covariance:
    TE^2 > TT EE.
    """
    # with C_full C_net^-1 = 1 + D: tr - 2 = tr D and det = 1 + tr D + det D, without cancellation
    with np.errstate(invalid="ignore"):  # infinite spectra
        determinant_net = net.tt * net.ee - net.te**2
    # NaN fails as well
    if not np.all((net.tt > 0.0) & (net.ee > 0.0) & (determinant_net > 0.0)):
        return math.inf
    d_tt, d_te, d_ee = full.tt - net.tt, full.te - net.te, full.ee - net.ee
    trace = (d_tt * net.ee - 2.0 * d_te * net.te + d_ee * net.tt) / determinant_net
    determinant = (d_tt * d_ee - d_te**2) / determinant_net
    return float(np.sum((2.0 * full.ell + 1.0) * (trace - np.log1p(trace + determinant))))


def relative_error(name: str, full: Any, net: Any) -> Array:
    """net/full - 1 of the attribute of this name; of a cross spectrum, relative to CROSS_SPECTRA."""
    truth, approximation = getattr(full, name), getattr(net, name)
    if name in CROSS_SPECTRA:
        first, second = (getattr(full, auto) for auto in CROSS_SPECTRA[name])
        return np.asarray((approximation - truth) / np.sqrt(first * second))
    return np.asarray(approximation / truth - 1.0)


@dataclass(frozen=True)
class RelativeErrors:
    """relative_error() of one cosmology: tt, te, ee, pp of shape (n_l,), pk of shape (n_z, n_k), sigma8 ()."""

    tt: Array
    te: Array
    ee: Array
    pp: Array
    pk: Array
    sigma8: Array

    @classmethod
    def between(cls, full: Spectra, net: Spectra) -> RelativeErrors:
        return cls(**{entry.name: relative_error(entry.name, full, net) for entry in fields(cls)})


def cosmic_variance(spectra: MultipolesLike) -> dict[str, Array]:
    """One sigma of a full-sky, noise-free measurement of each C_l, in the units of RelativeErrors.

    Returns 'tt', 'te', 'ee', 'pp', shape (n_l,). sigma(TE)^2 = (TT EE + TE^2)/(2l+1).
    """
    auto = np.sqrt(2.0 / (2.0 * spectra.ell + 1.0))
    correlation2 = spectra.te**2 / (spectra.tt * spectra.ee)
    return {"tt": auto, "te": auto * np.sqrt(0.5 * (1.0 + correlation2)), "ee": auto, "pp": auto}


def summary(full: Spectra, net: Spectra) -> dict[str, float]:
    """The Wishart chi2, and the largest error of each spectrum and range of l, and of each function of P(k, z): in
    percent, except for the tilt."""
    error = RelativeErrors.between(full, net)
    low = full.ell < LOW_L_END

    def percent(values: Array) -> float:
        return 100.0 * float(np.abs(values).max())

    return {
        "wishart_chi2": wishart_chi2(full, net),
        "tt_high_l": percent(error.tt[~low]),
        "te_high_l": percent(error.te[~low]),
        "ee_high_l": percent(error.ee[~low]),
        "tt_low_l": percent(error.tt[low]),
        "te_low_l": percent(error.te[low]),
        "ee_low_l": percent(error.ee[low]),
        "pp": percent(error.pp),
        "pk": percent(error.pk),
        "sigma8": percent(error.sigma8),
        **_function_errors(full, net),
    }


def _function_errors(full: Spectra, net: Spectra) -> dict[str, float]:
    if not full.growth_rate.size:
        return {}
    largest = {name: 100.0 * np.abs(getattr(net, name) / getattr(full, name) - 1.0)
               for name in ("growth_rate", "f_sigma8", "sigma_r", "weyl")}
    return {
        "growth_rate_today": float(largest["growth_rate"][0].max()),
        "growth_rate": float(largest["growth_rate"][1:].max()),
        **{name: float(largest[name].max()) for name in ("f_sigma8", "sigma_r", "weyl")},
        "tilt": float(np.abs(net.tilt - full.tilt).max()),
    }


@dataclass(frozen=True)
class Distribution:
    """One figure over many cosmologies: of the median model, the 95th percentile, the worst."""

    median: float
    percentile_95: float
    worst: float

    @classmethod
    def of(cls, values: ArrayLike) -> Distribution:
        """ValueError for no values, or a NaN."""
        array = np.asarray(values, dtype=float)
        if array.size == 0 or np.isnan(array).any():
            raise ValueError(f"a distribution needs numbers, not {array}")
        # "higher" takes one of the models: interpolation would make NaN of infinities
        median, percentile_95 = np.quantile(array, (0.5, 0.95), method="higher")
        return cls(float(median), float(percentile_95), float(array.max()))


@dataclass(frozen=True)
class Band:
    """Absolute errors over many cosmologies at every l or k, each in the shape of one error."""

    median: Array
    percentile_95: Array
    worst: Array

    @classmethod
    def of(cls, errors: Sequence[Array]) -> Band:
        sizes = np.abs(np.stack(list(errors)))
        median, percentile_95 = np.quantile(sizes, (0.5, 0.95), axis=0)
        return cls(median, percentile_95, sizes.max(axis=0))
