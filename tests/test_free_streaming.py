"""Photons beyond the fields against the line-of-sight integrals of which they are limits."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import spherical_jn

from cosmicnet.evaluation import Factors
from cosmicnet.free_streaming import FreeStreaming, slow_polarization

Array = NDArray[np.float64]

TAU_REC = 280.0


def second_derivative(x: Array) -> Array:
    """j_0''."""
    return np.asarray(-spherical_jn(0, x) - 2.0 * spherical_jn(0, x, derivative=True) / x)


# the first neglected terms are of order 1/x^3, and x begins at 42; that of j_4 is 45/x^3
@pytest.mark.parametrize(("source", "tolerance"), [("t0", 0.01), ("t1", 0.01), ("t2", 0.03)])
def test_waves_are_the_line_of_sight_integrals_at_large_phase(source: str, tolerance: float) -> None:
    early = np.linspace(220.0, 500.0, 700)
    k, tau = np.linspace(0.012, 0.02, 40), np.linspace(4000.0, 7000.0, 30)
    visibility = np.exp(-0.5 * ((early - TAU_REC) / 15.0) ** 2) / 15.0
    values = visibility[:, None] * np.cos(k * early[:, None] / np.sqrt(3.0) + 0.4)
    sources = {name: values if name == source else np.zeros_like(values) for name in ("t0", "t1", "t2")}
    found = FreeStreaming.of(k, early, **sources, tau_rec=TAU_REC).at(tau)
    x = k * (tau[:, None, None] - early[:, None])
    j0, j2, j4 = (spherical_jn(ell, x) for ell in (0, 2, 4))
    kernels = {"t0": (j0, 0.5 * j2),
               "t1": (spherical_jn(0, x, derivative=True), 0.5 * spherical_jn(2, x, derivative=True)),
               "t2": (0.5 * (3.0 * second_derivative(x) + j0), 0.7 * j0 + 5.0 / 7.0 * j2 + 18.0 / 35.0 * j4)}
    for got, kernel in zip(found, kernels[source], strict=True):
        exact = np.trapezoid(values * kernel, early, axis=1)
        np.testing.assert_allclose(got, exact, atol=tolerance * np.abs(exact).max())


def test_polarization_follows_slow_changes() -> None:
    k, tau = np.array([0.02, 0.03]), np.linspace(4000.0, 12000.0, 801)

    def driver(at: float) -> float:
        return float(np.exp(-((at - 8000.0) / 2000.0) ** 2))

    def table(in_time: Array) -> Factors:
        return Factors(in_time[:, None].astype(np.float32), np.ones((1, k.size), dtype=np.float32))

    decay, ones = np.array([driver(t) for t in tau]), np.ones(tau.size)
    nothing = 0.0 * ones
    potentials = slow_polarization(k, tau, ones, nothing, table(nothing), table(decay)).table()
    # electrons: the same driver from (g V)'/k
    velocity_over_k = np.cumsum(decay) * (tau[1] - tau[0])
    electrons = slow_polarization(k, tau, ones, ones, table(velocity_over_k), table(nothing)).table()
    row = 400
    for column, wavenumber in enumerate(k):
        exact, _ = quad(lambda t, k=wavenumber: 0.5 * driver(t) * spherical_jn(2, k * (tau[row] - t)), tau[0], tau[row],
                        limit=2000)
        assert potentials[row, column] == pytest.approx(exact, rel=0.05)
        assert electrons[row, column] == pytest.approx(exact, rel=0.05)
