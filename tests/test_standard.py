"""The networks `standard`: coverage in every spelling, and accuracy against converged CLASS."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from providers import HALF_OF_WAVENUMBERS, computed

from cosmicnet import covers
from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.store import read_manifest
from cosmicnet.training.evaluate.domain import points_of_domain

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

BASE: dict[str, Any] = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055}
FLUID = {"Omega_Lambda": 0, "fluid_equation_of_state": "CLP"}
CMB = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 600, "P_k_max_1/Mpc": 1.0, "z_max_pk": 1.0}
NETWORKS = {"neural_network": "yes", "neural_network_path": "standard", "neural_network_fallback": "error"}

COVERED: dict[str, dict[str, Any]] = {
    "no massive neutrino": {},
    "one of any mass": {"N_ncdm": 1, "m_ncdm": 0.4, "N_ur": 2.03},
    "by its density": {"N_ncdm": 1, "omega_ncdm": 0.003, "N_ur": 2.03},
    "two": {"N_ncdm": 2, "m_ncdm": "0.05,0.3", "N_ur": 1.0},
    "normal hierarchy": {"N_ncdm": 3, "m_ncdm": "0.01,0.0133,0.0512", "N_ur": 0.0044},
    "no massless ones": {"N_ncdm": 3, "m_ncdm": "0.02,0.02,0.06", "N_ur": 0.0},
    "the other convention": {"N_ncdm": 1, "m_ncdm": 0.06, "T_ncdm": (4.0 / 11.0) ** (1.0 / 3.0), "N_ur": 2.046},
    "more radiation": {"N_ur": 4.5},
    "helium": {"YHe": 0.3},
    "another table of helium": {"sBBN file": "/external/bbn/sBBN.dat"},
    "RECFAST": {"recombination": "RECFAST"},
    "temperature": {"T_cmb": 2.72},
    "a coarser background": {"tol_background_integration": 1e-6},
    "finer hierarchies of neutrinos that are not there": {"l_max_ncdm": 100, "tol_ncdm_synchronous": 1e-10},
    "Newtonian gauge": {"gauge": "newtonian", "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.03},
    "w0 and wa": {**FLUID, "w0_fld": -0.6, "wa_fld": -1.2, "N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.03},
    "w without PPF": {**FLUID, "w0_fld": -0.9, "use_ppf": "no"},
    "open": {"Omega_k": 0.02},
    "closed": {"Omega_k": -0.02},
    "large wavenumbers": {"P_k_max_1/Mpc": 67, "l_max_scalars": 9500, "delta_l_max": 1800},
    "finer precision": {"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.03, "l_max_g": 40, "l_max_ur": 35, "l_max_pol_g": 60,
                        "l_max_ncdm": 30, "tol_ncdm_synchronous": 1e-6},
}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a heavy neutrino": ({"N_ncdm": 1, "m_ncdm": 0.7, "N_ur": 2.03}, "m_ncdm_largest"),
    "heavy ones together": ({"N_ncdm": 1, "m_ncdm": 0.5, "deg_ncdm": 3, "N_ur": 0.1}, "m_ncdm_sum"),
    "four species": (
        {"N_ncdm": 4, "m_ncdm": "0.01,0.01,0.01,0.01", "T_ncdm": "0.6,0.6,0.6,0.6", "N_ur": 0.0}, "N_ncdm"),
    "chemical potential": ({"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.03, "ksi_ncdm": 0.3}, "ksi_ncdm"),
    "chemical potential of the second": (
        {"N_ncdm": 2, "m_ncdm": "0.06,0.06", "N_ur": 1.0, "ksi_ncdm": "0,0.3"}, "ksi_ncdm_2"),
    "hot neutrinos": ({"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 0.5, "T_ncdm": 0.9}, "T_ncdm_largest"),
    "early dark energy": ({**FLUID, "w0_fld": -0.3, "wa_fld": 0.2}, "dark_energy_to_matter_rec"),
    "Omega_Lambda beside a fluid": (
        {"Omega_Lambda": 0.3, "fluid_equation_of_state": "CLP", "w0_fld": -0.8}, "expansion"),
    "injection": ({"DM_annihilation_efficiency": 1e-24}, "has_exotic_injection"),
    "matter in the Newtonian gauge": ({"gauge": "newtonian", "matter_source_in_current_gauge": "yes"}, "gauge"),
    "too much curvature": ({"Omega_k": 0.15}, "Omega0_k"),
    "a background that is too coarse": ({"tol_background_integration": 1e-4}, "expansion"),
    "too fine": ({"l_max_g": 50}, "l_max_g"),
}


@pytest.mark.parametrize("name", COVERED)
def test_is_covered(name: str) -> None:
    coverage = covers({**CMB, **BASE, **COVERED[name]}, "standard")
    assert coverage, str(coverage)


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_the_name_of_what_is_in_the_way(name: str) -> None:
    settings, word = REFUSED[name]
    coverage = covers({**CMB, **BASE, **settings}, "standard")
    assert not coverage and word in str(coverage)


def model_of(settings: dict[str, Any]) -> Any:
    return computed({**CMB, **BASE, **SAME_MODULES, **settings})


def test_species_may_be_written_in_any_way() -> None:
    """Three equal ones as one of a degeneracy, and as three in another order."""
    k = np.geomspace(1e-4, 0.9, 30)

    def spectra(settings: dict[str, Any]) -> list[Any]:
        model = model_of({**NETWORKS, "N_ur": 0.0044, **settings})
        return [model.lensed_cl(600)["tt"][2:], model.lensed_cl(600)["ee"][2:], [model.pk_lin(x, 0.5) for x in k]]

    one = spectra({"N_ncdm": 1, "m_ncdm": 0.1, "deg_ncdm": 3})
    three = spectra({"N_ncdm": 3, "m_ncdm": "0.1,0.1,0.1"})
    ordered, reversed_ = (spectra({"N_ncdm": 3, "m_ncdm": masses}) for masses in ("0.02,0.06,0.2", "0.2,0.06,0.02"))
    for a, b in ((one, three), (ordered, reversed_)):
        for first, second in zip(a, b, strict=True):
            assert first == pytest.approx(second, rel=1e-5)


def test_gauge_matters_neither_to_class_nor_to_networks() -> None:
    """The sources of the CMB and of matter, as CLASS defines them by default, are gauge-invariant."""
    k = np.geomspace(2e-4, 0.2, 20)

    def spectra(settings: dict[str, Any]) -> list[Any]:
        model = model_of({"N_ncdm": 1, "m_ncdm": 0.2, "N_ur": 2.03, "l_max_scalars": 200, **settings,
                          "P_k_max_1/Mpc": 0.25})
        return [model.lensed_cl(200)["tt"][2:], model.lensed_cl(200)["ee"][2:], [model.pk_lin(x, 0.5) for x in k]]

    for mode, agreement in ((NETWORKS, 1e-6), ({}, 2e-3)):
        both = (spectra({**mode, "gauge": gauge}) for gauge in ("synchronous", "newtonian"))
        for ours, theirs in zip(*both, strict=True):
            assert ours == pytest.approx(theirs, rel=agreement)


@pytest.mark.parametrize("cosmology", [
    {}, {"Omega_k": 0.01},
    # w crosses -1; three massive neutrinos and no massless ones
    {**FLUID, "w0_fld": -0.75, "wa_fld": -0.9, "N_ncdm": 1, "deg_ncdm": 3, "m_ncdm": 0.03, "N_ur": 0.0},
], ids=["LCDM", "open", "dark energy"])
def test_is_near_converged_class(cosmology: dict[str, Any]) -> None:
    """Lensed spectra to l = 400, P(k) and sigma8 of three cosmologies."""
    settings = {**read_manifest("standard").precision_settings, **cosmology, "P_k_max_1/Mpc": 0.3,
                "l_max_scalars": 400, **HALF_OF_WAVENUMBERS}
    full, net = (model_of({**settings, **mode}) for mode in ({}, NETWORKS))
    assert net.neural_network_info()["used"] and not full.neural_network_info()["used"]
    for name, low, high in (("tt", 1e-2, 3e-3), ("ee", 1e-2, 4e-3)):
        error = np.abs(net.lensed_cl(400)[name][2:] / full.lensed_cl(400)[name][2:] - 1.0)
        assert error[:28].max() < low and error[28:].max() < high
    for k in np.geomspace(1e-3, 0.25, 12):
        assert net.pk_lin(k, 0.0) == pytest.approx(full.pk_lin(k, 0.0), rel=5e-3)
    assert net.sigma8() == pytest.approx(full.sigma8(), rel=2e-3)


# some corners of `standard` are refused: with w far below -1 CLASS's density of the fluid is inaccurate
@pytest.mark.parametrize(("name", "at_corners"), [("lcdm", False), ("lcdm", True), ("standard", False)])
def test_unseen_points_are_covered(name: str, at_corners: bool) -> None:
    manifest = read_manifest(name)
    points = points_of_domain(manifest, 6, 4, (0.03, 0.1), at_corners)
    assert len(points) == 6 and points == points_of_domain(manifest, 6, 4, (0.03, 0.1), at_corners)
    for point in points:
        assert covers({**CMB, **point}, name)
