"""The inputs of Table 1 of CosmicNet I against the formulas as the paper writes them, one number at a time."""
from __future__ import annotations

import math

import numpy as np
import pytest
from paper_models import K, model
from scipy.integrate import quad, trapezoid
from scipy.special import spherical_jn

from cosmicnet.paper.inputs import COSMOLOGY, SCALES, TIMES, Waves, physical_inputs
from cosmicnet.training.paper.train import inputs_of_model

MODEL = model(1)
INPUTS = inputs_of_model(MODEL)
SINGLE = 2e-6


def phase_error(k: float, distance: float) -> float:
    """Of a phase in single precision."""
    return 2e-7 * k * distance + SINGLE


@pytest.mark.parametrize("source", ["t0", "t1"])
def test_cosine_and_sine_of_the_sound_horizon(source: str) -> None:
    got = Waves(INPUTS, K).oscillations(source)
    assert got.shape == (K.size, 2, MODEL.tau.size)
    for i in (0, 20, 54):
        for j in (0, 17, 39):
            phase = K[j] * MODEL.history["sound_horizon"][i]
            tolerance = phase_error(K[j], MODEL.history["sound_horizon"][i])
            assert got[j, :, i] == pytest.approx([math.cos(phase), math.sin(phase)], abs=tolerance)


def test_polarisation_switches_to_bessel_functions() -> None:
    """Eq. 2.11, with Bessel functions divided by their largest value."""
    x = np.linspace(0.0, 10.0, 100001)
    peaks = [spherical_jn(order, x).max() for order in (1, 2)]
    got = Waves(INPUTS, K).oscillations("t2")
    tau_rec = MODEL.cosmology["tau_rec"]
    steps = 0.5 * (np.tanh((MODEL.tau - 4.0 * tau_rec) / 100.0) + 1.0)
    assert steps.min() < 1e-6 and steps.max() > 1.0 - 1e-6 and np.any((steps > 0.1) & (steps < 0.9))
    for i, step in enumerate(steps):
        r_s, distance = MODEL.history["sound_horizon"][i], max(MODEL.tau[i] - tau_rec, 0.0)
        for j in (0, 11, 25, 39):
            expected = [step * spherical_jn(order, K[j] * distance) / peak + (1.0 - step) * wave(K[j] * r_s)
                        for order, peak, wave in zip((1, 2), peaks, (math.cos, math.sin), strict=True)]
            assert got[j, :, i] == pytest.approx(expected, abs=phase_error(K[j], distance + r_s))


def test_damping_envelope_is_that_of_the_diffusion_integral() -> None:
    """Eqs. 2.6 and 2.7: k_D as an integral from the big bang, without the shortcuts of the code."""
    history, tau = MODEL.history, MODEL.tau
    # 3 rho_b/(4 rho_gamma): rho_gamma from Stefan and Boltzmann, rho_crit of h = 1
    sigma, c, mpc, g = 5.670374419e-8, 299792458.0, 3.0856775814913673e22, 6.67430e-11
    critical = 3.0 * (1e5 / mpc) ** 2 / (8.0 * math.pi * g)
    omega_photons = 4.0 * sigma / c**3 * MODEL.setup["T_cmb"] ** 4 / critical
    def integrand(a: float, rate: float) -> float:
        r = 0.75 * MODEL.cosmology["omega_b"] / omega_photons * a
        return (r**2 + 16.0 / 15.0 * (1.0 + r)) / (6.0 * rate * (1.0 + r) ** 2)
    quadratic = 0.25 * (MODEL.cosmology["omega_b"] + MODEL.cosmology["omega_cdm"]) * (1e5 / c) ** 2
    linear = history["scale_factor"][0] / tau[0] - quadratic * tau[0]
    a_first, rate_first = history["scale_factor"][0], history["scattering_rate"][0]
    def early(t: float) -> float:
        a = linear * t + quadratic * t**2
        return integrand(a, rate_first * (a_first / a) ** 2)
    before = quad(early, 0.0, tau[0])[0]
    values = [integrand(a, rate) for a, rate in zip(history["scale_factor"], history["scattering_rate"], strict=True)]
    got = Waves(INPUTS, K).damping
    for i in (0, 5, 12):
        length2 = before + trapezoid(values[:i + 1], tau[:i + 1])
        assert got[:, 0, i] == pytest.approx(np.exp(-(K[:len(got)]**2) * length2), abs=1e-4)
    # the others are damped at all times
    assert np.all(np.exp(-(K[len(got):]**2) * before) < 1e-8)


def test_damped_wavenumbers_are_left_out_of_the_envelope() -> None:
    late = INPUTS.at(slice(40, None))
    got = Waves(late, K).damping[:, 0]
    expected = np.exp(-np.outer(K**2, late.damping))
    assert 0 < len(got) < K.size
    assert got == pytest.approx(expected[:len(got)], abs=SINGLE) and np.all(expected[len(got):] < 1e-8)


def test_times_and_scales() -> None:
    c, history = MODEL.cosmology, MODEL.history
    assert INPUTS.cosmology.tolist() == [c[name] for name in COSMOLOGY]
    scales = dict(zip(SCALES, INPUTS.scales, strict=True))
    a_rec = 1.0 / (1.0 + c["z_rec"])
    assert scales["r_s_rec"] == c["sound_horizon_rec"] and scales["r_a_rec"] == c["angular_distance_rec"]
    assert scales["d_s_rec"] == pytest.approx(c["sound_horizon_rec"] * a_rec)
    assert scales["d_a_rec"] == pytest.approx(c["angular_distance_rec"] * a_rec)
    # exp(-(k/k_D)^2) at k = k_D = 2 pi/r_D
    k_d = np.array([2.0 * math.pi / scales["r_d_rec"]])
    at_rec = np.interp(c["tau_rec"], MODEL.tau, Waves(INPUTS, k_d).damping[0, 0])
    assert at_rec == pytest.approx(math.exp(-1.0), rel=1e-2)
    tau_reio = 10.0 ** INPUTS.times["log10_tau_reio"][0]
    assert np.interp(tau_reio, MODEL.tau, history["scale_factor"]) == pytest.approx(1.0 / 9.0, rel=5e-3)
    assert INPUTS.times["log10_tau"] == pytest.approx(np.log10(MODEL.tau))
    assert INPUTS.times["log10_tau_rec"] == pytest.approx(np.log10(281.0))


def test_what_the_text_leaves_out() -> None:
    assert {name: set(TIMES["t0"]) - set(TIMES[name]) for name in ("t1", "t2")} == {
        "t1": {"g", "g_prime"}, "t2": {"g_prime", "exp_minus_kappa"}}


def test_damping_does_not_depend_on_later_times() -> None:
    cut = {name: column[:20] for name, column in MODEL.history.items()}
    shorter = physical_inputs(MODEL.cosmology, MODEL.setup["T_cmb"], MODEL.tau[:20], cut)
    assert shorter.damping == pytest.approx(INPUTS.damping[:20])
