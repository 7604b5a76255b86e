"""The slope of matter today follows from the growth equation, not from the end of a basis."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from cosmicnet.growth import smooth_growth
from cosmicnet.store import read_manifest

Array = NDArray[np.float64]

H0, OMEGA_M = 1.0 / 4400.0, 0.31
# dln y/dln a of the part that D leaves out, such as the effect of neutrinos
SHARE = 0.01


def hubble(a: Array) -> Array:
    """a H of matter and a cosmological constant, in 1/Mpc."""
    return np.asarray(H0 * np.sqrt(OMEGA_M / a + (1.0 - OMEGA_M) * a**2))


def universe(times: int) -> tuple[Array, dict[str, Array], Array]:
    """tau, a and D from z = 20 on, and delta/D of matter whose source is smaller by SHARE a."""
    def change(_: float, state: Array) -> list[float]:
        a, d, d_prime, delta, delta_prime = state
        rate, source = float(hubble(np.array(a))), 1.5 * H0**2 * OMEGA_M / a
        return [a * rate, d_prime, source * d - rate * d_prime,
                delta_prime, source * (1.0 - SHARE * a) * delta - rate * delta_prime]

    first = 1.0 / 21.0
    slope = first * float(hubble(np.array(first)))

    def today(_: float, state: Array) -> float:
        return float(state[0]) - 1.0

    today.terminal = True  # type: ignore[attr-defined]
    found = solve_ivp(change, (0.0, 3e4), [first, first, slope, first, slope], rtol=1e-10, atol=1e-14, events=today,
                      dense_output=True)
    tau = np.linspace(0.0, found.t[-1], times)
    a, growth, _, delta, _ = found.sol(tau)
    return tau + 3000.0, {"scale_factor": a, "growth_factor": growth}, delta / growth


def slopes(tau: Array, values: Array) -> Array:
    return np.asarray(np.gradient(values, tau, edge_order=2) / values * 1.4e4)


@pytest.mark.parametrize("times", [40, 150])
def test_solutions_of_the_growth_equation_stay(times: int) -> None:
    tau, history, y = universe(times)
    matrix = smooth_growth(tau, history)
    rows, columns = matrix.shape
    assert 0 < rows < columns < times
    np.testing.assert_allclose(matrix @ y[-columns:], y[-rows:], rtol=3e-6)


def test_an_uncertain_end_hardly_matters() -> None:
    """Errors of networks: smooth, and largest at the end of the basis."""
    tau, history, y = universe(80)
    matrix = smooth_growth(tau, history)
    rows, columns = matrix.shape
    z = 1.0 / history["scale_factor"] - 1.0
    wrong = y * (1.0 + 3e-4 * np.exp(-z / 0.1))
    right = slopes(tau, y)[-rows:]
    before = np.abs(slopes(tau, wrong)[-rows:] - right).max()
    after = np.abs(slopes(tau[-rows:], matrix @ wrong[-columns:]) - right).max()
    assert after < 0.5 * before


def test_continuous_in_time_and_in_the_times() -> None:
    """Nothing jumps where fields pass to fitted ones, nor when a time enters or leaves."""
    tau, history, y = universe(200)
    noise = 1e-4 * np.random.default_rng(1).normal(size=tau.size)
    values = []
    for some in (slice(None), slice(1, None)):
        matrix = smooth_growth(tau[some], {name: column[some] for name, column in history.items()})
        values.append(matrix @ (y + noise)[-matrix.shape[1]:])
    np.testing.assert_array_equal(*values)
    rows = len(values[0])
    assert abs(values[0][0] / (y + noise)[-rows] - 1.0) < 1e-5


def test_few_times_stay_as_they_are() -> None:
    tau, history, _ = universe(200)
    some = slice(-6, None)
    assert smooth_growth(tau[some], {name: column[some] for name, column in history.items()}).shape[0] == 0


@pytest.mark.usefixtures("patched")
def test_growth_rate_of_shipped_networks_today() -> None:
    """With dark energy and massive neutrinos, against converged CLASS: 0.22%, without the growth equation 0.5%."""
    classy = pytest.importorskip("classy")
    settings: dict[str, Any] = {
        "output": "mPk", "P_k_max_1/Mpc": 0.2, "z_max_pk": 2.0, "omega_b": 0.0237, "omega_cdm": 0.132, "H0": 68.2,
        "N_ur": 0.00641, "N_ncdm": 1, "deg_ncdm": 3, "m_ncdm": 0.057, "Omega_Lambda": 0, "w0_fld": -1.27,
        "wa_fld": -0.25, "fast_background": "yes", **read_manifest("standard").precision_settings}
    rates = []
    for more in ({}, {"neural_network": "yes", "neural_network_path": "standard", "neural_network_fallback": "error"}):
        model = classy.Class()
        model.set({**settings, **more})
        model.compute(["fourier"])
        rates.append([model.scale_dependent_growth_factor_f(k, 0.0) for k in np.geomspace(2e-3, 0.15, 12)])
        model.empty()
    np.testing.assert_allclose(rates[1], rates[0], rtol=2.5e-3)


@pytest.mark.usefixtures("patched")
def test_potential_where_dark_energy_clusters() -> None:
    """At w far from -1 and large scales phi + psi does not follow the growth of matter, whose equation is 2% off."""
    classy = pytest.importorskip("classy")
    settings: dict[str, Any] = {
        "output": "lCl,mPk", "l_max_scalars": 50, "P_k_max_1/Mpc": 0.05, "omega_b": 0.0224, "omega_cdm": 0.12,
        "H0": 70.0, "N_ur": 3.044, "Omega_Lambda": 0, "w0_fld": -2.2, "wa_fld": 1.5, "fast_background": "yes",
        **read_manifest("standard").precision_settings}
    today = []
    for more in ({}, {"neural_network": "yes", "neural_network_path": "standard", "neural_network_fallback": "error"}):
        model = classy.Class()
        model.set({**settings, **more})
        model.compute(["fourier"])
        sources, k, _ = model.get_sources()
        today.append(np.interp([5e-4, 1e-3, 5e-3], k, sources["phi_plus_psi"][:, -1]))
        model.empty()
    np.testing.assert_allclose(today[1], today[0], rtol=5e-3)
