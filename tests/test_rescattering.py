"""Rescattering against the Boltzmann hierarchy that it is the integral of, and against CLASS."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builds import build_is_missing
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import make_interp_spline
from scipy.special import spherical_jn

from cosmicnet.pieces import split_sources
from cosmicnet.rescattering import (
    Convolutions,
    Photons,
    duration_of_change,
    is_resolved,
    rescatter,
    spherical_bessel,
    start_of_reionization,
    uniform_times,
)

Array = NDArray[np.float64]

# of the largest value: the quadrature with steps of 0.014 of the first time
HIERARCHY_AGREEMENT = 2e-4
# weighted by visibility, of one wavenumber: CLASS truncates its hierarchy at l = 12, rescatter() does not
CLASS_AGREEMENT = 2e-3
# of the largest value: single precision
CONVOLUTION_AGREEMENT = 2e-6

START, TODAY = 5000.0, 14000.0
HIGHEST_L = 90


def scattering_rate(tau: Array) -> Array:
    """kappa' (1/Mpc) of a reionisation at 5600 Mpc that takes 200 Mpc."""
    return np.asarray(4e-5 * (5600.0 / tau) ** 4 * 0.5 * (1.0 + np.tanh((tau - 5600.0) / 100.0)))


def velocity(k: float, tau: Array) -> Array:
    return np.asarray(-0.2 * k * tau * np.cos(0.0002 * tau))


def potential_decay(tau: Array) -> Array:
    """phi' + psi' (1/Mpc), late as that of dark energy."""
    return np.asarray(-2e-5 * np.exp((tau - 14000.0) / 2000.0))


def integrate(k: float, times: Array, scatters: bool) -> tuple[Array, Array]:
    """M and P at `times` from Ma & Bertschinger's eqs. 63 and 64, with Theta_0 + psi for Theta_0."""
    order = np.arange(HIGHEST_L + 1)
    down, up = k * order / (2 * order + 1), k * (order + 1) / (2 * order + 1)

    def derivative(tau: float, state: Array) -> Array:
        theta, g = state.reshape(2, -1)
        rate = float(scattering_rate(np.array(tau))) if scatters else 0.0
        result = np.empty((2, HIGHEST_L + 1))
        for row, f in zip(result, (theta, g), strict=True):
            row[:] = -rate * f
            row[1:] += down[1:] * f[:-1]
            row[:-1] -= up[:-1] * f[1:]
        p = (4.0 * theta[2] + g[0] + g[2]) / 8.0
        result[0, 0] += rate * theta[0] + float(potential_decay(np.array(tau)))
        result[0, 1] += rate * float(velocity(k, np.array(tau))) / 3.0
        result[0, 2] += rate * p / 5.0
        result[1, 0] += rate * 4.0 * p
        result[1, 2] += rate * 0.8 * p
        return result.ravel()

    initial = np.zeros((2, HIGHEST_L + 1))
    # photons that stream from a last scattering 4700 Mpc before
    initial[0] = spherical_jn(order, 4700.0 * k)
    solution = solve_ivp(derivative, (times[0], times[-1]), initial.ravel(), t_eval=times, rtol=1e-8, atol=1e-10,
                         max_step=40.0)
    theta, g = solution.y.reshape(2, HIGHEST_L + 1, -1)
    return theta[0], (4.0 * theta[2] + g[0] + g[2]) / 8.0


def rescattered(k: float, times: Array, neutral: tuple[Array, Array], **changes: Any) -> Photons:
    fine = np.linspace(times[0], times[-1], 20001)
    rate = scattering_rate(fine)
    kappa = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(fine))])
    a = np.exp(np.interp(times, fine, kappa - kappa[-1]))
    arguments = {
        "k": np.array([k]), "tau": times, "exp_minus_kappa": a, "visibility": scattering_rate(times) * a,
        "neutral": Photons(neutral[0][:, None], neutral[1][:, None]), "velocity": velocity(k, times)[:, None],
        "potential_decay": potential_decay(times)[:, None]}
    return rescatter(**{**arguments, **changes})


@pytest.mark.parametrize("k", [1e-4, 5e-4, 1.5e-3, 4e-3])
def test_it_is_the_integral_of_the_hierarchy(k: float) -> None:
    times = uniform_times(START, TODAY)
    neutral, reionized = integrate(k, times, scatters=False), integrate(k, times, scatters=True)
    added = rescattered(k, times, neutral)
    for name, got, before, after in zip(("M", "P"), (added.temperature, added.polarization), neutral, reionized,
                                        strict=True):
        assert np.abs(after - before).max() > 30 * HIERARCHY_AGREEMENT * np.abs(before).max(), name
        assert np.abs(got[:, 0] - (after - before)).max() < HIERARCHY_AGREEMENT * np.abs(after).max(), name


def test_nothing_is_added_where_nothing_scatters() -> None:
    times = uniform_times(START, TODAY)
    m, p = np.sin(times / 500.0), np.cos(times / 700.0)
    added = rescattered(2e-3, times, (m, p), exp_minus_kappa=np.ones_like(times), visibility=np.zeros_like(times))
    assert np.abs(added.temperature).max() < 1e-14
    assert np.abs(added.polarization).max() < 1e-14


def test_scattering_conserves_photons_on_the_largest_scales() -> None:
    """With no gradient (k = 0), as many photons come in as go out: the monopole stays."""
    times = uniform_times(START, TODAY)
    still = np.zeros((times.size, 1))
    added = rescattered(0.0, times, (np.ones_like(times), np.zeros_like(times)), velocity=still, potential_decay=still)
    assert np.abs(added.temperature).max() < HIERARCHY_AGREEMENT
    # kernels are in single precision
    assert np.abs(added.polarization).max() < 1e-9


@pytest.mark.parametrize("order", range(5))
def test_spherical_bessel_functions(order: int) -> None:
    step, size = np.concatenate([[0.0], np.geomspace(1e-6, 0.9, 400)]), 150
    x = step[:, None] * np.arange(size)
    np.testing.assert_allclose(spherical_bessel(step, size)[order], spherical_jn(order, x), atol=1e-9)


@pytest.mark.parametrize("size", [20, 146, 430])
def test_convolution_is_the_sum_over_earlier_times(size: int) -> None:
    """With the kernels of M and P written out, summed with Gregory's weights."""
    k, step = np.geomspace(1e-5, 9e-3, 12), 70.0
    generator = np.random.default_rng(size)
    m, v, p = generator.normal(size=(3, k.size, size)).astype(np.float32)
    weights = np.full(size, step)
    weights[:3] *= 3 / 8, 7 / 6, 23 / 24
    j0, j1, j2, j3, j4 = (spherical_jn(order, step * k[:, None] * np.arange(size)) * weights for order in range(5))
    kernels = ((j0, -j1, j2), (j2 / 2, j1 / 5 - 3 * j3 / 10, 7 * j0 / 10 + 5 * j2 / 7 + 18 * j4 / 35))
    convolve = Convolutions(k, step, size)
    got = convolve.results(*(convolve.sources(values) for values in (m, v, p)))
    for result, of_result in zip(got, kernels, strict=True):
        expected = np.array([[sum(kernel[row, :n + 1] @ source[row, n::-1]
                                  for kernel, source in zip(of_result, (m, v, p), strict=True))
                              for n in range(size)] for row in range(k.size)])
        np.testing.assert_allclose(result, expected, atol=CONVOLUTION_AGREEMENT * np.abs(expected).max())


def test_a_neutral_universe_has_no_start_of_reionization() -> None:
    tau = np.linspace(2000.0, 14000.0, 200)
    assert start_of_reionization(tau, 1e-4 / tau, 2100.0) is None
    start = start_of_reionization(tau, scattering_rate(tau), 2100.0)
    assert start is not None
    assert 5000.0 < start < 5600.0


class _Recorder:
    """Has CLASS integrate on uniform late times and a few wavenumbers."""

    def provide(self, request: Any) -> bool:
        k = np.array([1e-4, 3e-4, 6e-4, 1e-3, 1.5e-3, 2e-3])
        tau = np.concatenate([[230.0], np.linspace(1900.0, request.cosmology["conformal_age"], 400)])
        self.grids = k, tau
        self.live = request.integrate_on(k, tau)
        return False


def integrated_by_class(**reionization: Any) -> tuple[Array, Array, dict[str, Array]]:
    """k, tau and the pieces, history columns among them, from full CLASS."""
    try:
        from classy import Class
    except ImportError:
        build_is_missing("no classy")
    recorder, model = _Recorder(), Class()
    model.set({"output": "tCl,pCl", "l_max_scalars": 300, **reionization})
    model.set_source_provider(recorder)
    model.compute(["perturbations"])
    (k, tau), live = recorder.grids, {name: np.array(a)[1:] for name, a in recorder.live.items()}
    model.struct_cleanup()
    live |= {name: np.zeros_like(live["t0"]) for name in ("phi_plus_psi", "delta_m", "delta_cb") if name not in live}
    return k, tau[1:], live | split_sources(live, k, tau[1:])


@pytest.mark.parametrize("reionization", [
    {"tau_reio": 0.054}, {"tau_reio": 0.12}, {"z_reio": 6.0, "reionization_width": 1.5},
    {"reio_parametrization": "reio_bins_tanh", "binned_reio_num": 3, "binned_reio_z": "8,12,16",
     "binned_reio_xe": "0.8,0.2,0.1", "binned_reio_step_sharpness": 0.3},
], ids=lambda r: ",".join(r))
def test_class_with_reionization_follows_from_class_without(reionization: dict[str, Any]) -> None:
    k, tau, neutral = integrated_by_class(reio_parametrization="reio_none")
    _, same_tau, reionized = integrated_by_class(**reionization)
    assert np.array_equal(tau, same_tau)
    start = start_of_reionization(tau, reionized["scattering_rate"], 2000.0)
    assert start is not None
    times = uniform_times(start, tau[-1])

    def at_times(values: Array) -> Array:
        return np.asarray(make_interp_spline(tau, values, k=3, axis=0)(times))

    velocity = at_times(neutral["theta_b"]) * k
    added = rescatter(
        k, times, at_times(reionized["exp_minus_kappa"]), at_times(reionized["visibility"]),
        Photons(at_times(neutral["temperature"] + neutral["shear"]), at_times(neutral["polarization"])),
        velocity, at_times(neutral["isw"]))
    weight = reionized["visibility"][:, None]
    later = tau > start
    for name, change in (("temperature", added.temperature), ("polarization", added.polarization)):
        predicted = neutral[name].copy()
        predicted[later] += make_interp_spline(times, change, k=3)(tau[later])
        error = np.linalg.norm((weight * (predicted - reionized[name]))[later], axis=0)
        size = np.linalg.norm((weight * (reionized[name] - neutral[name]))[later], axis=0)
        assert (error < CLASS_AGREEMENT * np.linalg.norm((weight * reionized[name])[later], axis=0)).all(), name
        # on the largest scales, scattering changes little
        assert (size > 10 * error)[k > 5e-4].all(), name


def test_steps_resolve_a_fast_change_of_the_scattering_rate() -> None:
    usual = uniform_times(4000.0, 14000.0, 200.0)
    assert np.array_equal(usual, uniform_times(4000.0, 14000.0))
    assert np.diff(uniform_times(4000.0, 14000.0, 30.0)).max() <= 30.0 / 1.5
    assert is_resolved(30.0, 4000.0) and not is_resolved(2.0, 4000.0)
    tau = np.linspace(3000.0, 14000.0, 2000)
    rate = 1e-5 * (1.0 + np.tanh((tau - 4500.0) / 50.0))
    assert duration_of_change(tau, rate, 4000.0) == pytest.approx(100.0, rel=0.02)
