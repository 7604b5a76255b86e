"""Tables made of pieces against those that CLASS makes of its own variables."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cosmicnet.background import Background
from cosmicnet.combinations import COMBINATIONS, combined
from cosmicnet.coordinates import curvature_of
from cosmicnet.pieces import split_sources

pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]

SETTINGS: dict[str, Any] = {
    "output": "tCl,pCl,mPk,nCl", "number_count_contributions": "density,rsd,lensing,gr", "selection_mean": "1.0",
    "l_max_lss": 30, "l_max_scalars": 30, "P_k_max_1/Mpc": 0.5, "H0": 67.0,
    "omega_b": 0.0224, "omega_cdm": 0.12}


class Tables:
    """A source provider that leaves the integration to CLASS and keeps a copy of its tables."""

    def provide(self, request: Any) -> bool:
        self.k, self.tau = request.k.copy(), request.tau.copy()
        self.values = {**request.setup, **request.cosmology}
        assert request.record()
        return False

    def integrated(self, recorded: dict[str, Array]) -> None:
        self.tables = {name: np.array(table) for name, table in recorded.items()}


@pytest.mark.parametrize("cosmology", [
    {"N_ur": 3.044},
    {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06},
    {"N_ur": 0.00641, "N_ncdm": 1, "deg_ncdm": 3, "m_ncdm": 0.2},
    {"N_ur": 3.044, "Omega_k": 0.05},
    {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "Omega_Lambda": 0, "w0_fld": -1.3, "wa_fld": 0.4},
    {"N_ur": 3.044, "Omega_Lambda": 0, "w0_fld": -0.8, "wa_fld": 0.1, "use_ppf": "no"},
])
def test_tables_are_those_of_class(cosmology: dict[str, Any]) -> None:
    from classy import Class

    provider, universe = Tables(), Class()
    universe.set({**SETTINGS, **cosmology})
    universe.set_source_provider(provider)
    universe.compute(["perturbations"])
    universe.empty()
    k, tau, tables = provider.k, provider.tau, provider.tables
    curvature, massive = curvature_of(provider.values), "N_ncdm" in cosmology
    pieces = split_sources({"delta_cb": tables["delta_m"], **tables}, k, tau, curvature)
    names = [name for name in COMBINATIONS if massive or name != "theta_cb"]
    found = combined(names, pieces, k, tau, tables, Background.of(provider.values), curvature)
    late = tables["scale_factor"] > 1.0 / 21.0
    for name in names:
        envelope = np.abs(tables[name][late]).max(axis=0)
        error = (np.abs(found[name] - tables[name])[late] / envelope).max(axis=0)
        # the equations that give the velocity leave out pressure
        limit = 5e-4 if name.startswith("theta") else 1e-6
        assert error.max() < limit, (name, float(k[error.argmax()]), float(error.max()))


@pytest.mark.parametrize(("networks", "dark_energy"), [
    ("lcdm", {}), ("standard", {"Omega_Lambda": 0, "w0_fld": -0.9, "wa_fld": -0.3})])
def test_number_counts_with_all_contributions_by_networks(networks: str, dark_energy: dict[str, Any]) -> None:
    from classy import Class

    counts = {**SETTINGS, **dark_energy, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "selection_mean": "0.5,2.0",
              "selection_width": "0.05,0.2", "non_diagonal": 1, "l_max_lss": 100, "P_k_max_1/Mpc": 1.0}

    def spectra(**more: str) -> list[Array]:
        universe = Class()
        universe.set({**counts, "fast_background": "yes", **more})
        universe.compute()
        assert universe.neural_network_info()["used"] == bool(more)
        found = universe.density_cl(100)["dd"]
        universe.empty()
        return [found[f"dens[{one}]-dens[{other}]"][2:] for one, other in ((1, 1), (1, 2), (2, 2))]

    full = spectra()
    net = spectra(neural_network="yes", neural_network_path=networks, neural_network_fallback="error",
                  fast_line_of_sight="no")
    first, _, second = full
    sizes = (first, np.sqrt(first * second), second)
    for got, expected, size in zip(net, full, sizes, strict=True):
        np.testing.assert_allclose(got / size, expected / size, atol=1.5e-3)
