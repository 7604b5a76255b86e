"""Any request to classy gives the right spectra from networks, or a clear error. Never a wrong number."""
from __future__ import annotations

import functools
import re
import warnings
from typing import Any

import numpy as np
import pytest
from networks_under_test import NETWORKS, networks, nothing_warned_of, options  # noqa: F401  (fixtures)
from numpy.typing import NDArray
from providers import HALF_OF_WAVENUMBERS, Injector, computed

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetWarning
from cosmicnet.store import read_manifest

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched", "networks", "nothing_warned_of")

Array = NDArray[np.float64]

COSMOLOGY: dict[str, Any] = {
    "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055, "N_ur": 2.0308, "N_ncdm": 1,
    "m_ncdm": 0.06, "A_s": 2.100549e-9,
}
CMB = {"output": "tCl,pCl", "l_max_scalars": 600}
MATTER = {"output": "mPk", "P_k_max_1/Mpc": 1.0}
COUNTS = {"output": "nCl", "l_max_lss": 100, "selection_mean": "1.0", "selection_width": "0.1"}
SHEAR = {"output": "sCl", "l_max_lss": 100, "selection_mean": "1.0", "selection_width": "0.1"}

# Relative agreement with full CLASS (for TE and cross-spectra, of the geometric mean of the auto-spectra).
AGREEMENT = 1e-3
AGREEMENT_LOW_L = 1e-2
LOW_L_END = 30
# Of the sources of the damping tail, in the mean over tau and k.
SOURCE_AGREEMENT = 1e-2
# Two spellings of one cosmology differ by CLASS's own rounding and root finding only.
SPELLING_AGREEMENT = 1e-4


def settings_of(changes: dict[str, Any], output: dict[str, Any] = CMB) -> dict[str, Any]:
    """The baseline with changes; None takes a parameter out."""
    return {name: value for name, value in (COSMOLOGY | output | changes).items() if value is not None}


def results(model: Any, output: dict[str, Any]) -> dict[str, Array]:
    """All spectra of a run, by name."""
    if "mPk" in output["output"]:
        k = np.geomspace(1e-4, 0.99, 40)
        redshifts = [0.0, *([0.7, 2.0] if "z_max_pk" in output else [])]
        return {f"P(z={z})": np.array([model.pk_lin(x, z) for x in k]) for z in redshifts}
    if "Cl" in output["output"] and "l_max_lss" in output:
        spectra = model.density_cl(output["l_max_lss"])
        return {f"{name}{bins}": values[2:] for name in spectra if name != "ell"
                for bins, values in spectra[name].items()}
    spectra = model.raw_cl(output["l_max_scalars"])
    return {name: spectra[name][2:] for name in ("tt", "ee", "te", "bb")}


def assert_agree(ours: dict[str, Array], theirs: dict[str, Array], agreement: float, at_low_l: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        scale = np.sqrt(theirs["tt"] * theirs["ee"]) if name == "te" else np.abs(expected)
        error = np.abs(ours[name] - expected)
        tolerance = np.full(error.size, agreement)
        if not name.startswith("P("):
            tolerance[: LOW_L_END - 2] = at_low_l
        assert np.all(np.isfinite(ours[name])), name
        assert np.all(error <= tolerance * scale), f"{name}: {np.max(error / np.where(scale > 0, scale, 1.0))}"


@functools.cache
def baseline_from_networks() -> Any:
    return computed(settings_of(options()))


# --- requests that the networks cover -------------------------------------------------------------

# full CLASS integrates once for all requests of a kind
KINDS = {"CMB": CMB, "matter": {**MATTER, "z_max_pk": 2.0}, "counts": {**COUNTS, "output": "nCl,sCl"}}
# request and its kind
COVERED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "temperature and polarisation": ({}, CMB, "CMB"),
    "P(k) at several redshifts": ({}, {**MATTER, "z_max_pk": 2.0}, "matter"),
    "P(k) today": ({}, MATTER, "matter"),
    "galaxy lensing": ({}, SHEAR, "counts"),
    "number counts": ({}, COUNTS, "counts"),
    "scalars and tensors": ({"r": 0.1, "modes": "s,t"}, {**CMB, "l_max_tensors": 300}, "CMB"),
    "neutrinos by omega_ncdm": ({"m_ncdm": None, "omega_ncdm": 0.0006442}, MATTER, "matter"),
    "finer search for z_reio": ({"reionization_optical_depth_tol": 1e-7}, CMB, "CMB"),
    "other primordial spectrum": ({"n_s": 0.9, "alpha_s": 0.02, "A_s": 3e-9}, MATTER, "matter"),
}
# changes that scalar sources do not see, so that their spectra follow from the same integration
AFTER_SOURCES = {"r", "modes", "l_max_tensors", "n_s", "alpha_s", "A_s"}


def at_their_precision(settings: dict[str, Any]) -> dict[str, Any]:
    """The precision that the networks stand for with half of CLASS's wavenumbers. The same background and line of sight
    for both: by another rounding of the background alone CLASS's own line of sight moves TT by 0.15%."""
    return {**settings, **SAME_MODULES, **HALF_OF_WAVENUMBERS, **read_manifest(NETWORKS).precision_settings}


@functools.cache
def full_class(kind: str) -> Injector:
    """The sources of full CLASS for all requests of a kind."""
    model = computed(at_their_precision(settings_of({}, KINDS[kind])))
    assert not model.neural_network_info()["used"]
    return Injector(model.get_sources()[0])


@pytest.mark.parametrize("case", COVERED)
def test_covered_request_agrees_with_full_class(case: str) -> None:
    changes, output, kind = COVERED[case]
    ours = computed(at_their_precision(settings_of(changes, output) | options()))
    assert ours.neural_network_info()["used"]
    later = {name: value for name, value in (output | changes).items() if name in AFTER_SOURCES}
    full = computed(at_their_precision(settings_of(later, KINDS[kind])), full_class(kind))
    # that of a kind may have further spectra
    found, expected = results(ours, output), results(full, output)
    assert found
    assert_agree(found, {name: expected[name] for name in found}, AGREEMENT, AGREEMENT_LOW_L)


@pytest.mark.parametrize("output", ["pCl", "tCl"])
def test_spectra_asked_for_alone_are_those_asked_for_together(output: str) -> None:
    """p is made of t2, which is not there if only polarisation is asked for."""
    alone = computed(settings_of(options(), CMB | {"output": output}))
    assert alone.neural_network_info()["used"]
    name = {"pCl": "ee", "tCl": "tt"}[output]
    together = baseline_from_networks().raw_cl(600)[name][2:]
    np.testing.assert_allclose(alone.raw_cl(600)[name][2:], together, rtol=SPELLING_AGREEMENT)


def test_l_max_6000_agrees_with_full_class() -> None:
    """At the level of the sources, at the largest k that l = 6000 needs; a quarter of CLASS's wavenumbers."""
    settings = settings_of({}, {"output": "tCl,pCl", "l_max_scalars": 6000, "k_step_sub": 0.2, "k_step_super": 0.01})
    ours = computed(settings | options(), level="perturbations")
    assert ours.neural_network_info()["used"]
    sources, k, tau = ours.get_sources()
    full = computed(settings, level="perturbations").get_sources()[0]
    # l = 6000 is k = 0.43/Mpc at recombination, tau = 281 Mpc
    rows, near = (k > 0.3) & (k < 0.43), (tau > 250.0) & (tau < 320.0)
    for name in ("t0", "p"):
        ours_there, full_there = sources[name][np.ix_(rows, near)], full[name][np.ix_(rows, near)]
        assert np.linalg.norm(ours_there - full_there) < SOURCE_AGREEMENT * np.linalg.norm(full_there), name


H = 0.674


def spelled(name: str) -> dict[str, Any]:
    reference = baseline_from_networks()
    return {
        "h": lambda: {"H0": None, "h": H},
        "Omega": lambda: {"omega_b": None, "Omega_b": 0.0224 / H**2, "omega_cdm": None, "Omega_cdm": 0.12 / H**2},
        "theta_s": lambda: {"H0": None, "100*theta_s": reference.theta_s_100()},
        "amplitude": lambda: {"A_s": None, "ln10^{10}A_s": np.log(21.00549)},
        "z_reio": lambda: {"tau_reio": None, "z_reio": reference.get_current_derived_parameters(["z_reio"])["z_reio"]},
        "deg_ncdm": lambda: {"deg_ncdm": 1},
        "booleans": lambda: {"neural_network": True},
    }[name]()


@pytest.mark.parametrize("name", ["h", "Omega", "theta_s", "amplitude", "z_reio", "deg_ncdm", "booleans"])
def test_spelling_does_not_matter(name: str) -> None:
    model = computed(settings_of(options() | spelled(name)))
    assert model.neural_network_info()["used"]
    reference = baseline_from_networks()
    if name in ("theta_s", "z_reio"):
        # found by iteration, so not exactly those of the baseline
        found = {"H0": 100.0 * model.h(), "tau_reio": model.tau_reio()}
        assert found == pytest.approx({"H0": COSMOLOGY["H0"], "tau_reio": COSMOLOGY["tau_reio"]}, rel=1e-3)
        reference = computed(settings_of(options() | found))
    assert_agree(results(model, CMB), results(reference, CMB), SPELLING_AGREEMENT, SPELLING_AGREEMENT)


# --- requests that the networks do not cover ------------------------------------------------------

# settings of the request, and required words of the message: parameter, value, covered values
UNCOVERED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "density transfer functions": ({}, {"output": "mTk"}, r"more source functions \(.*delta_ur\b.*mTk"),
    "velocity transfer functions": ({}, {"output": "vTk"}, r"more source functions \(.*theta_ur\b.*vTk"),
    "isocurvature beside adiabatic": ({"ic": "ad,cdi", "f_cdi": 0.5}, CMB, r"has_cdi = 1, .* with 0"),
    "isocurvature": ({"ic": "cdi"}, CMB, r"has_ad = 0, .* with 1"),
    "k_output_values": ({"k_output_values": "0.01,0.1"}, CMB, r"k_output_values_num = 2, .* with 0"),
    "curvature": ({"Omega_k": 0.01}, CMB, r"Omega0_k = 0.01, .* with 0"),
    "tiny curvature": ({"Omega_k": 1e-7}, CMB, r"Omega0_k = 1e-07, .* with 0"),
    "dark energy": ({"Omega_Lambda": 0, "w0_fld": -0.9, "wa_fld": 0.1}, CMB, r"has_fld = 1, .* with 0"),
    "three massive neutrinos": (
        {"N_ncdm": 3, "m_ncdm": "0.02,0.02,0.02", "N_ur": 0.00641}, CMB, r"N_ncdm = 3 .*\[0, 1\]"),
    "degenerate neutrinos": ({"deg_ncdm": 3, "m_ncdm": 0.02, "N_ur": 0.00641}, CMB, r"deg_ncdm = 3, .* with 1"),
    "neutrino mass and density": ({"omega_ncdm": 0.0009}, CMB, r"deg_ncdm = 1\.397"),
    "neutrino mass": ({"m_ncdm": 0.3}, CMB, r"m_ncdm_largest = 0\.3 .*\[0, 0\.12\]"),
    "extra radiation": ({"N_ur": 3.5}, CMB, r"N_eff = 4\.5\d* .*\[3\.02, 3\.07\]"),
    "dark radiation": ({"N_idr": 0.3}, CMB, r"has_idr = 1, .* with 0"),
    "decaying dark matter": (
        {"omega_cdm": 0.1, "omega_dcdmdr": 0.02, "Gamma_dcdm": 50}, CMB, r"has_dcdm = 1, .* with 0"),
    "neutrino sound speed": ({"ceff2_ur": 0.4}, CMB, r"three_ceff2_ur = 1\.2, .* with 1"),
    "helium": ({"YHe": 0.26}, CMB, r"YHe = 0\.26 .*\[0\.24, 0\.252\]"),
    "T_cmb": ({"T_cmb": 2.7}, CMB, r"T_cmb = 2\.7, .* with 2\.7255"),
    "T_cmb, a little": ({"T_cmb": 2.7255001}, CMB, r"T_cmb = 2\.7255001, .* with 2\.7255"),
    "varying constants": (
        {"varying_fundamental_constants": "instantaneous", "varying_alpha": 1.01}, CMB, r"has_varconst = 1"),
    "gauge": (
        {"gauge": "newtonian", "matter_source_in_current_gauge": "yes"}, MATTER, r"gauge = 0, .* with 1"),
    "matter in the current gauge": (
        {"matter_source_in_current_gauge": "yes"}, MATTER, r"has_matter_source_in_current_gauge = 1"),
    "perturbation precision": (
        {"tol_perturbations_integration": 1e-7}, CMB, r"tol_perturbations_integration = 1e-07, .* with 1e-06"),
    "search for z_reio without end": (
        {"reionization_optical_depth_tol": 1e-9}, CMB, r"reionization_optical_depth_tol = 1e-09, .* with 0\.0001"),
    "reionisation that CLASS cannot tabulate": (
        {"reionization_width": 0.01}, CMB, "reionization_sampling"),
    "recfast": ({"recombination": "recfast"}, CMB, r"recombination = 0, .* with 1"),
    "perturbed recombination": ({"perturbed recombination": "yes"}, CMB, r"has_perturbed_recombination = 1"),
    "part of the temperature": ({"temperature contributions": "tsw,dop"}, CMB, r"switch_pol = 0, .* with 1"),
    "k of P(k)": ({}, MATTER | {"P_k_max_1/Mpc": 140.0}, r"\d+\.?\d*/Mpc"),
    "early sources": (
        {"start_sources_at_tau_c_over_tau_h": 0.002}, CMB, "tau = "),
}


def outside(parameter: str, value: float) -> str:
    return rf"{parameter} = {re.escape(f'{value:.6g}')} .*\[[\d.]+, [\d.]+\]"


for _parameter, _values in {
    "omega_b": (0.017, 0.027), "omega_cdm": (0.08, 0.16), "H0": (50.0, 90.0), "tau_reio": (0.25,),
}.items():
    for _value in _values:
        UNCOVERED[f"{_parameter} = {_value}"] = ({_parameter: _value}, CMB, outside(_parameter, _value))
UNCOVERED["h outside"] = ({"H0": None, "h": 0.9}, CMB, outside("H0", 90.0))
UNCOVERED["z_reio outside"] = ({"tau_reio": None, "z_reio": 32.0}, CMB, r"tau_reio = 0\.\d+ .*\[")


@pytest.mark.parametrize("case", UNCOVERED)
def test_uncovered_request_is_a_clear_error(case: str) -> None:
    changes, output, message = UNCOVERED[case]
    model = classy.Class()
    model.set(settings_of(changes, output) | options("error"))
    # severe where no cosmology could be covered
    with pytest.raises((classy.CosmoComputationError, classy.CosmoSevereError), match=message):
        model.compute()
    assert model.neural_network_info()["used"] is False


# Cheap ones of several kinds; that provide() returns False for each kind is tested without CLASS.
INTEGRATED_INSTEAD = ("omega_cdm = 0.16", "density transfer functions", "dark energy", "gauge")


@pytest.mark.parametrize("case", INTEGRATED_INSTEAD)
def test_fallback_is_full_class_counted_and_warned_of(case: str) -> None:
    changes, output, message = UNCOVERED[case]
    smaller = {"l_max_scalars": 100} if "l_max_scalars" in output else {"P_k_max_1/Mpc": 0.1}
    settings = settings_of(changes, output | smaller)
    before = baseline_from_networks().neural_network_info()["fallbacks"]
    with pytest.warns(CosmicnetWarning, match=message):
        ours = computed(settings | options("full"), level="perturbations")
    info = ours.neural_network_info()
    assert info["used"] is False
    assert re.search(message, info["reason"])
    assert info["fallbacks"] == before + 1
    full = computed(settings, level="perturbations").get_sources()[0]
    for name, table in ours.get_sources()[0].items():
        assert np.array_equal(table, full[name]), name


def test_a_chain_that_leaves_the_domain_warns_once_and_counts() -> None:
    before = baseline_from_networks().neural_network_info()["fallbacks"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for h0 in (50.0, 51.5):
            model = computed(settings_of({"H0": h0}, MATTER) | options("full"), level="perturbations")
    assert len([w for w in caught if issubclass(w.category, CosmicnetWarning)]) == 1
    assert model.neural_network_info()["fallbacks"] == before + 2


def test_networks_are_used_again_after_a_fallback() -> None:
    model = classy.Class()
    used = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CosmicnetWarning)
        for h0 in (67.4, 50.0, 67.4):
            model.set(settings_of({"H0": h0}, MATTER) | options("full"))
            model.compute()
            used.append((model.neural_network_info()["used"], model.sigma8()))
    assert [u for u, _ in used] == [True, False, True]
    assert used[0][1] == used[2][1]


def test_where_warnings_are_errors_every_fallback_is_the_same_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", CosmicnetWarning)
        for _ in range(2):
            with pytest.raises(classy.CosmoComputationError, match="H0 = 50"):
                computed(settings_of({"H0": 50.0}, MATTER) | options("full"), level="perturbations")


def test_a_request_without_scalar_modes_says_so() -> None:
    model = computed({"output": "tCl", "modes": "t", "r": 0.1, "l_max_tensors": 20} | options("error"))
    info = model.neural_network_info()
    assert not info["used"] and info["reason"] == "no sources of scalar modes were needed"


@pytest.mark.parametrize("parameter", ["omega_b", "omega_cdm", "H0", "tau_reio", "N_ur", "m_ncdm", "A_s", "n_s"])
@pytest.mark.parametrize("fallback", ["full", "error"])
def test_nan_is_refused_by_name(parameter: str, fallback: str) -> None:
    with pytest.raises(classy.CosmoSevereError, match=parameter):
        computed(settings_of({parameter: float("nan")}, MATTER) | options(fallback))


@pytest.mark.parametrize(("parameter", "value"), {
    "omega_b": -0.02, "omega_cdm": -0.1, "H0": -67.4, "tau_reio": -0.05, "N_ur": -1.0, "m_ncdm": -0.06, "YHe": -0.2,
    "A_s": -2e-9}.items())
def test_negative_parameter_is_an_error(parameter: str, value: float) -> None:
    with pytest.raises((classy.CosmoSevereError, classy.CosmoComputationError)) as raised:
        computed(settings_of({parameter: value}) | options("error"))
    # CLASS names density parameters by its own field, Omega0_...
    assert parameter.partition("_")[2] in str(raised.value) or parameter in str(raised.value)


@pytest.mark.parametrize("parameter", ["H0", "T_cmb"])
def test_zero_that_would_crash_class_is_refused(parameter: str) -> None:
    with pytest.raises(classy.CosmoSevereError, match=f"{parameter} = 0"):
        computed(settings_of({parameter: 0}) | options("error"))
