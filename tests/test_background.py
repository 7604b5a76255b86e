"""The energy of massive neutrinos against its integral over momenta."""
from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from cosmicnet.background import Background

REQUEST = {"H0": 67.0, "T_cmb": 2.7255, "N_ur": 2.0, "omega_b": 0.022, "omega_cdm": 0.12, "Omega0_k": 0.0,
           "w0_fld": -1.0, "wa_fld": 0.0, "N_ncdm": 1, "deg_ncdm": 1.0, "T_ncdm": 0.71611, "m_ncdm": 0.06}


@pytest.mark.parametrize("scale_factor", [0.0, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0])
def test_energy_of_massive_neutrinos(scale_factor: float) -> None:
    background = Background.of(REQUEST)
    density, mass = background.massive[0]

    def integral(mass: float) -> float:
        found, _ = quad(lambda q: q**2 / (np.exp(q) + 1.0) * np.sqrt(q**2 + mass**2), 0.0, 40.0,
                        epsabs=0.0, epsrel=1e-11)
        return float(found)

    exact = density * integral(mass * scale_factor) / integral(0.0)
    assert background.massive_energy(np.array([scale_factor]))[0] == pytest.approx(exact, rel=1e-8)


def test_beyond_the_table_the_energy_is_proportional_to_the_mass() -> None:
    one, two = Background.of({**REQUEST, "m_ncdm": 1e5}), Background.of({**REQUEST, "m_ncdm": 2e5})
    today = np.ones(1)
    assert two.massive_energy(today)[0] == pytest.approx(2.0 * one.massive_energy(today)[0], rel=1e-12)


def test_a_background_is_that_of_its_own_numbers() -> None:
    first, second = Background.of(REQUEST), Background.of({**REQUEST, "omega_b": 0.023})
    assert second.matter - first.matter == pytest.approx(0.001)
    assert Background.of(dict(REQUEST)) == first
