"""CAMB with networks as a theory of Cobaya."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

camb = pytest.importorskip("camb", reason="CAMB is not installed: pip install camb")
pytest.importorskip("cobaya")

from cobaya.log import LoggedError  # noqa: E402
from cobaya.model import get_model  # noqa: E402

from cosmicnet.camb import get_results  # noqa: E402

pytestmark = pytest.mark.usefixtures("patched")

PARAMETERS = {"H0": 67.4, "ombh2": 0.02238, "omch2": 0.12, "tau": 0.054, "As": 2.1e-9, "ns": 0.966}
L_MAX = 200
REQUIREMENTS: dict[str, Any] = {
    "Cl": {"tt": L_MAX, "pp": L_MAX}, "Pk_grid": {"z": [0.0, 0.5], "k_max": 1.0, "nonlinear": (False, True)},
    "Hubble": {"z": [0.5]}, "rdrag": None}


def model(requirements: dict[str, Any], **extra: Any) -> Any:
    return get_model({
        "params": {**{name: {"prior": {"min": 0.5 * value, "max": 1.5 * value}} for name, value in PARAMETERS.items()},
                   "rdrag": None, "omegam": None},
        "likelihood": {"one": {"external": lambda _self: 0.0, "requires": requirements}},
        "theory": {"cosmicnet.CosmicnetCamb": {"extra_args": {"mnu": 0.06, **extra}}}})


def test_products_are_those_of_the_function() -> None:
    used = model(REQUIREMENTS)
    posterior = used.logposterior(PARAMETERS)
    params = camb.set_params(**PARAMETERS, mnu=0.06, lmax=L_MAX)
    params.set_matter_power(redshifts=[0.5, 0.0], kmax=1.0, silent=True)
    params.NonLinear = "NonLinear_both"
    expected = get_results(params, L_MAX)
    cl = used.provider.get_Cl(ell_factor=True, units="muK2")
    assert cl["tt"] == pytest.approx(expected.get_lensed_scalar_cls()[:, 0], rel=1e-9)
    ell = np.arange(L_MAX + 1)
    assert cl["pp"] == pytest.approx(expected.lensed["pp"] * (ell * (ell + 1.0)) ** 2 / (2.0 * np.pi), rel=1e-9)
    for nonlinear, table in ((True, expected.pk_m), (False, expected.pk_m_linear)):
        k, z, power = used.provider.get_Pk_grid(nonlinear=nonlinear)
        assert list(z) == [0.0, 0.5] and power.shape == (2, k.size)
        assert power == pytest.approx(table.T, rel=1e-9)
    background = camb.get_background(params)
    assert used.provider.get_Hubble(0.5) == pytest.approx(background.hubble_parameter(0.5), rel=1e-9)
    derived = dict(zip(used.parameterization.derived_params(), posterior.derived, strict=True))
    assert derived["rdrag"] == pytest.approx(background.get_derived_params()["rdrag"], rel=1e-9)
    assert derived["omegam"] == pytest.approx(0.3148, rel=1e-2)


def test_outside_of_the_domain_the_likelihood_is_zero() -> None:
    assert model({"Cl": {"tt": L_MAX}}).loglike({**PARAMETERS, "ombh2": 0.032}, return_derived=False) == -np.inf


@pytest.mark.parametrize(("requirements", "message"), [
    ({"fsigma8": {"z": [0.0]}}, "fsigma8"),
    ({"Pk_grid": {"z": [0.0], "k_max": 1.0, "vars_pairs": [["Weyl", "Weyl"]]}}, "Weyl and Weyl: networks in CAMB give"),
])
def test_what_is_not_there(requirements: dict[str, Any], message: str) -> None:
    with pytest.raises(LoggedError, match=message):
        model(requirements)
