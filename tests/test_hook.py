"""The hook in perturbations_init: CLASS continues with exactly the tables that a provider gives."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from providers import Injector, Recorder, computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]

EVERYTHING = {
    "output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 150, "P_k_max_1/Mpc": 1.0,
    "non_linear": "halofit", "z_max_pk": 1.5,
}
TENSORS = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 150, "modes": "s,t", "r": 0.2,
           "l_max_tensors": 100}


@pytest.fixture(scope="module")
def full() -> Any:
    """A run in which CLASS integrates everything, watched by a recorder."""
    recorder = Recorder()
    model = computed(EVERYTHING, recorder)
    return model, recorder


@pytest.fixture(scope="module")
def injected(full: Any) -> Any:
    """The same, with the sources of the full run put in from outside."""
    injector = Injector(full[0].get_sources()[0])
    return computed(EVERYTHING, injector), injector


def assert_same(ours: dict[str, Array], theirs: dict[str, Array]) -> None:
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        assert np.array_equal(ours[name], values), name


def test_request_shows_grids_and_tables_of_class(full: Any) -> None:
    model, recorder = full
    sources, k, tau = model.get_sources()
    assert np.array_equal(recorder.k, k)
    assert np.array_equal(recorder.tau, tau)
    assert recorder.shapes == dict.fromkeys(sources, (tau.size, k.size))
    assert set(sources) == {"t0", "t1", "t2", "p", "phi_plus_psi", "delta_m"}


def test_request_shows_cosmology_and_settings(full: Any) -> None:
    model, recorder = full
    request = recorder.requests[0]
    assert request.cosmology["H0"] == pytest.approx(100 * model.h(), rel=1e-14)
    assert request.cosmology["omega_b"] == pytest.approx(model.omega_b(), rel=1e-14)
    assert request.cosmology["tau_reio"] == pytest.approx(model.tau_reio(), rel=1e-14)
    assert request.cosmology["N_eff"] == pytest.approx(model.Neff(), rel=1e-14)
    derived = model.get_current_derived_parameters(["rs_rec", "tau_rec", "z_rec", "YHe"])
    assert request.cosmology["sound_horizon_rec"] == derived["rs_rec"]
    for name in ("tau_rec", "z_rec", "YHe"):
        assert request.cosmology[name] == derived[name]
    assert request.setup["T_cmb"] == model.T_cmb()
    assert request.setup["has_cdi"] == 0.0


def test_request_shows_every_precision_parameter() -> None:
    settings = {"output": "mPk", "P_k_max_1/Mpc": 0.1}
    recorder = Recorder()
    computed(settings, recorder)
    computed({**settings, "tol_perturbations_integration": 2e-5}, recorder)
    default, other = (request.precision for request in recorder.requests)
    assert {"l_max_g", "radiation_streaming_trigger_tau_over_tau_k", "k_per_decade_for_pk"} <= default.keys()
    assert {name for name in default if default[name] != other[name]} == {"tol_perturbations_integration"}


def test_history_is_that_of_background_and_thermodynamics(full: Any) -> None:
    model, recorder = full
    history, tau = recorder.requests[0].history, recorder.tau
    background, thermodynamics = model.get_background(), model.get_thermodynamics()

    def at_tau(table: dict[str, Array], column: str) -> Array:
        order = np.argsort(table["conf. time [Mpc]"])
        return np.interp(tau, table["conf. time [Mpc]"][order], table[column][order])

    # straight lines between the rows of the tables: good to a per mille, far from it for a wrong column
    scale_factor = 1 / (1 + at_tau(background, "z"))
    assert history["scale_factor"] == pytest.approx(scale_factor, rel=1e-3)
    assert history["sound_horizon"] == pytest.approx(at_tau(background, "comov.snd.hrz."), rel=1e-3)
    assert history["scattering_rate"] == pytest.approx(
        at_tau(thermodynamics, "kappa' [Mpc^-1]"), rel=2e-3, abs=1e-9
    )
    assert history["exp_minus_kappa"] == pytest.approx(
        at_tau(thermodynamics, "exp(-kappa)"), rel=1e-3, abs=1e-5
    )
    visibility = at_tau(thermodynamics, "g [Mpc^-1]")
    assert history["visibility"] == pytest.approx(visibility, abs=2e-3 * visibility.max())
    slope = np.gradient(history["visibility"], tau)
    assert history["visibility_prime"] == pytest.approx(slope, abs=0.03 * np.abs(slope).max())


def test_injected_sources_give_the_same_spectra(full: Any, injected: Any) -> None:
    model, injector = injected
    assert injector.calls == 1
    assert_same(model.lensed_cl(), full[0].lensed_cl())
    assert_same(model.raw_cl(), full[0].raw_cl())
    k = np.geomspace(1e-3, 0.9, 30)
    for z in (0.0, 1.0):
        for method in ("pk", "pk_lin"):
            assert [getattr(model, method)(x, z) for x in k] == [getattr(full[0], method)(x, z) for x in k]
    assert model.sigma8() == full[0].sigma8()


def test_get_sources_returns_what_was_injected(full: Any, injected: Any) -> None:
    assert_same(injected[0].get_sources()[0], full[0].get_sources()[0])


def test_class_uses_the_injected_sources_and_not_its_own(full: Any) -> None:
    """Sources twice as large: spectra four times as large."""
    doubled = computed(EVERYTHING, Injector(full[0].get_sources()[0], factor=2.0))
    for name in ("tt", "ee", "te"):
        assert doubled.raw_cl()[name][2:] == pytest.approx(4 * full[0].raw_cl()[name][2:], rel=1e-10)
    assert doubled.pk_lin(0.1, 1.0) == pytest.approx(4 * full[0].pk_lin(0.1, 1.0), rel=1e-10)


def test_scalars_provided_while_tensors_are_integrated() -> None:
    full = computed(TENSORS)
    injector = Injector(full.get_sources()[0])
    mixed = computed(TENSORS, injector)
    assert injector.calls == 1
    assert_same(mixed.lensed_cl(), full.lensed_cl())
    # scalars have no BB before lensing, so this comes from integrated tensors
    assert mixed.raw_cl()["bb"][2:50].min() > 0


def test_modes_without_scalars_do_not_ask() -> None:
    recorder = Recorder()
    model = computed({"output": "tCl,pCl", "modes": "t", "r": 1.0, "l_max_tensors": 50}, recorder)
    assert recorder.requests == []
    assert model.neural_network_info()["used"] is False


@pytest.mark.parametrize("target", [{"sigma8": 0.8}, {"theta_s_100": 1.04}])
def test_trial_runs_for_a_derived_parameter_do_not_ask(target: dict[str, float]) -> None:
    """CLASS shoots for it while it reads the input; only the final computation has a provider."""
    settings = {"output": "mPk", "P_k_max_1/Mpc": 0.5, **target}
    recorder = Recorder()
    full = computed(settings, recorder)
    assert len(recorder.requests) == 1
    injected = computed(settings, Injector(full.get_sources()[0]))
    assert injected.sigma8() == full.sigma8()


def test_provider_is_asked_again_after_new_parameters() -> None:
    recorder = Recorder()
    model = computed({"output": "mPk", "P_k_max_1/Mpc": 0.1}, recorder)
    model.compute()
    assert len(recorder.requests) == 1
    model.set({"omega_b": 0.0225})
    model.compute()
    assert [request.cosmology["omega_b"] for request in recorder.requests[1:]] == [pytest.approx(0.0225)]


def test_taking_the_provider_away_restores_class() -> None:
    settings = {"output": "mPk", "P_k_max_1/Mpc": 0.1}
    full = computed(settings)
    model = computed(settings, Injector(full.get_sources()[0], factor=2.0))
    assert model.sigma8() != full.sigma8()
    model.set_source_provider(None)
    assert model.sigma8() == full.sigma8()


def test_first_of_two_initial_conditions_is_not_enough() -> None:
    """The tables of cold dark matter isocurvature would stay empty."""
    settings = {"output": "tCl", "l_max_scalars": 100, "ic": "ad,cdi", "f_cdi": 0.3}
    adiabatic = computed({"output": "tCl", "l_max_scalars": 100}).get_sources()[0]
    with pytest.raises(classy.CosmoSevereError, match="2"):
        computed(settings, Injector(adiabatic))
