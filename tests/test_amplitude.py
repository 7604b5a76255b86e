"""sigma8 and S8 as inputs, where networks give the sources: A_s from one evaluation of them, no integration."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from providers import computed

from cosmicnet.errors import CosmicnetError, CosmicnetWarning

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

SETTINGS: dict[str, Any] = {
    "output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 300, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06,
    "H0": 67.0, "neural_network": "yes", "neural_network_fallback": "error",
}
WITH_MATTER = {**SETTINGS, "output": "tCl,pCl,lCl,mPk", "P_k_max_1/Mpc": 10.0}
TOLERANCE = 5e-6  # of sigma8: the grids of the search are not those of the computation, in CLASS as well


def A_s_of(model: Any) -> float:
    A_s: float = model.get_current_derived_parameters(["A_s"])["A_s"]
    return A_s


def spectra(model: Any) -> list[Any]:
    return [*model.raw_cl(300).values(), *model.lensed_cl(200).values()]


def assert_same(ours: Any, theirs: Any) -> None:
    assert A_s_of(ours) == A_s_of(theirs)
    assert all(np.array_equal(one, other) for one, other in zip(spectra(ours), spectra(theirs), strict=True))


@pytest.mark.parametrize(("name", "value"), [("sigma8", 0.81), ("S8", 0.83)])
def test_the_target_is_met(name: str, value: float) -> None:
    model = computed({**WITH_MATTER, name: value})
    assert model.neural_network_info()["used"] and model.neural_network_info()["fast_background"]
    found = model.sigma8() if name == "sigma8" else model.S8()
    assert found == pytest.approx(value, rel=TOLERANCE)
    # the same as with the amplitude that was found
    assert_same(model, computed({**WITH_MATTER, "A_s": A_s_of(model)}))


def test_matter_need_not_be_asked_for() -> None:
    alone, beside = computed({**SETTINGS, "sigma8": 0.81}), computed({**WITH_MATTER, "sigma8": 0.81})
    assert A_s_of(alone) == pytest.approx(A_s_of(beside), rel=2 * TOLERANCE)


def test_full_class_finds_the_same() -> None:
    slow = classy.Class()
    slow.set({name: value for name, value in SETTINGS.items() if not name.startswith(("neural", "l_max"))} | {
        "output": "mPk", "lensing": "no", "sigma8": 0.81,
        # by default CLASS's own sigma8 is off by 2.5e-4, because it has few momenta of neutrinos
        "tol_ncdm_synchronous": 1e-5})
    slow.compute(["primordial"])
    # the error of the networks' sigma8
    assert A_s_of(computed({**SETTINGS, "sigma8": 0.81})) == pytest.approx(A_s_of(slow), rel=2e-4)


@pytest.mark.parametrize("clean", [False, True], ids=["set", "struct_cleanup and set"])
def test_a_walk_is_as_fresh(clean: bool) -> None:
    settings = {**SETTINGS, "sigma8": 0.81, "n_s": 0.96}
    model = computed(settings)
    for change in ({"sigma8": 0.83}, {"n_s": 0.95}, {"A_L": 1.1}, {"omega_b": 0.0225}, {"n_s": 0.97, "sigma8": 0.8}):
        settings |= change
        if clean:
            model.struct_cleanup()
        model.set(settings)
        model.compute()
        assert_same(model, computed(settings))


def test_beside_the_angle_of_the_sound_horizon() -> None:
    settings = {**SETTINGS, "100*theta_s": 1.041, "sigma8": 0.81}
    del settings["H0"]
    model = computed(settings)
    assert model.neural_network_info()["used"]
    model.set({"sigma8": 0.82})
    model.compute()
    assert_same(model, computed({**settings, "sigma8": 0.82}))


@pytest.mark.parametrize("more", [{"S8": 0.8}, {"sigma8": "much"}])
def test_class_says_what_is_wrong(more: dict[str, Any]) -> None:
    with pytest.raises(classy.CosmoSevereError):
        computed({**SETTINGS, "sigma8": 0.81, **more})


def test_refused_before_anything_is_integrated() -> None:
    """The reason is about the request of the networks, with the fast background: CLASS did not search."""
    with pytest.raises(classy.CosmoComputationError) as error:
        computed({**SETTINGS, "sigma8": 0.81, "omega_cdm": 0.4})
    assert isinstance(error.value.__cause__, CosmicnetError)


def test_what_networks_do_not_cover_is_as_full_class() -> None:
    settings = {**SETTINGS, "output": "mPk", "lensing": "no", "sigma8": 0.81, "omega_cdm": 0.4}
    del settings["l_max_scalars"]
    full = computed({name: value for name, value in settings.items() if not name.startswith("neural")})
    with pytest.warns(CosmicnetWarning):
        fallen_back = computed({**settings, "neural_network_fallback": "full"})
    assert not fallen_back.neural_network_info()["used"]
    assert A_s_of(fallen_back) == A_s_of(full)
    assert fallen_back.pk(0.1, 0.0) == full.pk(0.1, 0.0)
