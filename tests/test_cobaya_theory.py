"""The theory component for Cobaya: what it computes, what it says before the first sample, what stops a run."""
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
from cobaya_infos import L_MAX, NEUTRINOS, POINT, derived, run_info, spectrum

LoggedError = pytest.importorskip("cobaya.log").LoggedError
get_model = pytest.importorskip("cobaya.model").get_model
pytestmark = pytest.mark.usefixtures("patched")


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.WARNING)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def test_both_modes_agree_and_say_which_one_it_was(messages: Callable[[], str]) -> None:
    # one line-of-sight step for both: what differs are the sources
    same = {**NEUTRINOS, "fast_line_of_sight": "yes"}
    net, full = get_model(run_info({"mode": "net"})), get_model(run_info({"mode": "full", "extra_args": same}))
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
    info = run_info({"mode": mode}, {"Cl": {"tt": L_MAX, "ee": L_MAX}, "sigma8_z": {"z": [0.0, 0.5]}},
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


def test_tensors_are_computed_at_every_step() -> None:
    tensors = {"r": {"prior": {"min": 0.0, "max": 0.2}}, "n_s": SAMPLED["n_s"]}
    settings = {**NEUTRINOS, "l_max_tensors": 100}
    point = {**POINT, "r": 0.1, "n_s": 0.95}
    ours = get_model(run_info({"mode": "full", "extra_args": settings}, **tensors))
    cobayas = get_model(run_info({"path": "global", "extra_args": settings}, name="classy", **tensors))
    ours.logpost({**point, "n_s": 0.96})
    for model in (ours, cobayas):
        assert np.isfinite(model.logpost(point))
    assert np.array_equal(ours.provider.get_Cl()["tt"], cobayas.provider.get_Cl()["tt"])


@pytest.mark.parametrize("name", ["H0", "n_s"])
def test_a_parameter_given_twice(name: str) -> None:
    with pytest.raises(LoggedError, match=f"both as input parameters and as extra arguments.*{name}"):
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
    assert "H0 from 60 to 90 (covered: H0 from 58 to 80)" in messages()
    assert "tau_reio from" not in messages()
    assert "There CLASS integrates its equations (fallback: full)" in messages()
    assert derived(model, {**POINT, "H0": 85.0})["neural_network_used"] == 0.0


@pytest.mark.parametrize(("name", "low", "high"), [("omega_b", 0.005, 0.1), ("tau_reio", 0.01, 0.8)])
def test_wide_prior_whose_ends_class_cannot_compute_is_announced(
    name: str, low: float, high: float, messages: Callable[[], str]
) -> None:
    """As Cobaya's standard ones."""
    ref = {"omega_b": 0.0224, "tau_reio": 0.055}[name]
    get_model(run_info({"mode": "net"}, **{name: {"prior": {"min": low, "max": high}, "ref": ref}}))
    assert f"{name} from {low:g} to {high:g} (covered: {name} from" in messages()


def test_wide_prior_with_fallback_error_is_zero_likelihood(messages: Callable[[], str]) -> None:
    wide = {"prior": {"min": 0.6, "max": 0.9}, "ref": 0.673}
    info = run_info({"mode": "net", "fallback": "error"}, h=wide)
    del info["params"]["H0"]
    model = get_model(info)
    assert "h from 0.6 to 0.9 (covered: H0 from 58 to 80)" in messages()
    assert "There the likelihood is zero (fallback: error)" in messages()
    assert model.logpost({"h": 0.85, "tau_reio": 0.054}) == -np.inf
    assert np.isfinite(model.logpost({"h": 0.673, "tau_reio": 0.054}))


EXTENDED = {"N_ur": 0.2, "N_ncdm": 1, "deg_ncdm": 3, "T_ncdm": 0.71, "m_ncdm": 0.02, "non_linear": "none",
            "Omega_Lambda": 0, "fluid_equation_of_state": "CLP", "use_ppf": "yes"}


@pytest.mark.parametrize(("low", "beyond"), [(-1.6, False), (-1.7, True)])
def test_networks_of_dark_energy_and_their_prior(low: float, beyond: bool, messages: Callable[[], str]) -> None:
    """Their domain has settings, negative ends and the acoustic scale."""
    dark_energy = {"w0_fld": {"prior": {"min": low, "max": -0.4}, "ref": -1.0}, "wa_fld": -0.2}
    model = get_model(run_info({"mode": "net", "networks": "extended", "extra_args": EXTENDED}, **dark_energy))
    # beside the acoustic scale, which such dark energy makes one that nobody has seen
    covered = messages().partition("covered: ")[2]
    assert ("w0_fld from -1.6 to -0.4" in covered) == beyond
    assert model.loglikes({**POINT, "w0_fld": -0.95})[1] == [1.0]


def test_prior_wholly_outside() -> None:
    outside = {"prior": {"min": 85.0, "max": 95.0}, "ref": 90.0}
    with pytest.raises(LoggedError, match=r"H0 = 90 is outside \[58, 80\].*zero everywhere.*mode: full"):
        get_model(run_info({"mode": "net", "fallback": "error"}, H0=outside))


@pytest.mark.parametrize("fallback", ["full", "error"])
@pytest.mark.parametrize("low", [75.0, 40.0])
def test_reference_outside_of_a_prior_that_is_partly_covered_is_told(
    low: float, fallback: str, messages: Callable[[], str]
) -> None:
    """The prior ends inside (75), or on both sides outside (40)."""
    get_model(run_info({"mode": "net", "fallback": fallback}, H0={"prior": {"min": low, "max": 95.0}, "ref": 90.0}))
    said = messages()
    assert "the reference point, where chains begin, is outside the domain" in said and "[58, 80]" in said
    assert "every sample" not in said and f"(fallback: {fallback})" in said


@pytest.mark.parametrize(("largest", "outside"), [(0.145, True), (0.125, False)])
def test_corners_of_the_prior_are_asked_where_parameters_lead_to_others(
    largest: float, outside: bool, messages: Callable[[], str]
) -> None:
    """All ends of an angle and of omega_cdm are inside, but not small H0, which takes an end of both."""
    angle = {"theta_s_100": {"prior": {"min": 1.03, "max": 1.05}, "ref": 1.0411}}
    density = {"omega_cdm": {"prior": {"min": 0.115, "max": largest}, "ref": 0.12}}
    info = run_info({"mode": "net"}, **angle, **density)
    del info["params"]["H0"]
    get_model(info)
    said = re.search(r"corners outside .* (\d+) of (\d+) points drawn from it, for example H0 = ", messages())
    assert bool(said) == outside
    assert said is None or 0 < int(said[1]) < int(said[2])


CURVED = {"Omega_k": {"prior": {"min": -0.05, "max": 0.05}, "ref": 0.0}}


def test_what_is_covered_at_its_reference_value_only_is_told(messages: Callable[[], str]) -> None:
    """Curvature is no matter of a range, and no sample has exactly none."""
    get_model(run_info({"mode": "net"}, **CURVED))
    assert re.search(r"do not cover this run: Omega_k is sampled.* every sample", messages())
    with pytest.raises(LoggedError, match=r"Omega_k is sampled, and near .*Omega0_k.*zero everywhere"):
        get_model(run_info({"mode": "net", "fallback": "error"}, **CURVED))


@pytest.mark.parametrize(("option", "value", "said"), [
    ("path", "/nowhere", "path: '/nowhere' is no folder"), ("path", 5, "path: 5 is no folder"),
    ("extra_args", {1: 2}, r"extra_args: \{1: 2\} is no table"),
    ("extra_args", "x", "extra_args: 'x' is no table"), ("extra_args", ["a"], r"extra_args: \['a'\] is no table")])
def test_option_of_a_wrong_kind_is_named(option: str, value: Any, said: str) -> None:
    with pytest.raises(LoggedError, match=said):
        get_model(run_info({"mode": "full", option: value}))


WEYL = {"Pk_grid": {"z": [0.0, 0.5, 1.0, 2.0], "k_max": 1.0, "nonlinear": False, "vars_pairs": [["Weyl", "Weyl"]]}}


def test_likelihood_that_needs_what_the_networks_lack(messages: Callable[[], str]) -> None:
    with pytest.raises(LoggedError, match=r"more source functions.*cosmicnet make.*mode: full"):
        get_model(run_info({"mode": "net", "fallback": "error"}, WEYL))
    get_model(run_info({"mode": "net"}, WEYL))
    assert "CLASS will integrate its equations at every sample" in messages()


def test_other_neutrinos_are_named(messages: Callable[[], str]) -> None:
    get_model(run_info({"mode": "net", "extra_args": {**NEUTRINOS, "N_ncdm": 2, "m_ncdm": "0.03,0.03"}}))
    assert "N_ncdm = 2, but the networks were trained with 1" in messages()


def test_background_alone_needs_no_networks(messages: Callable[[], str]) -> None:
    model = get_model(run_info({"mode": "net"}, {"Hubble": {"z": [0.5]}}))
    assert messages() == ""
    assert derived(model, POINT)["neural_network_used"] == 0.0


@pytest.mark.parametrize(("theory", "said"), [
    ({"mode": "network"}, "mode: network: allowed are full and net"),
    ({"fallback": "maybe"}, "fallback: maybe: allowed are full and error"),
    ({"networks": "nowhere"}, r"networks: nowhere: .*name of a set: .*lcdm"),
    ({"mode": "net", "extra_args": {**NEUTRINOS, "neural_network": True}}, "neural_network in extra_args.*set `mode:"),
    ({"mode": "full", "extra_args": {"neural_network_path": "x"}}, "neural_network_path in extra_args.*set `mode:"),
])
def test_options_that_make_no_sense(theory: dict[str, Any], said: str) -> None:
    with pytest.raises(LoggedError, match=said):
        get_model(run_info(theory))


def test_flag_among_the_parameters() -> None:
    with pytest.raises(LoggedError, match="neural_network in params"):
        get_model(run_info(neural_network=1))


def test_no_classy(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name, *rest: None if name == "classy" else find(name, *rest))
    with pytest.raises(LoggedError, match=r"no classy in this Python.*cobaya-install cosmicnet.Cosmicnet"):
        get_model(run_info())


class StockClass:
    """What is seen of a classy without the patch."""


def test_unpatched_classy(monkeypatch: pytest.MonkeyPatch) -> None:
    import classy

    monkeypatch.setattr(classy, "Class", StockClass)
    with pytest.raises(LoggedError, match=r"stock classy .*cobaya-install.*mode: full works with both"):
        get_model(run_info({"mode": "net"}))


def test_other_version_of_class(monkeypatch: pytest.MonkeyPatch) -> None:
    import classy

    monkeypatch.setattr(classy, "__version__", "v3.4.9")
    with pytest.raises(LoggedError, match=r"trained with CLASS v3.4.1, but classy is v3.4.9.*cosmicnet make"):
        get_model(run_info({"mode": "net"}))


def test_automatic_covmat_knows_h0() -> None:
    theory = get_model(run_info()).theory["cosmicnet.Cosmicnet"]
    parameters = {"H0": {}, "omega_b": {"renames": "omegabh2"}, "tau_reio": {"renames": "tau"}}
    found = theory.get_auto_covmat(parameters, {"planck_2018_lowl.EE": {"aliases": ["lowE"]}})
    header = (Path(found["folder"]) / found["name"]).read_text().splitlines()[0].split()
    assert {"H0", "omegabh2", "tau"} <= set(header)
