"""Reference chi2 and tolerances of Cobaya's own tests of classy: both modes, and Cobaya's classy on the patched build.

Best fits, chi2 and tolerances: Cobaya 3.6, tests/test_cosmo_planck_2018.py and test_cosmo_bao.py, which have them from
CAMB; there CLASS has a tolerance of 0.11 + 0.4 for Planck. Clik's high-l likelihoods are replaced by the native lite
ones, which Cobaya tests with CAMB alone; CLASS at its default sampling is 0.6 above CAMB in TT, TE, EE and 1.0 in TT
(with RECFAST, as CAMB has it there, 0.15 in TT, TE, EE).
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosmicnet.class_parameters import SAME_MODULES

get_model = pytest.importorskip("cobaya.model").get_model
pytestmark = pytest.mark.usefixtures("patched")


COMPONENT, COBAYAS = "cosmicnet.Cosmicnet", "classy"
PLANCK_TOLERANCE = 0.11 + 0.4
LITE_TOLERANCE = 1.0
# change of ln L by networks at one point (docs/planck.md)
WORST_CHANGE = 0.1

NEUTRINOS = {"N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06}
# as when Planck's chi2 were published
HISTORICAL = {**NEUTRINOS, "non_linear": "hmcode", "hmcode_version": "2016", "sBBN file": "sBBN_2017.dat",
              "want_lcmb_full_limber": "no"}

TEMPERATURE = {"omegabh2": 0.02240, "omegach2": 0.1172, "H0": 68.45, "tau": 0.0862, "logA": 3.100, "ns": 0.9733,
               "A_planck": 1.00008}
POLARISATION = {"omegabh2": 0.022383, "omegach2": 0.12011, "H0": 67.32, "tau": 0.0543, "logA": 3.0448, "ns": 0.96605,
                "A_planck": 1.00044}
PLANCK_2015 = {"omegabh2": 0.02225203, "omegach2": 0.1198657, "H0": 67.25, "tau": 0.07888604, "logA": 3.0929,
               "ns": 0.9647522}

CHI2_OF_TEMPERATURE = {"planck_2018_lowl.TT": 22.83, "planck_2018_highl_plik.TT_lite_native": 204.36}
CHI2_OF_POLARISATION = {"planck_2018_lowl.TT": 23.16, "planck_2018_lowl.EE": 396.04,
                        "planck_2018_highl_plik.TTTEEE_lite_native": 584.24, "planck_2018_lensing.native": 8.86}
CHI2_OF_BAO = {"bao.sdss_dr12_consensus_bao": (5.687, 0.04), "bao.sixdf_2011_bao": (0.088, 0.02),
               "bao.sdss_dr7_mgs": (0.92689, 0.02)}


def assert_reference(chi2: dict[str, float], references: dict[str, float]) -> None:
    for name, reference in references.items():
        tolerance = LITE_TOLERANCE if "lite" in name else PLANCK_TOLERANCE
        assert chi2[name] == pytest.approx(reference, abs=tolerance), name


def evaluate(theory: dict[str, Any], point: dict[str, float], likelihoods: Any,
             packages_path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """chi2 by likelihood and derived parameters; everything by Planck's names, as in Cobaya's tests."""
    name = next(iter(theory))
    common = {"stop_at_error": True, "path": "global"}
    parameters: dict[str, Any] = {**point, "As": "lambda logA: 1e-10*np.exp(logA)", "sigma8": None, "omegam": None}
    parameters["logA"] = {"value": point["logA"], "drop": True}
    if name == COMPONENT:
        parameters["neural_network_used"] = None
    model = get_model({"theory": {name: {**common, **theory[name]}}, "likelihood": dict.fromkeys(likelihoods),
                       "params": parameters, "packages_path": str(packages_path)})
    loglikes, derived = model.loglikes({}, as_dict=True)
    model.close()
    return {like: -2.0 * value for like, value in loglikes.items()}, derived


@pytest.mark.parametrize("theory", [{COMPONENT: {"mode": "full", "extra_args": HISTORICAL}},
                                    {COBAYAS: {"extra_args": HISTORICAL}}], ids=["mode full", "Cobaya's classy"])
def test_planck_with_full_class(theory: dict[str, Any], packages_path: Path) -> None:
    chi2, derived = evaluate(theory, POLARISATION, CHI2_OF_POLARISATION, packages_path)
    assert_reference(chi2, CHI2_OF_POLARISATION)
    assert derived["omegam"] == pytest.approx(0.3158, abs=0.055 * 0.0073)
    assert derived["sigma8"] == pytest.approx(0.8120, abs=2 * 0.055 * 0.0060)


def test_planck_temperature_with_full_class(packages_path: Path) -> None:
    chi2, _ = evaluate({COMPONENT: {"mode": "full", "extra_args": HISTORICAL}}, TEMPERATURE, CHI2_OF_TEMPERATURE,
                       packages_path)
    assert_reference(chi2, CHI2_OF_TEMPERATURE)


def test_full_class_with_the_recombination_of_the_references_is_within_cobaya_s_tolerance(packages_path: Path) -> None:
    settings = {**HISTORICAL, "recombination": "recfast"}
    chi2, _ = evaluate({COMPONENT: {"mode": "full", "extra_args": settings}}, POLARISATION, CHI2_OF_POLARISATION,
                       packages_path)
    for name, reference in CHI2_OF_POLARISATION.items():
        assert chi2[name] == pytest.approx(reference, abs=PLANCK_TOLERANCE), name
    # docs/planck.md
    lite = "planck_2018_highl_plik.TTTEEE_lite_native"
    assert chi2[lite] - CHI2_OF_POLARISATION[lite] == pytest.approx(0.15, abs=0.03)


def test_planck_with_networks_changes_little(packages_path: Path) -> None:
    """The networks know today's nucleosynthesis only; so full CLASS with it is the reference."""
    settings = {**HISTORICAL, **SAME_MODULES}
    del settings["sBBN file"], settings["want_lcmb_full_limber"]
    full, _ = evaluate({COMPONENT: {"mode": "full", "extra_args": settings}}, POLARISATION, CHI2_OF_POLARISATION,
                       packages_path)
    net, derived = evaluate({COMPONENT: {"mode": "net", "fallback": "error", "extra_args": settings}}, POLARISATION,
                            CHI2_OF_POLARISATION, packages_path)
    flag, _ = evaluate({COBAYAS: {"extra_args": {**settings, "neural_network": "yes"}}}, POLARISATION,
                       CHI2_OF_POLARISATION, packages_path)
    assert derived["neural_network_used"] == 1.0
    assert flag == net
    changes = np.array([net[name] - full[name] for name in CHI2_OF_POLARISATION]) / 2.0
    assert_reference(net, CHI2_OF_POLARISATION)
    # with the recombination of the references Cobaya's tolerance holds, as for full CLASS above
    there, _ = evaluate({COMPONENT: {"mode": "net", "fallback": "error", "extra_args": {
        **settings, "recombination": "recfast"}}}, POLARISATION, CHI2_OF_POLARISATION, packages_path)
    for name, reference in CHI2_OF_POLARISATION.items():
        assert there[name] == pytest.approx(reference, abs=PLANCK_TOLERANCE), name
    assert abs(changes.sum()) < WORST_CHANGE and np.abs(changes).max() < WORST_CHANGE


@pytest.mark.parametrize("mode", ["full", "net"])
def test_bao(mode: str, packages_path: Path) -> None:
    chi2, _ = evaluate({COMPONENT: {"mode": mode, "extra_args": {**NEUTRINOS, "non_linear": "none"}}}, PLANCK_2015,
                       CHI2_OF_BAO, packages_path)
    for name, (reference, tolerance) in CHI2_OF_BAO.items():
        assert chi2[name] == pytest.approx(reference, abs=tolerance), name
