"""The paper's networks beside lensing that CLASS integrates."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.integrated import IntegratedLensing

SETTINGS = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 100, "N_ur": 2.0308, "N_ncdm": 1,
            "m_ncdm": 0.06, "omega_b": 0.0224, "omega_cdm": 0.1195, "H0": 67.6, "tau_reio": 0.056}


def sources(provider: Any = None, **options: Any) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    from classy import Class

    cosmology = Class()
    cosmology.set({**SETTINGS, **options})
    if provider is not None:
        cosmology.set_source_provider(provider)
    cosmology.compute(["lensing"])
    tables, k, _ = cosmology.get_sources()
    found = {"k": np.array(k), **{name: np.array(table) for name, table in tables.items()}}
    info = cosmology.neural_network_info()
    cosmology.empty()
    return found, info


@pytest.mark.usefixtures("patched")
def test_lensing_is_that_of_full_class_and_the_rest_that_of_the_networks() -> None:
    got, info = sources(IntegratedLensing())
    full, _ = sources()
    networks, _ = sources(neural_network="yes", neural_network_path="paper", neural_network_fallback="error",
                          fast_background="no")
    assert np.array_equal(got["phi_plus_psi"], full["phi_plus_psi"])
    # networks have more wavenumbers of matter
    same = np.isin(networks["k"], full["k"])
    assert np.array_equal(networks["k"][same], full["k"])
    for name in ("t0", "t1", "t2", "p"):
        peak = np.abs(full[name]).max()
        assert got[name] == pytest.approx(networks[name][same], abs=1e-5 * peak)
        assert np.abs(got[name] - full[name]).max() > 1e-5 * peak
    assert info["name"] == "paper" and not info["used"]


@pytest.mark.usefixtures("patched")
def test_where_the_networks_do_not_apply() -> None:
    from classy import CosmoComputationError

    with pytest.raises(CosmoComputationError, match="H0"):
        sources(IntegratedLensing(), H0=80.0)
    with pytest.raises(CosmicnetError, match="lcdm"):
        IntegratedLensing("lcdm")
