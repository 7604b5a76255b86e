"""The fast background and thermal history against CLASS's own, and where they are left to CLASS."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks_under_test import options
from numpy.typing import NDArray
from providers import computed

from cosmicnet.inquiry import covers

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]
Settings = dict[str, Any]

FAST: Settings = {"fast_background": "yes"}
LCDM: Settings = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "tau_reio": 0.055, "output": "tCl,lCl"}
ONE: Settings = {**LCDM, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}
# CLASS finds the redshift of reionization by bisection, to 1e-4 of the optical depth by default
FINE_BISECTION: Settings = {"reionization_optical_depth_tol": 1e-9}

CASES: dict[str, Settings] = {
    "no massive neutrino": {**LCDM, "N_ur": 3.044},
    "one": ONE,
    "three": {**LCDM, "N_ur": 0.00641, "N_ncdm": 3, "m_ncdm": "0.01,0.02,0.3"},
    "corner": {**ONE, "omega_b": 0.0199, "omega_cdm": 0.144, "H0": 50.0, "tau_reio": 0.02},
    "other corner": {**ONE, "omega_b": 0.0249, "omega_cdm": 0.09, "H0": 90.0, "tau_reio": 0.12},
    "w0 and wa": {**ONE, "Omega_Lambda": 0, "w0_fld": -0.8, "wa_fld": -0.5},
    "open": {**ONE, "Omega_k": 0.05},
    "closed": {**ONE, "Omega_k": -0.05},
    "RECFAST": {**ONE, "recombination": "RECFAST"},
    "redshift of reionization": {**{name: value for name, value in ONE.items() if name != "tau_reio"}, "z_reio": 9.0},
    "half tanh": {**ONE, "reio_parametrization": "reio_half_tanh"},
    "helium by hand": {**ONE, "YHe": 0.25},
}

# The thermal history is that of an adaptive integrator with a tolerance of 1e-6: a change of H by 1e-13, as from
# another number of rows in CLASS's own table, moves the visibility by up to 6e-7 of its maximum and the fraction of
# free electrons, where it is small, by 1e-5.
BACKGROUND_TOLERANCE, VISIBILITY_TOLERANCE, ELECTRON_TOLERANCE = 1e-9, 1.5e-6, 3e-5
# relative, of derived times and lengths; of the times at which sources are sampled
DERIVED_TOLERANCE, SAMPLING_TOLERANCE = 2e-7, 1e-4
DERIVED = ["z_rec", "tau_rec", "rs_rec", "100*theta_s", "conformal_age", "z_reio", "tau_reio", "Neff", "YHe"]


def to_level(settings: Settings, level: str = "thermodynamics") -> Any:
    return computed(settings, level=level)


@pytest.mark.parametrize("case", CASES)
def test_history_is_that_of_class(case: str) -> None:
    fast, own = to_level({**CASES[case], **FAST}), to_level({**CASES[case], **FINE_BISECTION})
    assert fast.neural_network_info()["fast_background"] is True
    assert own.neural_network_info()["fast_background"] is False
    for z in np.concatenate([np.linspace(0.0, 20.0, 41), np.geomspace(21.0, 1e6, 60)]):
        for quantity in ("Hubble", "angular_distance", "scale_independent_growth_factor"):
            expected = getattr(own, quantity)(z)
            assert getattr(fast, quantity)(z) == pytest.approx(expected, rel=BACKGROUND_TOLERANCE), (quantity, z)
    ours, theirs = fast.get_thermodynamics(), own.get_thermodynamics()
    at = np.concatenate([np.linspace(0.0, 60.0, 301), np.linspace(70.0, 3000.0, 500)])
    peak = theirs["g [Mpc^-1]"].max()
    for z in at:
        # CLASS's table has all rows of the other one
        row = np.argmin(np.abs(ours["z"] - z))
        own_row = np.argmin(np.abs(theirs["z"] - ours["z"][row]))
        assert theirs["z"][own_row] == pytest.approx(ours["z"][row], rel=1e-9)
        assert abs(ours["g [Mpc^-1]"][row] - theirs["g [Mpc^-1]"][own_row]) < VISIBILITY_TOLERANCE * peak, z
        assert ours["x_e"][row] == pytest.approx(theirs["x_e"][own_row], rel=ELECTRON_TOLERANCE), z
    expected = own.get_current_derived_parameters(DERIVED)
    for name, value in fast.get_current_derived_parameters(DERIVED).items():
        assert value == pytest.approx(expected[name], rel=DERIVED_TOLERANCE), name
    assert len(ours["z"]) < 0.5 * len(theirs["z"])


@pytest.mark.parametrize("case", ["no massive neutrino", "one", "corner", "other corner"])
def test_sources_are_sampled_at_the_same_times(case: str) -> None:
    settings = {**CASES[case], "l_max_scalars": 100}
    fast = to_level({**settings, **FAST}, "perturbations").get_sources()[2]
    own = to_level({**settings, **FINE_BISECTION}, "perturbations").get_sources()[2]
    assert fast == pytest.approx(own, rel=SAMPLING_TOLERANCE)


@pytest.mark.parametrize(("case", "angle"), [
    ("one", 1.0), ("one", 1.0411), ("one", 1.08), ("no massive neutrino", 1.0411), ("three", 1.0411),
    ("w0 and wa", 1.0411), ("closed", 1.0411), ("RECFAST", 1.0411)])
def test_the_angle_of_the_sound_horizon_is_met(case: str, angle: float) -> None:
    """CLASS's own search ends at up to 2e-6 of the angle."""
    settings = {**{name: value for name, value in CASES[case].items() if name != "H0"}, "100*theta_s": angle}
    fast, own = to_level({**settings, **FAST}), to_level(settings)
    assert fast.get_current_derived_parameters(["100*theta_s"])["100*theta_s"] == pytest.approx(angle, rel=3e-8)
    assert fast.h() == pytest.approx(own.h(), rel=2e-5)


@pytest.mark.parametrize("tau_reio", [1e-4, 2.0])
def test_optical_depth_out_of_reach_is_an_error(tau_reio: float) -> None:
    for settings in ({}, FAST):
        with pytest.raises(classy.CosmoComputationError, match=r"reioni[sz]ation|tau_reio"):
            to_level({**ONE, "tau_reio": tau_reio, **settings})


@pytest.mark.parametrize("species", [
    {"Omega_dcdmdr": 0.02, "Gamma_dcdm": 20.0, "omega_cdm": 0.1},
    {"xi_idr": 0.3},
    {"varying_fundamental_constants": "instantaneous", "varying_alpha": 1.01},
], ids=["decaying matter", "interacting radiation", "varying constants"])
def test_other_species_are_left_to_class(species: Settings) -> None:
    fast, own = to_level({**LCDM, **species, **FAST}), to_level({**LCDM, **species})
    assert fast.neural_network_info()["fast_background"] is False
    for table in ("get_background", "get_thermodynamics"):
        for column, values in getattr(own, table)().items():
            assert np.array_equal(getattr(fast, table)()[column], values, equal_nan=True), column


COVERED: Settings = {**ONE, "output": "mPk", "P_k_max_1/Mpc": 0.1}
NOT_COVERED: Settings = {**COVERED, "recombination": "RECFAST"}


def test_networks_use_it_and_the_fallback_starts_again_without() -> None:
    """A fallback is full CLASS, bit by bit, with its own background; the next computation has networks again."""
    model = classy.Class()
    for _ in range(2):
        model.set({**NOT_COVERED, **options("full")})
        model.compute()
        info, own = model.neural_network_info(), to_level(NOT_COVERED, "lensing")
        assert (info["used"], info["fast_background"]) == (False, False)
        assert "recombination" in info["reason"]
        assert model.get_background()["H [1/Mpc]"].tobytes() == own.get_background()["H [1/Mpc]"].tobytes()
        assert model.pk_lin(0.05, 0.0) == own.pk_lin(0.05, 0.0)
        model.empty()
        model.set({**COVERED, **options()})
        model.compute()
        info = model.neural_network_info()
        assert (info["used"], info["fast_background"]) == (True, True)
        model.empty()


def test_networks_cover_it_wherever_the_last_time_before_today_lies() -> None:
    """Close to today the splines through the table are worst, and the steps of time may be short."""
    for omega_cdm in np.linspace(0.1, 0.14, 20):
        assert covers({**ONE, "omega_cdm": float(omega_cdm), **FAST}, "lcdm"), omega_cdm


def test_the_choice_is_the_users() -> None:
    model = to_level({**COVERED, **options(), "fast_background": "no"}, "lensing")
    assert model.neural_network_info()["fast_background"] is False
    kept = to_level({**NOT_COVERED, **options("full"), **FAST}, "lensing")
    assert (kept.neural_network_info()["used"], kept.neural_network_info()["fast_background"]) == (False, True)
