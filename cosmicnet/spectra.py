"""Line of sight, lensing and HMcode as functions of arrays, without a computation of CLASS.

They are the fast modules of the patched classy, which must be installed; sources and spectra may come from anywhere.
Times and lengths are comoving Mpc, spectra of the CMB dimensionless, as CLASS has them.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .class_parameters import CLASS_PARAMETERS
from .coordinates import angular_distance
from .errors import CosmicnetError
from .running_class import extension_of

__all__ = ["Densities", "hmcode", "lens", "line_of_sight"]

Array = NDArray[np.float64]
SpectraByName = dict[str, Array]

# Rows of the tables of the shim in classy.
SOURCES = ("t0", "t1", "t2", "phi_plus_psi")
UNLENSED = ("tt", "ee", "te", "pp", "tp")
FOR_LENSING = ("tt", "ee", "te", "bb", "pp")
LENSED = ("tt", "ee", "te", "bb")

# ln k by which a primordial spectrum is continued as a power law, since CLASS computes k from q.
MARGIN = 1e-3

INSTALL_HINT = "pip install ./class_patch (docs/api.md)"


@dataclass(frozen=True)
class Densities:
    """Densities today in units of the critical one, with the rest of a cosmology that HMcode needs.

    matter: all that is not relativistic today; massive: the part of massive neutrinos in it.
    """

    h: float
    matter: float
    baryons: float
    cdm: float
    dark_energy: float
    massive: float = 0.0
    curvature: float = 0.0
    w0: float = -1.0
    wa: float = 0.0
    T_cmb: float = 2.7255
    N_eff: float = 3.044


def line_of_sight(
    k: ArrayLike, tau: ArrayLike, sources: Mapping[str, Array], *, primordial: tuple[ArrayLike, ArrayLike],
    tau_rec: float, l_max: int, k_size_cmb: int | None = None, curvature: float = 0.0,
    precision: Mapping[str, float] | None = None,
) -> SpectraByName:
    """Unlensed spectra from source functions.

    k: 1/Mpc, increasing; tau: conformal times (Mpc), increasing, the last one today. sources: t0, t1, t2 and
    phi_plus_psi by CLASS's names and in its normalisation, each (k, tau). primordial: k (1/Mpc) and the dimensionless
    spectrum P(k) of curvature perturbations, over the range of `k`. tau_rec: of recombination (Mpc), after which
    light is lensed. k_size_cmb: how many of the first k enter spectra of temperature and polarisation, all by
    default. curvature: K (1/Mpc^2), positive in closed space. precision: CLASS's parameters of transfer functions.
    Non-linear lensing: multiply phi_plus_psi by the square root of the ratio of non-linear to linear P(k).

    Returns `ell` and tt, ee, te, pp, tp from l = 0 to l_max, as Class.raw_cl() does. Raises CosmicnetError for arrays
    that do not fit together, classy's errors where CLASS fails.
    """
    library, k, tau = _library(), _increasing("k", k, 4), _increasing("tau", tau, 4)
    tables = [np.ascontiguousarray(_table(name, sources, (k.size, tau.size)).T) for name in SOURCES]
    used = k.size if k_size_cmb is None else k_size_cmb
    if not 4 <= used <= k.size:
        raise CosmicnetError(f"k_size_cmb = {used}: must be from 4 to the number of k, {k.size}")
    _require_multipole("l_max", l_max)
    if k[0] ** 2 + curvature <= 0.0:
        raise CosmicnetError(f"k: begins at {k[0]:.4g}/Mpc, but modes of open space with curvature = "
                             f"{curvature:.4g}/Mpc^2 at {np.sqrt(-curvature):.4g}/Mpc")
    if not tau[0] <= tau_rec < tau[-2]:
        raise CosmicnetError(f"tau_rec = {tau_rec:.6g} Mpc: must lie within the times of the sources, {tau[0]:.6g} to "
                             f"{tau[-1]:.6g} Mpc")
    parameters = {"output": "tCl,pCl,lCl", "l_max_scalars": l_max, "fast_line_of_sight": "yes",
                  **_known(precision, ("transfer",))}
    distance = angular_distance(tau[-1] - tau_rec, curvature)
    rows = library.line_of_sight_of_arrays(parameters, k, used, tau, tables, curvature, tau_rec, distance,
                                           *_primordial(primordial, k), l_max)
    return _by_multipole(UNLENSED, rows)


def lens(cl: Mapping[str, Array], l_max: int, precision: Mapping[str, float] | None = None) -> SpectraByName:
    """Lensed spectra from unlensed ones.

    cl: tt, ee, te, pp and, unless it vanishes, bb, each from l = 0 on as line_of_sight() returns them. They must extend
    beyond l_max, because lensing moves power from larger multipoles; CLASS takes a third of l_max more.
    precision: CLASS's parameters of lensing, such as accurate_lensing.

    Returns `ell`, tt, ee, te and bb, and the unlensed pp, from l = 0 to l_max.
    """
    library = _library()
    _require_multipole("l_max", l_max)
    size = len(cl["tt"]) if "tt" in cl else 0
    unlensed = {name: np.zeros(size) if name == "bb" and name not in cl else _table(name, cl, (size,))
                for name in FOR_LENSING}
    if size < l_max + 3:
        raise CosmicnetError(f"l_max = {l_max}: unlensed spectra must extend beyond it by 2 or more, but end at l = "
                             f"{size - 1}")
    columns = np.ascontiguousarray(np.stack(list(unlensed.values()), axis=1)[2:])
    parameters = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": l_max, "delta_l_max": size - 1 - l_max,
                  **_known(precision, ("lensing",))}
    spectra = _by_multipole(LENSED, library.lensing_of_arrays(parameters, columns, l_max))
    return {**spectra, "pp": unlensed["pp"][:l_max + 1].copy()}


def hmcode(
    k: ArrayLike, z: ArrayLike, pk_m: Array, densities: Densities, pk_cb: Array | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> tuple[Array, Array | None]:
    """Non-linear matter spectra by HMcode.

    k: 1/Mpc, increasing; z: redshifts, decreasing to the last one, 0. pk_m: linear spectrum of all matter (Mpc^3),
    (k, z); pk_cb: that of baryons and cold dark matter, needed where there are massive neutrinos. parameters:
    CLASS's, such as hmcode_version (2015, 2020 or 2020_baryonic_feedback) and log10T_heat_hmcode.

    Returns the non-linear spectra of both kinds, pk_cb or None. At redshifts where the non-linear scale is beyond k,
    spectra stay linear, as in CLASS.
    """
    library, k = _library(), _increasing("k", k, 4)
    redshift = np.array(z, dtype=float)
    # written so that NaN is refused
    if redshift.ndim != 1 or redshift.size < 1 or redshift[-1] != 0.0 or not np.all(np.diff(redshift) < 0.0):
        raise CosmicnetError("z: must be a list of decreasing redshifts, the last of them 0")
    if (pk_cb is None) != (densities.massive == 0.0):
        raise CosmicnetError(f"pk_cb: must be given exactly where there are massive neutrinos; densities.massive = "
                             f"{densities.massive:g}")
    shape = (k.size, redshift.size)
    given = {"pk_m": pk_m} if pk_cb is None else {"pk_m": pk_m, "pk_cb": pk_cb}
    linear = {name: _table(name, given, shape) for name in given}
    if any(not np.all(table > 0.0) for table in linear.values()):
        raise CosmicnetError("pk_m and pk_cb: must be positive")
    # sources of a primordial spectrum of 1
    density = {name: np.ascontiguousarray(np.sqrt(table.T * k**3 / (2.0 * np.pi**2))) for name, table in linear.items()}
    for_class = {"output": "mPk,lCl,tCl", "non_linear": "hmcode", "fast_non_linear": "yes",
                 **_known(parameters, ("fourier",))}
    matter, without = library.hmcode_of_arrays(
        for_class, k, np.sqrt(1.0 / (1.0 + redshift)), density["pk_m"], density.get("pk_cb"), asdict(densities))
    if np.all(matter[-1] == 1.0):
        raise CosmicnetError(f"k: ends at {k[-1]:.4g}/Mpc, before the non-linear scale of today")
    return linear["pk_m"] * matter.T**2, None if pk_cb is None else linear["pk_cb"] * without.T**2


def _library() -> Any:
    """The extension of the patched classy, in place of stock classy or beside it."""
    from importlib import import_module

    for place in ("classy", "cosmicnet_classy.classy"):
        try:
            if place != "classy":
                from .classy import load

                load()
            found = extension_of(import_module(place))
        except ImportError:
            continue
        if hasattr(found, "line_of_sight_of_arrays"):
            return found
    raise CosmicnetError(f"line of sight, lensing and HMcode need the patched classy: {INSTALL_HINT}")


def _increasing(name: str, values: ArrayLike, least: int) -> Array:
    array = np.array(values, dtype=float)
    # written so that NaN is refused
    if array.ndim != 1 or array.size < least or not (
            array[0] > 0.0 and np.isfinite(array[-1]) and np.all(np.diff(array) > 0.0)):
        raise CosmicnetError(f"{name}: must be a list of {least} or more positive numbers, each larger than the one "
                             "before")
    return array


def _table(name: str, tables: Mapping[str, Array], shape: tuple[int, ...]) -> Array:
    if name not in tables:
        raise CosmicnetError(f"{name} is missing; there are {', '.join(tables) or 'none'}")
    table = np.asarray(tables[name], dtype=float)
    if table.shape != shape:
        raise CosmicnetError(f"{name}: has the shape {table.shape}, must have {shape}")
    if not np.all(np.isfinite(table)):
        raise CosmicnetError(f"{name}: has numbers that are not finite")
    return table


def _require_multipole(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 10:
        raise CosmicnetError(f"{name} = {value!r}: must be a whole number, 10 or more")


def _known(parameters: Mapping[str, Any] | None, modules: tuple[str, ...]) -> dict[str, Any]:
    """The parameters, all of which must act in these modules of CLASS."""
    given = dict(parameters or {})
    allowed = [p.name for p in CLASS_PARAMETERS.values() if p.module in modules and p.kind not in ("network", "output")]
    wrong = [name for name in given if name not in allowed]
    if wrong:
        raise CosmicnetError(f"{wrong[0]} does not act here; allowed are {', '.join(allowed)}")
    return given


def _primordial(given: tuple[ArrayLike, ArrayLike], k: Array) -> tuple[Array, Array]:
    """ln k and ln P, with a margin at both ends."""
    at = _increasing("k of the primordial spectrum", given[0], 4)
    spectrum = _table("P", {"P": np.asarray(given[1])}, at.shape)
    if not np.all(spectrum > 0.0):
        raise CosmicnetError("the primordial spectrum must be positive")
    if at[0] > k[0] * (1.0 + MARGIN) or at[-1] < k[-1] * (1.0 - MARGIN):
        raise CosmicnetError(f"the primordial spectrum is given from k = {at[0]:.4g} to {at[-1]:.4g}/Mpc, but sources "
                             f"from {k[0]:.4g} to {k[-1]:.4g}/Mpc")
    ln_k, ln_p = np.log(at), np.log(spectrum)
    slope = np.diff(ln_p) / np.diff(ln_k)
    ends = ln_k[0] - 2.0 * MARGIN, ln_k[-1] + 2.0 * MARGIN
    return (np.concatenate([ends[:1], ln_k, ends[1:]]),
            np.concatenate([[ln_p[0] - 2.0 * MARGIN * slope[0]], ln_p, [ln_p[-1] + 2.0 * MARGIN * slope[-1]]]))


def _by_multipole(names: tuple[str, ...], rows: Array) -> SpectraByName:
    """Rows as spectra from l = 0 on."""
    padded = np.concatenate([np.zeros((len(names), 2)), rows], axis=1)
    return {"ell": np.arange(padded.shape[1]), **dict(zip(names, padded, strict=True))}
