"""Sources divided into pieces and multiplied out again are the sources."""
from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic import HISTORY

from cosmicnet.pieces import PIECES, split_sources, time_factor

Array = NDArray[np.float64]

TABLES = ("t0", "t1", "t2", "phi_plus_psi", "delta_m", "delta_cb")


@pytest.fixture
def integrated() -> dict[str, Array]:
    """Random numbers in place of the result of SourceRequest.integrate_on()."""
    generator = np.random.default_rng(5)
    tables = {name: generator.normal(size=(7, 9)) for name in (*TABLES, "theta_b", "phi_prime")}
    return tables | {name: generator.uniform(0.2, 2.0, 7) for name in HISTORY}


K = np.geomspace(1e-3, 10.0, 9)
TAU = np.linspace(300.0, 900.0, 7)


@pytest.mark.parametrize("source", TABLES)
def test_pieces_add_up_to_the_source(integrated: dict[str, Array], source: str) -> None:
    total = np.zeros((7, 9))
    for name, table in split_sources(integrated, K, TAU).items():
        # at late times, two pieces take the place of this one
        if PIECES[name].source == source and name != "monopole":
            total += time_factor(PIECES[name], integrated)[:, None] * K**PIECES[name].power_of_k * table
    np.testing.assert_allclose(total, integrated[source], rtol=1e-12, atol=1e-12)


def test_every_piece_is_there(integrated: dict[str, Array]) -> None:
    assert set(split_sources(integrated | {"potential_growth": np.ones(7)}, K, TAU)) == set(PIECES)


def test_potentials_that_grow_as_matter_leave_nothing_beyond_growth(integrated: dict[str, Array]) -> None:
    """phi = psi = D/a times a function of k: 2 phi' = (D/a)' weyl."""
    growth, shape = np.linspace(-0.3, 0.2, 7), np.linspace(1.0, 3.0, 9)
    potential = integrated["growth_factor"] / integrated["scale_factor"]
    integrated |= {"phi_plus_psi": potential[:, None] * shape, "phi_prime": 0.5 * growth[:, None] * shape,
                   "potential_growth": growth}
    assert np.abs(split_sources(integrated, K, TAU)["isw_beyond_growth"]).max() < 1e-14


def test_the_monopole_is_photons_and_baryons(integrated: dict[str, Array]) -> None:
    """theta_b/k^2 that is a cubic in time has the quadratic as its acceleration."""
    t = TAU / 100.0
    integrated["theta_b"] = (t**3 - 2.0 * t)[:, None] * np.linspace(1.0, 2.0, 9)
    pieces = split_sources(integrated, K, TAU)
    np.testing.assert_allclose(pieces["acceleration"], ((3.0 * t**2 - 2.0) / 100.0)[:, None] * np.linspace(1.0, 2.0, 9),
                               rtol=1e-10)
    np.testing.assert_allclose(pieces["temperature"] + pieces["acceleration"], pieces["monopole"], rtol=1e-12)


def test_the_parts_of_t0_are_what_the_module_says(integrated: dict[str, Array]) -> None:
    pieces = split_sources(integrated, K, TAU)
    np.testing.assert_allclose(pieces["isw"], 2.0 * integrated["phi_prime"], rtol=1e-14)
    np.testing.assert_allclose(pieces["doppler"] * integrated["growth_velocity"][:, None],
                               integrated["theta_b"], rtol=1e-14)


def test_sources_made_of_known_pieces_give_them_back(integrated: dict[str, Array]) -> None:
    """S_T0 = g monopole + g' theta_b/k^2 + exp(-kappa) 2 phi', from a monopole that is given."""
    monopole = np.random.default_rng(6).normal(size=(7, 9))
    integrated["t0"] = (integrated["visibility"][:, None] * monopole
                        + integrated["visibility_prime"][:, None] * integrated["theta_b"]
                        + integrated["exp_minus_kappa"][:, None] * 2.0 * integrated["phi_prime"])
    np.testing.assert_allclose(split_sources(integrated, K, TAU)["monopole"], monopole, rtol=1e-10, atol=1e-12)
