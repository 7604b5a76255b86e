"""With `neural_network_fallback: error`, settings that exclude every cosmology stop a run."""
from __future__ import annotations

import pytest

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

ONE_NEUTRINO = {"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308}


@pytest.mark.parametrize(("setting", "error"), [
    ({"matter_source_in_current_gauge": "yes"}, "CosmoSevereError"),  # no cosmology changes it
    ({"P_k_max_1/Mpc": 1000.0}, "CosmoSevereError"),
    ({"omega_b": 0.03}, "CosmoComputationError"),  # another one may be covered
])
def test_a_set_up_that_is_never_covered_stops_the_run(setting: dict[str, object], error: str) -> None:
    model = classy.Class()
    model.set({**ONE_NEUTRINO, "output": "mPk", "P_k_max_1/Mpc": 0.1, **setting,
               "neural_network": "yes", "neural_network_fallback": "error"})
    with pytest.raises((classy.CosmoSevereError, classy.CosmoComputationError)) as caught:
        model.compute()
    assert type(caught.value) is getattr(classy, error)
