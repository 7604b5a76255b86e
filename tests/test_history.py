"""Requests from arrays: CLASS's own background and thermal history in, CLASS's own request out; bad arrays by name."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.background import Background
from cosmicnet.coverage import why_not_covered
from cosmicnet.errors import CosmicnetError
from cosmicnet.history import GivenRequest, History, request_of
from cosmicnet.request import at_request
from cosmicnet.store import load_network_set

Array = NDArray[np.float64]

PARAMETERS = {"H0": 67.3, "omega_b": 0.02238, "omega_cdm": 0.1201, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06,
              "tau_reio": 0.0543}


def of_class(others: dict[str, Any]) -> tuple[History, GivenRequest, dict[str, Any]]:
    """CLASS's tables as a history, its request, and copies of the request's arrays."""
    from classy import Class

    parameters = {**PARAMETERS, **others}
    request = at_request({**parameters, "output": "tCl,pCl,lCl,mPk", "lensing": "yes"}, lambda r: {
        "tau": r.tau.copy(), "k": r.k.copy(), "k_size_cmb": r.k_size_cmb, "numbers": {**r.setup, **r.cosmology},
        "history": {name: column.copy() for name, column in r.history.items()}})
    assert request is not None
    cosmology = Class()
    cosmology.set(parameters)
    cosmology.compute(["thermodynamics"])
    background, thermal = cosmology.get_background(), cosmology.get_thermodynamics()
    cosmology.empty()
    late = thermal["z"][::-1] < 9e5
    a = 1.0 / (1.0 + thermal["z"][::-1][late])
    hubble = np.exp(CubicSpline(-np.log1p(background["z"]), np.log(background["H [1/Mpc]"]))(np.log(a)))
    history = History(thermal["conf. time [Mpc]"][::-1][late], a, hubble * a, thermal["kappa' [Mpc^-1]"][::-1][late])
    numbers = request["numbers"]
    names = ("H0", "omega_b", "omega_cdm", "N_ur", "YHe", "m_ncdm", "w0_fld", "wa_fld", "T_cmb", "N_ncdm", "deg_ncdm",
             "T_ncdm", "Omega0_k", "has_fld", "recombination")
    given = request_of(history, {name: numbers[name] for name in names if name in numbers}, l_max=2500, k_max=1.0,
                       tau=request["tau"])
    return history, given, request


@pytest.mark.usefixtures("patched")
@pytest.mark.parametrize("others", [{}, {"Omega_k": 0.02}, {"Omega_Lambda": 0, "w0_fld": -0.9, "wa_fld": 0.1}])
def test_class_in_class_out(others: dict[str, Any]) -> None:
    _, given, request = of_class(others)
    for name, column in given.history.items():
        expected = request["history"][name]
        assert np.max(np.abs(column - expected)) < 1e-6 * np.max(np.abs(expected)), name
    numbers = {**given.setup, **given.cosmology}
    for name, tolerance in {"tau_rec": 1e-6, "z_rec": 2e-6, "sound_horizon_rec": 2e-6, "angular_distance_rec": 1e-6,
                            "conformal_age": 1e-12, "visibility_max": 2e-6, "diffusion_length_rec": 3e-6, "N_eff": 1e-5,
                            "omega_ncdm": 1e-5}.items():
        assert numbers[name] == pytest.approx(request["numbers"][name], rel=tolerance), name


@pytest.mark.usefixtures("patched")
def test_sources_follow() -> None:
    """The same sources as from CLASS's own request, on other grids too."""
    _, given, request = of_class({})
    networks = load_network_set("lcdm")
    assert list(why_not_covered(given, networks, None)) == []
    networks.emulator.fill(given)
    expected = at_request({**PARAMETERS, "output": "tCl,pCl,lCl,mPk", "lensing": "yes"}, lambda r: _filled(r, given.k))
    assert expected is not None
    for name, table in given.tables.items():
        assert np.max(np.abs(table - expected[name])) < 3e-5 * np.max(np.abs(table)), name
    assert given.tau.size == request["tau"].size


def _filled(request: Any, k: Array) -> dict[str, Array]:
    from copy import copy

    changed = copy(request)
    changed.k, changed.k_size_cmb = k, k.size
    changed.tables = {name: np.empty((request.tau.size, k.size)) for name in request.tables}
    load_network_set("lcdm").emulator.fill(changed)
    return dict(changed.tables)


def arrays() -> dict[str, Array]:
    """An expansion with a scattering rate that has a peak of visibility."""
    values = {**PARAMETERS, "T_cmb": 2.7255, "Omega0_k": 0.0, "w0_fld": -1.0, "wa_fld": 0.0, "N_ncdm": 0}
    background = Background.of(values)
    a = np.concatenate([np.geomspace(5e-6, 5e-4, 300)[:-1], np.geomspace(5e-4, 2e-3, 900)[:-1],
                        np.geomspace(2e-3, 1.0, 900)])
    tau, _ = background.times(a)
    return {"tau": tau, "scale_factor": a, "hubble": background.slope(a) / a, "scattering_rate": scattering(a)}


def scattering(a: Array) -> Array:
    """Electrons that recombine at z = 1150, and some that are left over."""
    ionized = 0.5 * (1.0 - np.tanh((np.log(a) - np.log(1.0 / 1150.0)) / 0.05)) + 2e-4
    return np.asarray(1.5e-6 * ionized / a**2)


def test_recombination_is_where_visibility_is_largest() -> None:
    history = History(**arrays())
    fine = np.linspace(150.0, 600.0, 200001)
    assert history.tau_rec == pytest.approx(fine[np.argmax(history.visibility(fine))], abs=3e-3)
    assert float(np.trapezoid(history.visibility(fine), fine)) == pytest.approx(
        float(history.exp_minus_kappa(fine[-1:])[0] - history.exp_minus_kappa(fine[:1])[0]), rel=1e-6)


def test_times_resolve_the_visibility() -> None:
    history = History(**arrays())
    tau = history.times_of_sources()
    assert tau[-1] == history.age and np.all(np.diff(tau) > 0.0)
    fine = np.linspace(tau[0], 600.0, 100001)
    late = 1.0 - float(history.exp_minus_kappa(fine[-1:])[0])
    assert np.trapezoid(history.visibility(tau), tau) == pytest.approx(
        np.trapezoid(history.visibility(fine), fine) + late, rel=1e-3)


def test_growth_of_matter_alone() -> None:
    """Long after equality, and before dark energy, D grows as a."""
    matter = 0.14
    a = np.geomspace(1e-6, 1.0, 3000)
    tau, hubble = np.sqrt(a) * 2.0 / np.sqrt(matter) * 2997.92458, np.sqrt(matter / a) / 2997.92458
    history = History(tau, a, hubble, scattering(a))
    growth, by_ln_a = history.growth(matter, 1e-9)
    assert growth[-1] / growth[1500] == pytest.approx(a[-1] / a[1500], rel=1e-3)
    assert by_ln_a[-1] / growth[-1] == pytest.approx(1.0, rel=1e-4)


def some(columns: dict[str, Array], rows: slice) -> dict[str, Array]:
    return {name: column[rows] for name, column in columns.items()}


@pytest.mark.parametrize(("change", "message"), [
    (lambda a: a.update(hubble=a["hubble"][1:]), r"^hubble: .*\(\d+,\).*\btau\b"),
    (lambda a: a.update(tau=a["tau"][::-1]), "^tau: "),
    (lambda a: a["scale_factor"].__setitem__(50, 1e-7), "^scale_factor: "),
    (lambda a: a["scattering_rate"].__setitem__(50, np.nan), "^scattering_rate: "),
    (lambda a: a["hubble"].__setitem__(50, -1.0), "^hubble: "),
    (lambda a: a.update(some(a, slice(400, None))), r"^scale_factor: .*\b1e-05\b"),
    (lambda a: a.update(some(a, slice(-5))), r"^scale_factor: .*\b1\b"),
    (lambda a: a.update(some(a, slice(None, None, 50))), "recombination"),
])
def test_bad_histories(change: Callable[[dict[str, Array]], object], message: str) -> None:
    columns = arrays()
    change(columns)
    with pytest.raises(CosmicnetError, match=message):
        History(**columns)


def test_no_recombination() -> None:
    columns = arrays()
    history = replace(History(**columns), scattering_rate=np.full(columns["tau"].size, 1e-12))
    with pytest.raises(CosmicnetError, match=r"visibility .*\bz = 60\b"):
        _ = history.tau_rec


@pytest.mark.parametrize(("parameters", "message"), [
    ({"omega_b": None}, r"^omega_b\b.*\bH0, omega_b\b"),
    ({"H0": float("nan")}, "^H0 = nan"),
])
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    given = {"H0": 67.3, "omega_b": 0.0224, "omega_cdm": 0.12, "N_ur": 3.044, "T_cmb": 2.7255, "YHe": 0.245,
             **parameters}
    present = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(CosmicnetError, match=message):
        request_of(History(**arrays()), present, l_max=100, k_max=0.1)
