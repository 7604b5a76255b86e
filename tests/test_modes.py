"""One run of Cobaya in both modes."""
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetError

pytest.importorskip("cobaya")

RUN: dict[str, Any] = {
    "theory": {"cosmicnet.Cosmicnet": {"mode": "net", "extra_args": {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}}},
    "likelihood": {"flat": {"external": "lambda _self: 0.0"}},
    "params": {"H0": {"prior": {"min": 58.0, "max": 80.0}}},
    "sampler": {"evaluate": None},
}


def test_a_run_in_both_modes() -> None:
    from cosmicnet.cobaya_components.theory.modes import in_mode

    before = deepcopy(RUN)
    net, full = (in_mode(RUN, mode)["theory"]["cosmicnet.Cosmicnet"] for mode in ("net", "full"))
    assert (net["mode"], net["fallback"], net["networks"]) == ("net", "error", "auto")
    assert full["mode"] == "full" and "networks" not in full
    assert before == RUN
    assert in_mode(RUN, "net", "elsewhere")["theory"]["cosmicnet.Cosmicnet"]["networks"] == "elsewhere"
    assert "sampler" not in in_mode(RUN, "net")


def test_stock_classy_in_both_modes() -> None:
    from cosmicnet.cobaya_components.theory.modes import in_mode

    options = {"neural_network": "yes", "neural_network_path": "mine", "N_ur": 2.03}
    info = {"theory": {"classy": {"extra_args": options}}}
    net, full = (in_mode(info, mode)["theory"]["classy"]["extra_args"] for mode in ("net", "full"))
    assert full == {"N_ur": 2.03, **SAME_MODULES}
    assert net == {**full, "neural_network": "yes", "neural_network_path": "mine", "neural_network_fallback": "error"}
    assert in_mode({"theory": {"classy": None}}, "net")["theory"]["classy"]["extra_args"]["neural_network"] == "yes"


@pytest.mark.parametrize("theory", [None, {"camb": None}])
def test_a_run_without_our_theory(theory: Any) -> None:
    from cosmicnet.cobaya_components.theory.modes import in_mode

    with pytest.raises(CosmicnetError, match=r"cosmicnet\.Cosmicnet"):
        in_mode({"theory": theory}, "net")
