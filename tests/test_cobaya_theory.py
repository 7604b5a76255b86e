"""The theory component for Cobaya: its products, its messages before the first sample, and errors that stop a run."""
from __future__ import annotations

import importlib.util
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import run_python
from cobaya_infos import COMPONENT, L_MAX, NEUTRINOS, POINT, derived, run_info, spectrum
from providers import HALF_OF_WAVENUMBERS, QUICK

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.store import load_network_set

LoggedError = pytest.importorskip("cobaya.log").LoggedError
get_model = pytest.importorskip("cobaya.model").get_model
pytestmark = pytest.mark.usefixtures("patched")


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.WARNING)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def test_both_modes_agree_and_say_which_one_it_was(messages: Callable[[], str]) -> None:
    same = {**NEUTRINOS, **SAME_MODULES, **HALF_OF_WAVENUMBERS,
            **load_network_set("lcdm").manifest.precision_settings}
    net, full = (get_model(run_info({"mode": mode, "extra_args": same})) for mode in ("net", "full"))
    assert "networks" not in messages()
    np.testing.assert_allclose(spectrum(net), spectrum(full), rtol=2e-3)
    assert derived(net, POINT)["neural_network_used"] == 1.0
    assert derived(full, POINT)["neural_network_used"] == 0.0


def test_stock_classy_with_the_flag_gives_the_same_bits() -> None:
    flag = {"path": "global", "extra_args": {**NEUTRINOS, "neural_network": True}}
    np.testing.assert_array_equal(
        spectrum(get_model(run_info({"mode": "net"}))), spectrum(get_model(run_info(flag, name="classy"))))


# ---- fast and slow parameters

SAMPLED = {"n_s": {"prior": {"min": 0.9, "max": 1.0}, "ref": 0.965},
           "A_L": {"prior": {"min": 0.8, "max": 1.2}, "ref": 1.0}}


def test_primordial_parameters_are_a_block_of_their_own() -> None:
    model = get_model(run_info(**SAMPLED))
    model.measure_and_set_speeds(n=1, discard=0)
    blocks, _ = model.get_param_blocking_for_sampler()
    assert [set(block) for block in blocks] == [{"H0", "tau_reio"}, {"n_s", "A_L"}]


@pytest.mark.parametrize("mode", ["net", "full"])
def test_fast_steps_keep_the_sources(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a slow step that was rejected; and the results are those of a model that has computed nothing yet."""
    from cosmicnet.cobaya_components.theory.sources import Sources

    asked: list[float] = []
    calculate = Sources.calculate

    def counted(self: Sources, state: Any, want_derived: bool = True, **values: Any) -> Any:
        asked.append(values["H0"])
        return calculate(self, state, want_derived, **values)

    monkeypatch.setattr(Sources, "calculate", counted)
    settings = NEUTRINOS if mode == "net" else {**NEUTRINOS, **QUICK}
    info = run_info({"mode": mode, "extra_args": settings},
                    {"Cl": {"tt": L_MAX, "ee": L_MAX}, "sigma8_z": {"z": [0.0, 0.5]}},
                    **SAMPLED, sigma8={"derived": True})
    here, there = {**POINT, "n_s": 0.965, "A_L": 1.0}, {**POINT, "H0": 68.0, "n_s": 0.965, "A_L": 1.0}
    model = get_model(info)
    for point in (here, {**here, "n_s": 0.97}, there, {**here, "n_s": 0.96}, {**here, "n_s": 0.96, "A_L": 1.1}):
        model.logpost(point)
    assert asked == [here["H0"], there["H0"]]
    fresh = get_model(info)
    last = {**here, "n_s": 0.96, "A_L": 1.1}
    assert derived(model, last) == derived(fresh, last)
    for name in ("tt", "ee"):
        assert np.array_equal(model.provider.get_Cl()[name], fresh.provider.get_Cl()[name])


@pytest.mark.parametrize("mode", ["net", "full"])
def test_tensors_are_kept_at_fast_steps(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """r and n_t are fast; the spectra are those of a model that has computed nothing yet."""
    from cosmicnet.cobaya_components.theory.sources import Sources

    asked: list[dict[str, float]] = []
    calculate = Sources.calculate
    monkeypatch.setattr(Sources, "calculate", lambda self, *rest, **values: asked.append(values)
                        or calculate(self, *rest, **values))
    sampled = {"r": {"prior": {"min": 0.0, "max": 0.2}, "ref": 0.1},
               "n_t": {"prior": {"min": -0.1, "max": 0.1}, "ref": 0.0}, "n_s": SAMPLED["n_s"]}
    settings = {**NEUTRINOS, "l_max_tensors": 100, "alpha_t": "scc", **(QUICK if mode == "full" else {})}
    info = run_info({"mode": mode, "extra_args": settings}, {"Cl": dict.fromkeys(("tt", "bb"), L_MAX)}, **sampled)
    model = get_model(info)
    model.measure_and_set_speeds(n=1, discard=0)
    blocks, _ = model.get_param_blocking_for_sampler()
    assert [set(block) for block in blocks] == [{"H0", "tau_reio"}, {"r", "n_t", "n_s"}]
    asked.clear()
    point = {**POINT, "H0": 68.0, "r": 0.1, "n_t": 0.0, "n_s": 0.95}
    for changes in ({}, {"r": 0.05}, {"r": 0.02, "n_t": 0.05}, {"n_s": 0.97}):
        assert np.isfinite(model.logpost(point | changes))
    assert len(asked) == 1
    fresh = get_model(info)
    fresh.logpost(point | changes)
    for name in ("tt", "bb"):
        assert np.array_equal(model.provider.get_Cl()[name], fresh.provider.get_Cl()[name])


@pytest.mark.parametrize("given", [None, "no"])
def test_lensing_beside_tensors_is_as_accurate_as_without(given: str | None) -> None:
    """Cobaya's classy switches off CLASS's wavenumbers for the lensing potential, unless the user has."""
    spectra, settings = [], {**NEUTRINOS, **({} if given is None else {"want_lcmb_full_limber": given})}
    for tensors in ({}, {"r": 0.01}):
        model = get_model(run_info({"extra_args": settings}, {"Cl": {"tt": 600, "pp": 600}}, **tensors))
        model.logpost(POINT)
        spectra.append(model.provider.get_Cl()["pp"][2:])
    np.testing.assert_allclose(*spectra, rtol=1e-4)


@pytest.mark.parametrize("name", ["H0", "n_s"])
def test_a_parameter_given_twice(name: str) -> None:
    with pytest.raises(LoggedError, match=name):
        get_model(run_info({"extra_args": {**NEUTRINOS, name: 0.97}}, **SAMPLED))


def test_mode_full_is_the_same_with_stock_classy(stock: Path) -> None:
    results = []
    for path in (None, stock):
        done = run_python("cobaya_full_run.py", path=path)
        assert done.returncode == 0, done.stderr
        # Cobaya logs to stdout as well
        results.append(json.loads(done.stdout.splitlines()[-1]))
    assert [result["halves"] for result in results] == [2, 1]
    assert results[0]["spectra"] == results[1]["spectra"]


# ---- before the first sample

def test_the_long_name_is_the_same_class() -> None:
    import cosmicnet
    from cosmicnet.cobaya_components.theory.theory import Cosmicnet

    assert cosmicnet.Cosmicnet is Cosmicnet
    assert get_model(run_info(name="cosmicnet.cobaya_components.Cosmicnet")).theory
    with pytest.raises(AttributeError, match=r"Cosmicnett"):
        _ = cosmicnet.Cosmicnett


def test_wide_prior_is_announced_and_integrated(messages: Callable[[], str]) -> None:
    model = get_model(run_info({"mode": "net"}, H0={"prior": {"min": 60.0, "max": 90.0}, "ref": 67.3}))
    # of 8 points, those above 80
    assert re.search(r"'lcdm' cover [34567] of 8 points.*fallback: full", messages())
    assert re.search(r"H0 = 8\d.* is outside \[58, 80\]", messages()) and "tau_reio" not in messages()
    assert derived(model, {**POINT, "H0": 85.0})["neural_network_used"] == 0.0


def test_prior_with_points_that_class_cannot_compute(messages: Callable[[], str]) -> None:
    """As Cobaya's standard one."""
    get_model(run_info({"mode": "net"}, omega_b={"prior": {"min": 0.005, "max": 0.1}, "ref": 0.0224}))
    assert re.search(r"omega_b = \S+ is outside \[", messages())


def test_wide_prior_with_fallback_error_is_zero_likelihood(messages: Callable[[], str]) -> None:
    """By another name of the parameter."""
    info = run_info({"mode": "net", "fallback": "error"}, h={"prior": {"min": 0.6, "max": 0.9}, "ref": 0.673})
    del info["params"]["H0"]
    model = get_model(info)
    assert re.search(r"zero.*fallback: error[\s\S]*H0 = 8\d.* is outside \[58, 80\]", messages())
    assert model.logpost({"h": 0.85, "tau_reio": 0.054}) == -np.inf
    assert np.isfinite(model.logpost({"h": 0.673, "tau_reio": 0.054}))


DARK_ENERGY = {"N_ur": 0.2, "N_ncdm": 1, "deg_ncdm": 3, "T_ncdm": 0.71, "m_ncdm": 0.02, "non_linear": "none",
               "Omega_Lambda": 0, "fluid_equation_of_state": "CLP", "use_ppf": "yes"}


def test_networks_of_dark_energy_and_their_prior(messages: Callable[[], str]) -> None:
    """A domain with settings and negative ends."""
    dark_energy = {"w0_fld": {"prior": {"min": -4.0, "max": -0.8}, "ref": -1.0}, "wa_fld": -0.2}
    model = get_model(run_info({"mode": "net", "networks": "standard", "extra_args": DARK_ENERGY}, **dark_energy))
    assert re.search(r"w0_fld = -[23]\.\d+ is outside \[-2\.5", messages())
    assert model.loglikes({**POINT, "w0_fld": -0.95})[1] == [1.0]


def test_auto_takes_the_set_that_covers_most_of_the_prior() -> None:
    """One set for the whole run, also where another would cover a sample."""
    dark_energy = {"w0_fld": {"prior": {"min": -1.1, "max": -0.8}, "ref": -1.0}, "wa_fld": -0.2}
    narrow, wide = ({"H0": {"prior": {"min": 60.0, "max": end}, "ref": 70.0}} for end in (79.0, 90.0))
    for info, taken in ((run_info({"networks": "auto"}, **narrow), "lcdm"),
                        (run_info({"networks": "auto"}, **wide), "standard"),
                        (run_info({"networks": "auto", "extra_args": DARK_ENERGY}, **dark_energy), "standard")):
        theory = get_model(info).theory[COMPONENT]
        assert theory.network_set.manifest.name == theory.extra_args["neural_network_path"] == taken
        assert load_network_set(taken).manifest.sha256[:12] in theory.get_version()


def test_prior_wholly_outside() -> None:
    outside = {"prior": {"min": 85.0, "max": 95.0}, "ref": 90.0}
    with pytest.raises(LoggedError, match=r"H0 = \S+ .*\[58, 80\].*mode: full"):
        get_model(run_info({"mode": "net", "fallback": "error"}, H0=outside))


@pytest.mark.parametrize("fallback", ["full", "error"])
@pytest.mark.parametrize("low", [75.0, 40.0])
def test_reference_outside_of_a_prior_that_is_partly_covered(
    low: float, fallback: str, messages: Callable[[], str]
) -> None:
    """The prior ends inside (75), or on both sides outside (40)."""
    get_model(run_info({"mode": "net", "fallback": fallback}, H0={"prior": {"min": low, "max": 95.0}, "ref": 90.0}))
    assert re.search(r"reference point.*H0 = 90 is outside \[58, 80\]", messages())
    assert "every sample" not in messages() and f"fallback: {fallback}" in messages()


@pytest.mark.parametrize(("largest", "outside"), [(0.145, True), (0.125, False)])
def test_parameters_that_lead_to_others(largest: float, outside: bool, messages: Callable[[], str]) -> None:
    """Small H0 takes a large angle and a large omega_cdm together."""
    angle = {"theta_s_100": {"prior": {"min": 1.03, "max": 1.05}, "ref": 1.0411}}
    density = {"omega_cdm": {"prior": {"min": 0.115, "max": largest}, "ref": 0.12}}
    info = run_info({"mode": "net"}, **angle, **density)
    del info["params"]["H0"]
    get_model(info)
    assert bool(re.search(r"H0 = \S+ is outside", messages())) == outside


CURVED = {"Omega_k": {"prior": {"min": -0.05, "max": 0.05}, "ref": 0.0}}


def test_parameter_that_is_covered_at_its_reference_value_only(messages: Callable[[], str]) -> None:
    """No sample has exactly zero curvature."""
    get_model(run_info({"mode": "net"}, **CURVED))
    assert re.search(r"Omega0_k.* every sample", messages())
    with pytest.raises(LoggedError, match="Omega0_k"):
        get_model(run_info({"mode": "net", "fallback": "error"}, **CURVED))


@pytest.mark.parametrize(("option", "value"), [
    ("path", "/nowhere"), ("path", 5), ("extra_args", {1: 2}), ("extra_args", "x"), ("extra_args", ["a"])])
def test_option_of_a_wrong_kind_is_named(option: str, value: Any) -> None:
    with pytest.raises(LoggedError, match=re.escape(f"{option}: {value!r}")):
        get_model(run_info({"mode": "full", option: value}))


def matter(nonlinear: bool = False, **requirement: Any) -> dict[str, Any]:
    return {"Pk_interpolator": {"z": [0.0, 0.5, 1.0, 2.0], "k_max": 1.0, "nonlinear": nonlinear, **requirement}}


def test_weyl_potential_as_in_cobayas_classy() -> None:
    """Which takes it from CLASS's transfer functions; both modes, and the cross spectrum that classy lacks."""
    weyl, cross, total = ("Weyl", "Weyl"), ("delta_tot", "Weyl"), ("delta_tot", "delta_tot")
    k, z = np.geomspace(1e-3, 0.9, 20), np.array([0.0, 0.7, 1.9])
    found = {}
    for name, theory, pairs in (("classy", {"path": "global"}, [weyl]), (COMPONENT, {"mode": "full"}, [weyl]),
                                (COMPONENT, {"mode": "net", "fallback": "error"}, [weyl, cross, total])):
        model = get_model(run_info(theory, matter(vars_pairs=pairs), name=name))
        assert np.isfinite(model.logpost(POINT))
        found[name, theory.get("mode")] = {pair: model.provider.get_Pk_interpolator(pair, nonlinear=False).P(z, k)
                                           for pair in pairs}
    expected, full, net = (one[weyl] for one in found.values())
    # grids in k depend on what CLASS computes
    np.testing.assert_allclose(full, expected, rtol=5e-4)
    np.testing.assert_allclose(net, expected, rtol=1e-3)
    of_net = found[COMPONENT, "net"]
    np.testing.assert_allclose(of_net[cross], -np.sqrt(of_net[weyl] * of_net[total]), rtol=1e-6)


def test_likelihood_that_needs_what_the_networks_lack(messages: Callable[[], str]) -> None:
    velocities = {**NEUTRINOS, "output": "vTk"}
    with pytest.raises(LoggedError, match=r"cosmicnet make.*mode: full"):
        get_model(run_info({"mode": "net", "fallback": "error", "extra_args": velocities}))
    get_model(run_info({"mode": "net", "extra_args": velocities}))
    assert "every sample" in messages()


def test_other_neutrinos_are_named(messages: Callable[[], str]) -> None:
    get_model(run_info({"mode": "net", "extra_args": {**NEUTRINOS, "N_ncdm": 2, "m_ncdm": "0.03,0.03"}}))
    assert "N_ncdm = 2" in messages()


def test_background_alone_needs_no_networks(messages: Callable[[], str]) -> None:
    model = get_model(run_info({"mode": "net"}, {"Hubble": {"z": [0.5]}}))
    assert messages() == ""
    assert derived(model, POINT)["neural_network_used"] == 0.0


@pytest.mark.parametrize(("theory", "said"), [
    ({"mode": "network"}, "mode: network.*full.*net"),
    ({"fallback": "maybe"}, "fallback: maybe.*full.*error"),
    ({"networks": "nowhere"}, r"networks: nowhere: .*lcdm"),
    ({"mode": "net", "extra_args": {**NEUTRINOS, "neural_network": True}}, "neural_network in extra_args.*mode: net"),
    ({"mode": "full", "extra_args": {"neural_network_path": "x"}}, "neural_network_path in extra_args.*mode: full"),
])
def test_options_that_make_no_sense(theory: dict[str, Any], said: str) -> None:
    with pytest.raises(LoggedError, match=said):
        get_model(run_info(theory))


def test_flag_among_the_parameters() -> None:
    with pytest.raises(LoggedError, match="neural_network"):
        get_model(run_info(neural_network=1))


def test_no_classy(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name, *rest: None if name == "classy" else find(name, *rest))
    with pytest.raises(LoggedError, match="cobaya-install"):
        get_model(run_info())


class StockClass:
    """Attributes of a classy without the patch."""


def test_unpatched_classy(monkeypatch: pytest.MonkeyPatch) -> None:
    import classy

    monkeypatch.setattr(classy, "Class", StockClass)
    with pytest.raises(LoggedError, match=r"cobaya-install.*mode: full"):
        get_model(run_info({"mode": "net"}))


def test_other_version_of_class(monkeypatch: pytest.MonkeyPatch) -> None:
    import classy

    monkeypatch.setattr(classy, "__version__", "v3.4.9")
    with pytest.raises(LoggedError, match=r"v3.4.1.*v3.4.9.*cosmicnet make"):
        get_model(run_info({"mode": "net"}))


def test_automatic_covmat_knows_h0() -> None:
    theory = get_model(run_info()).theory["cosmicnet.Cosmicnet"]
    parameters = {"H0": {}, "omega_b": {"renames": "omegabh2"}, "tau_reio": {"renames": "tau"}}
    found = theory.get_auto_covmat(parameters, {"planck_2018_lowl.EE": {"aliases": ["lowE"]}})
    header = (Path(found["folder"]) / found["name"]).read_text().splitlines()[0].split()
    assert {"H0", "omegabh2", "tau"} <= set(header)
