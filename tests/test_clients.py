"""Programs of others that call classy: those of the package registry, skipped where they are not installed; and what
others ask of classy (docs/clients.md)."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from providers import computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")


class Watched(classy.Class):  # type: ignore[misc]  # classy has no types
    """Keeps what neural_network_info() says whenever a program is done with its spectra."""

    infos: ClassVar[list[dict[str, Any]]] = []

    def struct_cleanup(self) -> None:
        self.infos.append(self.neural_network_info())
        super().struct_cleanup()


@pytest.fixture
def infos(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Networks are on for the process, and its computations are watched."""
    Watched.infos.clear()
    monkeypatch.setenv("COSMICNET", "yes")
    monkeypatch.setattr(classy, "Class", Watched)
    return Watched.infos


# Parameters of pyccl, and of CLASS for the same universe.
UNIVERSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "massless neutrinos": ({}, {"N_ur": 3.044}),
    "equal masses": ({"m_nu": 0.15, "mass_split": "equal"}, {"N_ncdm": 3, "m_ncdm": "0.05,0.05,0.05"}),
}


@pytest.mark.parametrize("name", UNIVERSES)
def test_pyccl(name: str, infos: list[dict[str, Any]]) -> None:
    ccl = pytest.importorskip("pyccl", reason="pip install pyccl")
    of_ccl, of_class = UNIVERSES[name]
    universe = ccl.Cosmology(Omega_c=0.26, Omega_b=0.049, h=0.67, A_s=2.1e-9, n_s=0.965, T_CMB=2.7255, Neff=3.044,
                             transfer_function="boltzmann_class", matter_power_spectrum="linear", **of_ccl)
    k = np.geomspace(1e-3, 40.0, 30)
    found = ccl.linear_matter_power(universe, k, 0.5)
    assert infos and all(info["used"] for info in infos)
    massless = {} if "N_ur" in of_class else {"N_ur": universe["N_nu_rel"]}
    model = computed({"output": "mPk", "P_k_max_1/Mpc": 50.0, "z_max_pk": 99.0, "h": 0.67, "Omega_cdm": 0.26,
                      "Omega_b": 0.049, "A_s": 2.1e-9, "n_s": 0.965, "T_cmb": 2.7255, **of_class, **massless})
    # pyccl interpolates
    np.testing.assert_allclose(found, [model.pk_lin(one, 1.0) for one in k], rtol=1e-3)


def test_candl(infos: list[dict[str, Any]]) -> None:
    interface = pytest.importorskip("candl.interface", reason="pip install candl-like")
    settings = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 2500, "N_ur": 2.0308, "N_ncdm": 1,
                "m_ncdm": 0.06, "H0": 67.4, "omega_b": 0.0224, "tau_reio": 0.054, "A_s": 2.1e-9, "n_s": 0.965}
    model = classy.Class()
    model.set(settings)
    spectra = interface.get_CLASS_pars_to_theory_specs_func(model)({"omega_cdm": 0.12}, 2000)
    assert infos and all(info["used"] for info in infos)
    expected = computed({**settings, "omega_cdm": 0.12, "neural_network": "yes"})
    ell, cl = spectra["ell"], expected.lensed_cl(2000)
    factor = ell * (ell + 1.0) / (2.0 * np.pi) * (1e6 * expected.T_cmb()) ** 2
    for ours, theirs in (("tt", "TT"), ("te", "TE"), ("ee", "EE")):
        np.testing.assert_allclose(spectra[theirs], factor * cl[ours][ell], rtol=1e-5)


def test_a_table_of_helium_by_its_whole_path() -> None:
    """As MontePython names it; CLASS looks for it below its own folder."""
    table = "/external/bbn/sBBN.dat"

    def helium(**options: str) -> float:
        model = computed({"output": "", **options}, level="thermodynamics")
        return float(model.get_current_derived_parameters(["YHe"])["YHe"])

    expected = helium(**{"sBBN file": table})
    assert expected != helium()
    assert helium(**{"sBBN file": f"{Path(classy.__file__).parent}{table}"}) == expected
    with pytest.raises((classy.CosmoSevereError, classy.CosmoComputationError), match="nowhere"):
        helium(**{"sBBN file": "/nowhere/sBBN.dat"})
