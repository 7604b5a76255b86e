"""Networks in CAMB: its spectra within 0.1%, and parameters that are not covered refused by name."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosmicnet.errors import CosmicnetError, NotCovered

camb = pytest.importorskip("camb", reason="CAMB is not installed: pip install camb")

pytestmark = pytest.mark.usefixtures("patched")

from cosmicnet.background import Background  # noqa: E402
from cosmicnet.camb import get_results, history_of, parameters_of  # noqa: E402

L_MAX = 1000
PLANCK = {"H0": 67.4, "ombh2": 0.02238, "omch2": 0.12, "mnu": 0.06, "tau": 0.054, "As": 2.1e-9, "ns": 0.966,
          "lmax": L_MAX, "NonLinear": "NonLinear_none", "lens_potential_accuracy": 1}


def params(**others: Any) -> Any:
    return camb.set_params(**{**PLANCK, **others})


def worst(found: Any, expected: Any, first: int = 30) -> float:
    return float(np.max(np.abs(found[first:] / expected[first:] - 1.0)))


@pytest.fixture(scope="module")
def planck(patched: None) -> Any:
    given = params()
    given.set_matter_power(redshifts=[1.0, 0.0], kmax=2.0, nonlinear=False, silent=True)
    given.NonLinear = "NonLinear_none"
    return given, get_results(given, L_MAX), camb.get_results(given)


def test_spectra_of_the_cmb(planck: Any) -> None:
    _, found, expected = planck
    cl = expected.get_lensed_scalar_cls(L_MAX, CMB_unit="muK")
    ours = found.get_lensed_scalar_cls()
    assert found.network == "standard" and ours.shape == cl.shape
    assert worst(ours[:, 0], cl[:, 0]) < 1e-3 and worst(ours[:, 1], cl[:, 1]) < 1e-3
    cross = np.sqrt(cl[:, 0] * cl[:, 1])
    assert np.max(np.abs(ours[:, 3] - cl[:, 3])[30:] / cross[30:]) < 1e-3
    assert worst(found.lensed["pp"], expected.get_lens_potential_cls(L_MAX, raw_cl=True)[:, 0], 2) < 5e-3


def test_units_and_unlensed_spectra(planck: Any) -> None:
    given, found, _ = planck
    ratio = found.get_lensed_scalar_cls("muK")[2:] / found.get_lensed_scalar_cls(None)[2:]
    assert ratio == pytest.approx((given.TCMB * 1e6) ** 2, rel=1e-12)
    assert found.unlensed["tt"].size == L_MAX + 1 and "tp" in found.unlensed
    with pytest.raises(CosmicnetError, match=r"CMB_unit = 'K': .*'muK'.*None"):
        found.get_lensed_scalar_cls("K")


def test_matter(planck: Any) -> None:
    given, found, expected = planck
    assert list(found.z) == [0.0, 1.0]
    within = (found.k > 1e-3) & (found.k < 1.3)
    power = expected.get_matter_power_interpolator(nonlinear=False, hubble_units=False, k_hunit=False)
    theirs = power.P(list(found.z), found.k[within]).T
    assert np.max(np.abs(found.pk_m[within] / theirs - 1.0)) < 2e-3
    assert np.all(found.pk_cb[within] > found.pk_m[within])
    assert given.Transfer.kmax < found.k[-1]


@pytest.mark.parametrize(("model", "others"), [
    ("mead2020", {}), ("mead2020_feedback", {"HMCode_logT_AGN": 8.0}),
    ("mead2016", {"HMCode_A_baryon": 2.5, "HMCode_eta_baryon": 0.7})])
def test_non_linear(model: str, others: dict[str, float]) -> None:
    given = params(NonLinear="NonLinear_both", lens_potential_accuracy=4)
    given.set_matter_power(redshifts=[0.0], kmax=5.0, silent=True)
    given.NonLinearModel.set_params(halofit_version=model, **others)
    given.NonLinear = "NonLinear_both"
    found, expected = get_results(given, L_MAX), camb.get_results(given)
    within = (found.k > 1e-2) & (found.k < 3.0)
    power = expected.get_matter_power_interpolator(nonlinear=True, hubble_units=False, k_hunit=False)
    assert np.max(np.abs(found.pk_m[within, 0] / power.P(0.0, found.k[within]) - 1.0)) < 5e-3
    assert worst(found.lensed["pp"], expected.get_lens_potential_cls(L_MAX, raw_cl=True)[:, 0], 2) < 5e-3


@pytest.mark.parametrize("others", [
    {"omk": 0.01}, {"w": -0.9, "wa": 0.1, "dark_energy_model": "ppf"},
    {"mnu": 0.3, "num_massive_neutrinos": 3, "nnu": 3.5}, {"neutrino_hierarchy": "inverted", "mnu": 0.15},
])
def test_the_expansion_is_that_of_the_parameters(others: dict[str, Any]) -> None:
    """CAMB's conventions for curvature, dark energy and neutrinos are translated."""
    background = camb.get_background(params(**others))
    values = {"N_ncdm": 0.0, **parameters_of(background)}
    history, implied = history_of(background), Background.of(values)
    tau, _ = implied.times(history.scale_factor)
    # the accuracy of CAMB's massive neutrinos
    assert history.tau == pytest.approx(tau, rel=3e-6)
    assert history.hubble * history.scale_factor == pytest.approx(implied.slope(history.scale_factor), rel=1e-5)


def test_a_wide_cosmology_takes_the_wide_set() -> None:
    given = params(omk=0.01)
    found, expected = get_results(given, L_MAX), camb.get_results(given)
    assert found.network == "standard"
    cl = expected.get_lensed_scalar_cls(L_MAX, CMB_unit="muK")
    assert worst(found.get_lensed_scalar_cls()[:, 0], cl[:, 0]) < 2e-3


def with_early_dark_energy() -> Any:
    given = params()
    given.DarkEnergy = camb.dark_energy.AxionEffectiveFluid()
    return given


def set_on(name: str, value: Any) -> Callable[[], Any]:
    def make() -> Any:
        given = params()
        setattr(given, name, value)
        return given

    return make


@pytest.mark.parametrize(("make", "message"), [
    (lambda: params(H0=30.0), r"H0 = 30\b.*\[\d+, \d+\]"),
    (lambda: params(ombh2=0.04), r"omega_b = 0\.04\b"),
    (lambda: params(YHe=0.4), r"YHe = 0\.4\b"),
    (with_early_dark_energy, "DarkEnergy: AxionEffectiveFluid .*DarkEnergyFluid"),
    (set_on("Evolve_baryon_cs", True), "Evolve_baryon_cs = True"),
    (set_on("scalar_initial_condition", "initial_iso_CDM"), "scalar_initial_condition = initial_iso_CDM"),
])
def test_what_is_not_covered(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(NotCovered, match=message):
        get_results(make(), L_MAX)


def test_another_recombination_is_noticed() -> None:
    given = params()
    given.Recomb.RECFAST_fudge = 1.3
    with pytest.raises(NotCovered, match="thermal history"):
        get_results(given, L_MAX)


@pytest.mark.parametrize(("make", "message"), [
    (set_on("WantTensors", True), "WantTensors = True"),
    (lambda: params(NonLinear="NonLinear_both", halofit_version="takahashi"), "takahashi"),
])
def test_what_has_no_counterpart(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(CosmicnetError, match=message):
        get_results(make(), L_MAX)
