"""The pressure of baryons after reionisation: what networks of a neutral universe leave out."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.pressure import SUPPRESSED, slow_growth, suppression
from cosmicnet.request import at_request
from cosmicnet.training.work.run_class import new_class

Array = NDArray[np.float64]

# massless neutrinos, few multipoles, a few wavenumbers: a model takes seconds
SETTINGS: dict[str, Any] = {
    "output": "mPk", "P_k_max_1/Mpc": 70.0, "z_max_pk": 3.0, "l_max_g": 8, "l_max_pol_g": 6, "l_max_ur": 8,
    "k_per_decade_for_pk": 8, "k_per_decade_for_bao": 8, "tol_perturbations_integration": 1e-6, "tau_reio": 0.08}
NEUTRAL = {"reio_parametrization": "reio_none"}


def history(settings: dict[str, Any]) -> tuple[dict[str, Array], dict[str, float], Array]:
    found = at_request(settings, lambda request: (
        {name: column.copy() for name, column in request.history.items()}, dict(request.cosmology),
        1.0 / request.history["scale_factor"] - 1.0))
    assert found is not None
    return found


def matter(settings: dict[str, Any], k: Array, z: float) -> Array:
    model = new_class(settings)
    model.compute()
    try:
        return np.sqrt([model.pk_lin(at, z) for at in k])
    finally:
        model.empty()


def test_matter_is_slowed_as_in_class() -> None:
    columns, cosmology, z = history(SETTINGS)
    neutral = {name: value for name, value in {**SETTINGS, **NEUTRAL}.items() if name != "tau_reio"}
    k = np.array([15.0, 30.0, 60.0])
    factors = suppression(k, columns, cosmology)
    for at in (0.0, 2.0):
        found = [float(np.interp(-at, -z, column)) for column in factors.T]
        wanted = matter(SETTINGS, k, at) / matter(neutral, k, at)
        # without the pressure the last would be off by 3e-3
        assert np.abs(found / wanted - 1.0).max() < 1.5e-4
    assert 1.0 - factors[-1, -1] > 2e-3


def test_without_reionization_nothing_is_slowed() -> None:
    settings = {name: value for name, value in SETTINGS.items() if name != "tau_reio"}
    columns, cosmology, _ = history({**settings, **NEUTRAL})
    assert np.all(suppression(np.array([70.0]), columns, cosmology) == 1.0)


def test_early_matter_is_that_of_a_neutral_universe() -> None:
    columns, cosmology, z = history({**SETTINGS, "output": "tCl,mPk"})
    factors = suppression(np.array([70.0]), columns, cosmology)[:, 0]
    assert np.all(factors[z > 60.0] == 1.0) and np.all(np.diff(factors[z < 5.0]) < 0.0)


def test_tables_of_matter_are_slowed_on_small_scales_after_reionization() -> None:
    lengths = np.array([0.0, 0.0, 1e-7, 1e-6])
    k = np.array([1e-3, 0.1, 10.0, 60.0])
    tables = {name: np.full((4, 4), 2.0) for name in (*SUPPRESSED, "t0")}
    request: Any = SimpleNamespace(
        k=k, tables=tables, cosmology={"omega_b": 0.02, "omega_cdm": 0.08},
        history={"scale_factor": np.ones(4), "filtering_length_squared": lengths})
    slow_growth(request)
    for name in SUPPRESSED:
        np.testing.assert_allclose(tables[name], 2.0 * (1.0 - 0.2 * np.outer(lengths, k**2)), rtol=1e-7)
    assert np.all(tables["t0"] == 2.0)
    # a history that does not tell the temperature of baryons
    slow_growth(SimpleNamespace(**{**vars(request), "history": {"scale_factor": np.ones(4)}}))
    assert tables["delta_m"][-1, -1] == 2.0 * (1.0 - 0.2 * 1e-6 * 3600.0)
