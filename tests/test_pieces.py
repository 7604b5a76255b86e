"""Sources divided into pieces and multiplied out again are the sources."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic import HISTORY

from cosmicnet.pieces import PIECES, damping, split_sources, time_factor

Array = NDArray[np.float64]

TABLES = ("t0", "t1", "t2", "phi_plus_psi", "delta_m", "delta_cb")


@pytest.fixture
def integrated() -> dict[str, Array]:
    """Random numbers in the place of what SourceRequest.integrate_on() returns."""
    generator = np.random.default_rng(5)
    tables = {name: generator.normal(size=(7, 9)) for name in (*TABLES, "theta_b", "phi_prime")}
    return tables | {name: generator.uniform(0.2, 2.0, 7) for name in HISTORY}


K = np.geomspace(1e-3, 10.0, 9)


@pytest.mark.parametrize("source", TABLES)
def test_pieces_add_up_to_the_source(integrated: dict[str, Array], source: str) -> None:
    total = np.zeros((7, 9))
    for name, table in split_sources(integrated, K).items():
        if PIECES[name].source == source:
            total += time_factor(PIECES[name], integrated)[:, None] * K**PIECES[name].power_of_k * table
    np.testing.assert_allclose(total, integrated[source], rtol=1e-12, atol=1e-12)


def test_every_piece_without_damping_is_there(integrated: dict[str, Array]) -> None:
    assert set(split_sources(integrated, K)) == {name for name in PIECES if "damped" not in name}


def test_the_parts_of_t0_are_what_the_module_says(integrated: dict[str, Array]) -> None:
    pieces = split_sources(integrated, K)
    np.testing.assert_allclose(pieces["isw"], 2.0 * integrated["phi_prime"], rtol=1e-14)
    np.testing.assert_allclose(pieces["doppler"] * integrated["growth_velocity"][:, None],
                               integrated["theta_b"], rtol=1e-14)


def test_sources_made_of_known_pieces_give_them_back(integrated: dict[str, Array]) -> None:
    """S_T0 = g monopole + g' theta_b/k^2 + exp(-kappa) 2 phi', from a monopole that is given."""
    monopole = np.random.default_rng(6).normal(size=(7, 9))
    integrated["t0"] = (integrated["visibility"][:, None] * monopole
                        + integrated["visibility_prime"][:, None] * integrated["theta_b"]
                        + integrated["exp_minus_kappa"][:, None] * 2.0 * integrated["phi_prime"])
    np.testing.assert_allclose(split_sources(integrated, K)["monopole"], monopole, rtol=1e-10, atol=1e-12)


def test_damping_is_zero_before_reionisation_and_all_of_it_today() -> None:
    tau_reio = 0.06
    exp_minus_kappa = np.exp(-np.array([tau_reio, 0.5 * tau_reio, 0.0]))
    expected = [0.0, np.exp(-0.5 * tau_reio) - 1.0, np.exp(-tau_reio) - 1.0]
    np.testing.assert_allclose(damping(exp_minus_kappa, tau_reio), expected, atol=1e-15)
