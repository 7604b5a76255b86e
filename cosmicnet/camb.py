"""Networks in CAMB: its background and recombination in, lensed spectra of the CMB and P(k) out.

CAMB (`pip install camb`) gives the expansion, the scattering rate and the primordial spectrum; networks give the source
functions; line of sight, lensing and HMcode are those of the patched classy (cosmicnet.spectra).
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from . import spectra
from .background import BOLTZMANN, EV, Background
from .choice import AUTO, choose, sets_by_domain
from .coverage import values_for_domain, why_not_covered
from .errors import CosmicnetError, NotCovered
from .fields import inputs_of
from .history import GivenRequest, History, request_of
from .store import NetworkSet, load_network_set

__all__ = ["Results", "get_results", "history_of", "parameters_of", "unlensed_l_max"]

Array = NDArray[np.float64]

# Rows of the history: the redshift at which they begin (at least), steps in conformal time (Mpc) through
# recombination, and numbers of rows before and after it. Ends of recombination, as fractions of the time of largest
# visibility.
FIRST_TIME, RECOMBINATION, STEP_OF_RECOMBINATION, ROWS_BEFORE, ROWS_AFTER = 2.0, (0.7, 1.8), 0.3, 300, 1500

# k (1/Mpc) of the sources of lensing, and of non-linear corrections; redshifts of the latter, evenly in ln (1+z).
LENSING_K, NON_LINEAR_K, NON_LINEAR_Z, NON_LINEAR_STEPS = 10.0, 20.0, 15.0, 48
# CAMB's models of non-linear spectra and HMcode's versions in CLASS.
HMCODE_VERSIONS = {"mead": "2015", "mead2015": "2015", "mead2016": "2015", "mead2020": "2020",
                   "mead2020_feedback": "2020_baryonic_feedback"}
FEEDBACK = "mead2020_feedback"

# Unlensed spectra extend beyond l_max by this fraction of it, as in CLASS, and by at least this many multipoles.
PART_BEYOND, LEAST_BEYOND = 3, 800
DARK_ENERGY = ("DarkEnergyFluid", "DarkEnergyPPF")
HYREC, RECFAST = 1.0, 0.0


@dataclass(frozen=True)
class Results:
    """Spectra of one cosmology.

    lensed, unlensed: dimensionless C_l from l = 0 to l_max by their names, tt, ee, te, bb, pp (unlensed also tp), as
    CLASS has them. k: 1/Mpc; z: redshifts, increasing; pk_m, pk_cb: P(k) (Mpc^3) of all matter and of baryons and
    cold dark matter, (k, z), non-linear where CAMB's parameters say so. network: the set; seconds: by step; background:
    CAMB's own results of the background, with its distances and derived parameters.
    """

    lensed: Mapping[str, Array]
    unlensed: Mapping[str, Array]
    k: Array
    z: Array
    pk_m: Array
    pk_cb: Array
    pk_m_linear: Array
    pk_cb_linear: Array
    network: str
    seconds: Mapping[str, float]
    background: Any

    @property
    def t_cmb(self) -> float:
        return float(self.background.Params.TCMB)

    def get_lensed_scalar_cls(self, CMB_unit: str | None = "muK") -> Array:
        """l(l+1)C_l/2pi of TT, EE, BB, TE by columns, as CAMB's method of this name; CMB_unit: 'muK', or None for no
        unit."""
        if CMB_unit not in ("muK", None):
            raise CosmicnetError(f"CMB_unit = {CMB_unit!r}: allowed are 'muK' and None")
        ell = np.arange(self.lensed["tt"].size)
        unit = (1e6 * self.t_cmb) ** 2 if CMB_unit else 1.0
        return np.stack([self.lensed[name] for name in ("tt", "ee", "bb", "te")], axis=1) * (
            unit * ell * (ell + 1) / (2.0 * np.pi))[:, None]


def get_results(params: Any, l_max: int | None = None, network: str = AUTO) -> Results:
    """Spectra for a CAMBparams object, by networks.

    l_max: of the lensed spectra, by default CAMB's own. network: a name or folder, or 'auto' for the narrowest
    installed set that covers the cosmology. Redshifts and k of P(k), non-linear corrections and the primordial
    spectrum are those of `params`. Raises NotCovered if no set covers the cosmology, CosmicnetError for options of CAMB
    that have no counterpart here.
    """
    clock = [perf_counter()]
    version, non_linear = _hmcode(params)
    _require_scalars(params)
    _require_known(params)
    background = _camb().get_background(params)
    history = history_of(background)
    clock.append(perf_counter())
    last = int(params.max_l - params.lens_output_margin) if l_max is None else l_max
    redshifts = np.unique(np.append(np.asarray(params.Transfer.PK_redshifts[:params.Transfer.PK_num_redshifts]), 0.0))
    k_max = max(float(params.Transfer.kmax), NON_LINEAR_K if version else LENSING_K)
    request = request_of(history, parameters_of(background), l_max=unlensed_l_max(last), k_max=k_max)
    used, networks, request = _covering(request, network)
    networks.emulator.fill(request)
    clock.append(perf_counter())
    tables = {name: table.T for name, table in request.tables.items()}
    primordial = np.asarray(params.scalar_power(request.k))
    matter = _Matter(request, history, tables, primordial)
    corrections = matter.corrections(
        _parameters_of_hmcode(params, version), _densities(request, params)) if version else None
    if corrections is not None and non_linear.lens:
        tables["phi_plus_psi"] = tables["phi_plus_psi"] * corrections.at(matter.z)[0]
    linear = [matter.power(name, redshifts) for name in ("delta_m", "delta_cb")]
    power = linear
    if corrections is not None and non_linear.power:
        power = [spectrum * ratio**2 for spectrum, ratio in zip(linear, corrections.at(redshifts), strict=True)]
    clock.append(perf_counter())
    unlensed = spectra.line_of_sight(
        request.k, request.tau, tables, primordial=(request.k, primordial), tau_rec=request.cosmology["tau_rec"],
        l_max=unlensed_l_max(last), k_size_cmb=request.k_size_cmb, curvature=request.curvature)
    unlensed = {**unlensed, "pp": unlensed["pp"] * params.Alens, "tp": unlensed["tp"] * np.sqrt(params.Alens)}
    clock.append(perf_counter())
    lensed = spectra.lens(unlensed, last)
    clock.append(perf_counter())
    steps = ("CAMB's background", "sources", "matter", "line of sight", "lensing")
    return Results(
        lensed=lensed, unlensed={name: cl[:last + 1] for name, cl in unlensed.items()}, k=request.k, z=redshifts,
        pk_m=power[0], pk_cb=power[1], pk_m_linear=linear[0], pk_cb_linear=linear[1], network=used,
        seconds=dict(zip(steps, np.diff(clock).tolist(), strict=True)), background=background)


def unlensed_l_max(l_max: int) -> int:
    """The last unlensed multipole for lensed spectra to l_max."""
    return l_max + max(l_max // PART_BEYOND, LEAST_BEYOND)


def history_of(background: Any) -> History:
    """Expansion and scattering rate of CAMB's results (camb.get_background())."""
    age, peak = float(background.tau0), float(background.tau_maxvis)
    first, last = (part * peak for part in RECOMBINATION)
    tau = np.concatenate([np.geomspace(FIRST_TIME, first, ROWS_BEFORE)[:-1],
                          np.arange(first, last, STEP_OF_RECOMBINATION), np.geomspace(last, age, ROWS_AFTER)])
    z = np.append(background.redshift_at_conformal_time(tau[:-1]), 0.0)
    # these are exact
    tau = np.asarray(background.conformal_time(z))
    evolution = background.get_background_time_evolution(tau, vars=["opacity"])
    return History(tau, 1.0 / (1.0 + z), np.asarray(background.h_of_z(z)) / (1.0 + z), np.asarray(evolution["opacity"]))


def parameters_of(background: Any) -> dict[str, float]:
    """The cosmology of CAMB's results by CLASS's names, as request_of() takes it; NotCovered, by name, for components
    that CLASS's networks do not know."""
    params = background.Params
    _require_known(params)
    dark_energy = params.DarkEnergy
    is_fluid = dark_energy.w != -1.0 or dark_energy.wa != 0.0
    return {
        "H0": params.H0, "omega_b": params.ombh2, "omega_cdm": params.omch2, "Omega0_k": params.omk,
        "T_cmb": params.TCMB, "YHe": params.YHe, "has_fld": float(is_fluid),
        "N_ur": background.grhornomass / background.grhog / _per_species(),
        "w0_fld": dark_energy.w, "wa_fld": dark_energy.wa, "cs2_fld": dark_energy.cs2,
        # without a fluid its equations do not matter
        "use_ppf": float(type(dark_energy).__name__ == "DarkEnergyPPF" or not is_fluid),
        **_massive_neutrinos(background),
    }


def _camb() -> Any:
    try:
        import camb
    except ImportError as error:
        raise CosmicnetError("CAMB is not installed: pip install camb") from error
    return camb


def _per_species() -> float:
    """The density of one massless neutrino relative to photons."""
    return float(7.0 / 8.0 * (4.0 / 11.0) ** (4.0 / 3.0))


def _massive_neutrinos(background: Any) -> dict[str, float]:
    """CLASS's parameters of CAMB's massive eigenstates.

    CAMB gives them the temperature of massless neutrinos and a degeneracy that is not whole. A higher temperature
    with as many neutrinos is the same at all times: energies depend on m/T and on deg T^4.
    """
    params, found = background.Params, {"N_ncdm": float(background.Params.nu_mass_eigenstates)}
    for index in range(params.nu_mass_eigenstates):
        end = "" if index == 0 else f"_{index + 1}"
        number = float(params.nu_mass_numbers[index])
        in_massless = background.grhormass[index] / background.grhog / _per_species()
        temperature = (4.0 / 11.0) ** (1.0 / 3.0) * (in_massless / number) ** 0.25
        mass = background.nu_masses[index] * BOLTZMANN * temperature * params.TCMB / EV
        found |= {f"deg_ncdm{end}": number, f"T_ncdm{end}": temperature,
                  "m_ncdm" if not end else f"m_ncdm_in_eV{end}": mass}
    return found


def _require_known(params: Any) -> None:
    dark_energy = params.DarkEnergy
    kind = type(dark_energy).__name__
    if kind not in DARK_ENERGY or dark_energy.use_tabulated_w:
        what = "a tabulated equation of state" if kind in DARK_ENERGY else kind
        raise NotCovered(f"DarkEnergy: {what} is not covered; networks know {' and '.join(DARK_ENERGY)} with w and wa")
    for name in ("Evolve_baryon_cs", "Evolve_delta_xe", "Do21cm"):
        if getattr(params, name):
            raise NotCovered(f"{name} = True is not covered; networks know CAMB's default, False")
    if params.scalar_initial_condition != "initial_adiabatic":
        raise NotCovered(f"scalar_initial_condition = {params.scalar_initial_condition} is not covered; networks know "
                         "initial_adiabatic")


def _require_scalars(params: Any) -> None:
    if params.WantTensors:
        raise CosmicnetError("WantTensors = True: networks give scalar modes; take tensors from CAMB itself")
    if len(params.SourceWindows):
        raise CosmicnetError("SourceWindows: networks do not give sources of CAMB's windows")


def _covering(request: GivenRequest, network: str) -> tuple[str, NetworkSet, GivenRequest]:
    """The set that covers the request, and the request with the recombination code nearest to CAMB's history."""
    why_not = {}
    for name, networks in sets_by_domain() if network == AUTO else [(network, load_network_set(network))]:
        nearest = _with_recombination(request, networks)
        why_not[name] = tuple(why_not_covered(nearest, networks, None))
        if not why_not[name]:
            return name, networks, nearest
    name = choose([why_not])
    raise NotCovered(f"not covered by '{name}': {'; '.join(why_not[name])}")


def _with_recombination(request: GivenRequest, networks: NetworkSet) -> GivenRequest:
    """HyRec or RECFAST, whichever has its largest visibility nearer to this history's, if a set knows both."""
    manifest = networks.manifest
    codes = (HYREC, RECFAST) if "recombination" in manifest.domain else (manifest.setup.get("recombination", HYREC),)
    requests = [replace(request, setup={**request.setup, "recombination": code}) for code in codes]

    def difference(one: GivenRequest) -> float:
        expected = dict(zip(manifest.derived, networks.derived(
            inputs_of(values_for_domain(one), tuple(manifest.derived_inputs))), strict=True))
        return abs(float(one.cosmology["visibility_max"] / expected["visibility_max"]) - 1.0)

    return requests[0] if len(requests) == 1 else min(requests, key=difference)


@dataclass(frozen=True)
class _NonLinear:
    """The quantities to which non-linear corrections apply."""

    power: bool
    lens: bool


def _hmcode(params: Any) -> tuple[str, _NonLinear]:
    """HMcode's version, '' for linear spectra, and the quantities to which it applies."""
    kind = str(params.NonLinear)
    acts = _NonLinear(power=kind in ("NonLinear_pk", "NonLinear_both"),
                      lens=kind in ("NonLinear_lens", "NonLinear_both"))
    if not (acts.power or acts.lens):
        return "", acts
    model = getattr(params.NonLinearModel, "halofit_version", type(params.NonLinearModel).__name__)
    if model not in HMCODE_VERSIONS:
        raise CosmicnetError(f"NonLinearModel: {model}; HMcode's versions are there as {', '.join(HMCODE_VERSIONS)}")
    return HMCODE_VERSIONS[model], acts


def _parameters_of_hmcode(params: Any, version: str) -> dict[str, Any]:
    """CLASS's parameters of CAMB's model, with baryonic feedback."""
    model, found = params.NonLinearModel, {"hmcode_version": version}
    if version == "2015":
        return {**found, "c_min": model.HMCode_A_baryon, "eta_0": model.HMCode_eta_baryon}
    return {**found, "log10T_heat_hmcode": model.HMCode_logT_AGN} if version == HMCODE_VERSIONS[FEEDBACK] else found


def _densities(request: GivenRequest, params: Any) -> spectra.Densities:
    implied = Background.of({**request.setup, **request.cosmology})
    h2 = (params.H0 / 100.0) ** 2
    massive = float(implied.massive_energy(np.ones(1))[0])
    return spectra.Densities(
        h=params.H0 / 100.0, matter=(implied.matter + massive) / h2, baryons=implied.baryons / h2,
        cdm=request.cosmology["omega_cdm"] / h2, dark_energy=implied.dark_energy / h2, massive=massive / h2,
        curvature=implied.curvature / h2, w0=implied.w0, wa=implied.wa, T_cmb=params.TCMB,
        N_eff=request.cosmology["N_eff"])


class _Corrections:
    """Square roots of the ratio of non-linear to linear spectra, by redshift."""

    def __init__(self, z: Array, ratios: tuple[Array, Array]) -> None:
        self._ln = np.log1p(z)[::-1]
        self._ratios = [ratio[:, ::-1] for ratio in ratios]

    def at(self, z: ArrayLike) -> list[Array]:
        """Of all matter and of baryons and cold dark matter, (k, z); 1 beyond the largest redshift."""
        at = np.log1p(np.asarray(z))
        i = np.clip(np.searchsorted(self._ln, at) - 1, 0, self._ln.size - 2)
        t = np.clip((at - self._ln[i]) / (self._ln[i + 1] - self._ln[i]), 0.0, 1.0)
        return [np.where(at <= self._ln[-1], (1.0 - t) * ratio[:, i] + t * ratio[:, i + 1], 1.0)
                for ratio in self._ratios]


class _Matter:
    """Spectra of matter from sources; z: redshifts of the sources' times."""

    def __init__(self, request: GivenRequest, history: History, tables: Mapping[str, Array], primordial: Array) -> None:
        self.z = np.maximum(1.0 / request.history["scale_factor"] - 1.0, 0.0)
        self._request = request
        self._tables = tables
        self._factor = primordial * 2.0 * np.pi**2 / request.k**3

    def power(self, source: str, z: ArrayLike) -> Array:
        """Linear P(k) in Mpc^3 at redshifts, (k, z)."""
        late = self.z < 2.0 * np.max(z) + 20.0
        spline = CubicSpline(np.log1p(self.z[late])[::-1], self._tables[source][:, late][:, ::-1], axis=1)
        return np.asarray(self._factor[:, None] * spline(np.log1p(np.asarray(z))) ** 2)

    def corrections(self, parameters: Mapping[str, Any], densities: spectra.Densities) -> _Corrections:
        z = np.expm1(np.linspace(np.log1p(NON_LINEAR_Z), 0.0, NON_LINEAR_STEPS))
        z[-1] = 0.0
        linear = self.power("delta_m", z)
        without = self.power("delta_cb", z) if densities.massive else None
        matter, cb = spectra.hmcode(self._request.k, z, linear, densities, without, parameters)
        ratio = np.sqrt(matter / linear)
        return _Corrections(z, (ratio, ratio if cb is None or without is None else np.sqrt(cb / without)))
