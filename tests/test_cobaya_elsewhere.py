"""Runs whose parameters or priors are not all in `params`: other theory codes (`requires`) and external priors."""
from __future__ import annotations

import logging
from typing import Any, ClassVar

import numpy as np
import pytest
from cobaya_infos import L_MAX, NEUTRINOS, POINT, run_info

from cosmicnet.cobaya_components.compare.evaluations import fast_parameters

get_model = pytest.importorskip("cobaya.model").get_model
LoggedError = pytest.importorskip("cobaya.log").LoggedError
Theory = pytest.importorskip("cobaya.theory").Theory
pytestmark = pytest.mark.usefixtures("patched")


class Elsewhere(Theory):  # type: ignore[misc]  # Cobaya has no types
    """Gives a slow and a fast parameter of CLASS from others of its own."""

    params: ClassVar[dict[str, Any]] = {"om": None, "tilt": None}

    def get_can_provide_params(self) -> list[str]:
        return ["omega_cdm", "n_s"]

    def calculate(self, state: dict[str, Any], want_derived: bool = True, **values: float) -> None:
        state["derived"] = {"omega_cdm": values["om"], "n_s": 1.0 - values["tilt"]}


def elsewhere_info(theory: dict[str, Any], name: str = "cosmicnet.Cosmicnet") -> dict[str, Any]:
    info = run_info(theory, name=name)
    info["theory"][name]["requires"] = ["omega_cdm", "n_s"]
    info["theory"]["elsewhere"] = {"external": Elsewhere}
    for gone in ("omega_cdm", "n_s"):
        del info["params"][gone]
    return {**info, "params": {**info["params"], "om": {"prior": {"min": 0.1, "max": 0.14}},
                               "tilt": {"prior": {"min": 0.0, "max": 0.1}}}}


@pytest.mark.parametrize("mode", ["net", "full"])
def test_parameters_of_another_theory_code_reach_class(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    flag = {"neural_network": True} if mode == "net" else {}
    ours = get_model(elsewhere_info({"mode": mode}))
    if mode == "net":
        assert "another theory code" in caplog.text
    cobayas = get_model(elsewhere_info({"path": "global", "extra_args": {**NEUTRINOS, **flag}}, "classy"))
    # a slow one, a fast one, and back
    for om, tilt in ((0.12, 0.035), (0.13, 0.035), (0.13, 0.05), (0.12, 0.035)):
        spectra = []
        for model in (ours, cobayas):
            assert np.isfinite(model.logpost({**POINT, "om": om, "tilt": tilt}))
            spectra.append(model.provider.get_Cl()["tt"].copy())
        np.testing.assert_array_equal(*spectra)


class Helium(Theory):  # type: ignore[misc]  # Cobaya has no types
    """A code of nucleosynthesis: gives a parameter of CLASS that CLASS could derive too."""

    params: ClassVar[dict[str, Any]] = {"x": None}

    def get_can_provide_params(self) -> list[str]:
        return ["YHe"]

    def calculate(self, state: dict[str, Any], want_derived: bool = True, **values: float) -> None:
        state["derived"] = {"YHe": 0.24 + values["x"]}


def test_what_class_could_derive_may_come_from_another_theory_code() -> None:
    found = {}
    for name, theory in (("cosmicnet.Cosmicnet", {"mode": "full"}), ("classy", {"path": "global"})):
        info = run_info(theory, name=name, x={"prior": {"min": 0.0, "max": 0.02}})
        info["theory"] |= {"helium": {"external": Helium}, name: {**info["theory"][name], "requires": ["YHe"]}}
        model = get_model(info)
        model.logpost({**POINT, "x": 0.015})
        found[name] = model.provider.get_Cl()["tt"].copy()
        if name != "classy":
            assert fast_parameters(model) == []
    np.testing.assert_array_equal(*found.values())


@pytest.mark.parametrize("required", [None, 3])
def test_requires_that_is_no_list_is_named(required: Any) -> None:
    with pytest.raises(LoggedError, match=f"requires: {required}"):
        get_model(run_info({"requires": required}))


@pytest.mark.parametrize("name", ["omega_b", "n_s"])
def test_parameter_that_a_likelihood_has_reaches_class_too(name: str) -> None:
    """Cobaya gives a sampled parameter to the likelihood that names it alone, but for theories that require it."""
    at = {"omega_b": (0.022, 0.023), "n_s": (0.95, 0.97)}[name]

    def model(theory: dict[str, Any], component: str) -> Any:
        info = run_info(theory, name=component, **{name: {"prior": {"min": 0.9 * at[0], "max": 1.1 * at[1]}}})
        info["theory"][component]["requires"] = [name]
        likelihood = f"lambda {name}: -0.5 * ({name} / {at[0]} - 1.0)**2"
        return get_model({**info, "likelihood": {**info["likelihood"], "outside": likelihood}})

    ours = model({"mode": "net"}, "cosmicnet.Cosmicnet")
    cobayas = model({"path": "global", "extra_args": {**NEUTRINOS, "neural_network": True}}, "classy")
    for value in at:
        spectra = []
        for one in (ours, cobayas):
            assert np.isfinite(one.logpost({**POINT, name: value}))
            spectra.append(one.provider.get_Cl()["tt"].copy())
        np.testing.assert_array_equal(*spectra)


def test_external_prior_cuts_the_points_of_the_prior(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    info = run_info(H0={"prior": {"min": 60.0, "max": 95.0}, "ref": 67.3})
    get_model(info)
    assert "outside [58, 80]" in caplog.text
    caplog.clear()
    info["prior"] = {"narrow": "lambda H0: 0.0 if abs(H0 - 70) < 9 else -np.inf"}
    get_model(info)
    assert "outside" not in caplog.text


def test_points_of_the_prior_obey_an_external_one() -> None:
    from cosmicnet.cobaya_components.compare.check import draw_points

    model = get_model({**run_info(), "prior": {"half": "lambda H0: 0.0 if H0 > 67 else -np.inf"}})
    points = draw_points(model, "prior", 5, 0)
    assert len(points) == 5 and all(point["H0"] > 67.0 for point in points)


WIDE = {"omega_b": (0.015, 0.03), "omega_cdm": (0.05, 0.2), "H0": (40.0, 100.0), "tau_reio": (0.01, 0.2)}


SAMPLED = {name: {"prior": {"min": low, "max": high}} for name, (low, high) in WIDE.items()}


@pytest.mark.parametrize("fallback", ["full", "error"])
def test_wide_priors_without_reference_are_not_called_senseless(
    fallback: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of four wide priors a few per cent are inside, which a few draws do not find."""
    caplog.set_level(logging.WARNING)
    model = get_model(run_info({"mode": "net", "fallback": fallback}, **SAMPLED))
    assert "every sample" not in caplog.text and "points drawn from the prior" in caplog.text
    assert np.isfinite(model.logpost({"omega_b": 0.0224, "omega_cdm": 0.12, **POINT}))
    assert model.theory["cosmicnet.Cosmicnet"].classy.neural_network_info()["used"]


def test_wide_priors_and_a_request_that_networks_never_cover() -> None:
    """The reason is the same at all points, with other numbers."""
    with pytest.raises(LoggedError):
        get_model(run_info({"mode": "net", "fallback": "error"}, {"Cl": {"tt": 30000, "ee": 30000}}, **SAMPLED))


@pytest.mark.parametrize("amplitude", ["sigma8", "A_s"])
def test_amplitude_of_matter_in_place_of_a_s_is_announced_to_be_slow(
    amplitude: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    info = run_info()
    del info["params"]["A_s"]
    info["params"][amplitude] = 0.81 if amplitude == "sigma8" else 2.1e-9
    get_model(info)
    assert ("sigma8 is given" in caplog.text) == (amplitude == "sigma8")


def test_points_where_a_function_of_the_user_has_no_value_are_left_out() -> None:
    amplitude = {"x": {"prior": {"min": 0.0, "max": 10.0}, "ref": 4.76, "drop": True},
                 "A_s": {"value": "lambda x: 1e-8 / (x if x < 5 else 0)"}}
    assert np.isfinite(get_model(run_info({"mode": "net"}, {"Cl": {"tt": L_MAX}}, **amplitude)).logpost(
        {**POINT, "x": 4.76}))
