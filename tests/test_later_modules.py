"""A change of primordial, non-linear or lensing options alone runs the later modules alone, to the same last bit."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from providers import QUICK, Recorder, computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

ASKED: dict[str, Any] = {
    "output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 150, "P_k_max_1/Mpc": 1.0,
    "H0": 67.0, "A_s": 2.1e-9, "n_s": 0.96, "A_L": 1.0,
}
BASE: dict[str, Any] = {**ASKED, **QUICK}
HMCODE = {
    "non_linear": "hmcode", "hmcode_version": "2020_baryonic_feedback", "log10T_heat_hmcode": 7.8, "z_max_pk": 1.0,
}


def results(model: Any) -> list[Any]:
    spectra = [*model.raw_cl(150).values(), *model.lensed_cl(100).values()]
    return [*spectra, model.sigma8(), *(model.pk(k, 0.0) for k in (1e-3, 0.1, 0.9))]


def assert_same(ours: Any, theirs: Any) -> None:
    for one, other in zip(results(ours), results(theirs), strict=True):
        assert np.array_equal(one, other)


def changed_twice(settings: dict[str, Any], changes: dict[str, Any]) -> tuple[Any, Recorder]:
    """Compute, change, compute; and the recorder that watched the perturbation module."""
    recorder = Recorder()
    model = computed(settings, recorder)
    model.set(changes)
    model.compute()
    return model, recorder


@pytest.mark.parametrize(("more", "changes"), [
    ({}, {"A_s": 2.3e-9, "n_s": 0.94}),
    ({"alpha_s": 0.0, "k_pivot": 0.05}, {"alpha_s": 0.02, "k_pivot": 0.02}),
    ({}, {"A_L": 1.3}),
    (HMCODE, {"A_s": 2.3e-9, "log10T_heat_hmcode": 7.6}),
    ({"non_linear": "halofit"}, {"n_s": 0.94}),
    ({}, {"alpha_s": 0.01}),
], ids=["amplitude and tilt", "running", "A_L", "amplitude and feedback", "tilt with halofit", "a name that is new"])
def test_later_parameters_keep_the_perturbations(more: dict[str, Any], changes: dict[str, Any]) -> None:
    settings = {**BASE, **more}
    model, recorder = changed_twice(settings, changes)
    assert len(recorder.requests) == 1
    assert_same(model, computed({**settings, **changes}))


FAST = {"fast_line_of_sight": "yes", "fast_non_linear": "yes"}
COUNTS = {"output": "tCl,pCl,lCl,nCl,mPk", "l_max_lss": 60, "selection_mean": "1.0", "selection_width": "0.1"}


def test_feedback_alone() -> None:
    """HMcode keeps its models without feedback, until something else changes."""
    settings = {**BASE, **FAST, **HMCODE}
    model = computed(settings)
    heat = "log10T_heat_hmcode"
    for change in ({heat: 7.6}, {heat: 8.0}, {"A_s": 2.3e-9}, {heat: 7.7}, {"A_L": 1.2}, {heat: 7.9, "n_s": 0.97},
                   {heat: 7.8}):
        settings |= change
        model.set(change)
        model.compute()
        assert_same(model, computed(settings))


@pytest.mark.parametrize("more", [
    {**FAST, "non_linear": "halofit"}, {**FAST, **HMCODE}, {**FAST, **HMCODE, "output": "pCl,lCl,mPk"},
    {"non_linear": "halofit", **COUNTS}, {**COUNTS, **FAST},
], ids=["halofit", "hmcode", "no temperature", "number counts by CLASS", "number counts, linear"])
def test_what_keeps_its_temperature_changes_the_rest(more: dict[str, Any]) -> None:
    """One change after the other, so that what was kept is kept again: primordial, A_L, the tilt of lensing."""
    settings = {**BASE, **more, "A_s": 1.9e-9, "A_L": 0.8}
    recorder = Recorder()
    model = computed({**BASE, **more}, recorder)
    model.set({"A_s": 1.9e-9, "A_L": 0.8})
    model.compute()
    for change in ({"A_s": 2.3e-9, "n_s": 0.94}, {"A_L": 1.3}, {"lcmb_tilt": 0.1}):
        settings |= change
        model.set(change)
        model.compute()
        fresh = computed(settings)
        ours, theirs = model.raw_cl(150), fresh.raw_cl(150)
        for name in theirs:
            assert np.array_equal(ours[name], theirs[name]), (name, change)
        assert np.array_equal(model.pk(0.1, 0.0), fresh.pk(0.1, 0.0))
        if "nCl" in settings["output"]:
            for pair, counts in fresh.density_cl(60)["dd"].items():
                assert np.array_equal(model.density_cl(60)["dd"][pair], counts)
    assert len(recorder.requests) == 1


def test_without_lensing_everything_is_kept() -> None:
    settings = {**BASE, **FAST, "non_linear": "halofit", "output": "tCl,pCl,mPk", "lensing": "no"}
    del settings["A_L"]
    model, recorder = changed_twice(settings, {"n_s": 0.94})
    assert len(recorder.requests) == 1
    ours, theirs = model.raw_cl(150), computed({**settings, "n_s": 0.94}).raw_cl(150)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_h_need_not_be_searched_again() -> None:
    settings = {**BASE, "100*theta_s": 1.04}
    del settings["H0"]
    model, recorder = changed_twice(settings, {"A_s": 2.3e-9})
    assert len(recorder.requests) == 1
    assert_same(model, computed({**settings, "A_s": 2.3e-9}))


@pytest.mark.parametrize("changes", [{"omega_b": 0.023}, {"A_s": 2.3e-9, "tau_reio": 0.07}, {"l_max_scalars": 200}],
                         ids=["baryons", "amplitude and optical depth", "l_max"])
def test_other_parameters_change_everything(changes: dict[str, Any]) -> None:
    model, recorder = changed_twice(BASE, changes)
    assert len(recorder.requests) == 2
    assert_same(model, computed({**BASE, **changes}))


TENSORS: dict[str, Any] = {"modes": "s,t", "r": 0.1, "l_max_tensors": 100}
FAST_TENSORS = {**FAST, "fast_tensors": "yes"}


@pytest.mark.parametrize("more", [
    {}, {"non_linear": "halofit"}, FAST_TENSORS, {**FAST_TENSORS, "non_linear": "halofit"},
], ids=["CLASS's", "CLASS's, halofit", "fast", "fast, halofit"])
def test_tensors_are_kept(more: dict[str, Any]) -> None:
    """One change after the other; the tilt follows from r and n_s until it is given."""
    settings = {**BASE, **TENSORS, **more}
    recorder = Recorder()
    model = computed(settings, recorder)
    for change in ({"r": 0.03}, {"n_s": 0.94, "A_s": 2.3e-9}, {"n_t": 0.2}, {"alpha_t": 0.1, "r": 0.2},
                   {"k_pivot": 0.002}, {"A_L": 1.2}):
        settings |= change
        before = model.raw_cl(150)["bb"]
        model.set(change)
        model.compute()
        assert np.array_equal(model.raw_cl(150)["bb"], before) == ("A_L" in change)
        assert_same(model, computed(settings))
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(("first", "second"), [(0.1, 0.0), (0.0, 0.1)])
def test_without_amplitude_there_are_no_tensors(first: float, second: float) -> None:
    settings = {**BASE, "modes": "s,t", **FAST_TENSORS}
    model, recorder = changed_twice({**settings, "r": first}, {"r": second})
    assert len(recorder.requests) == 2
    assert_same(model, computed({**settings, "r": second}))


def test_tensors_of_other_primordial_spectra_change_everything() -> None:
    settings = {**BASE, **TENSORS, "P_k_ini type": "inflation_H"}
    del settings["A_s"], settings["n_s"], settings["r"]
    model, recorder = changed_twice(settings, {"k_pivot": 0.04})
    assert len(recorder.requests) == 2
    assert_same(model, computed({**settings, "k_pivot": 0.04}))


@pytest.mark.parametrize("non_linear", ["none", "halofit"])
def test_modules_that_were_not_asked_for_yet_come_later(non_linear: str) -> None:
    """First without the primordial parameters, as far as they do not matter; then with them."""
    settings = {**BASE, "non_linear": non_linear}
    recorder = Recorder()
    model = classy.Class()
    model.set({name: value for name, value in settings.items() if name not in ("A_s", "n_s")})
    model.set_source_provider(recorder)
    model.compute(["primordial"])
    model.compute(["transfer"])
    model.set({"A_s": 2.3e-9, "n_s": 0.96})
    model.compute()
    assert len(recorder.requests) == 1
    assert_same(model, computed({**settings, "A_s": 2.3e-9}))


def test_sources_alone_are_not_kept() -> None:
    """Beside them there may be tables that only training asks for."""
    recorder = Recorder()
    model = classy.Class()
    model.set(BASE)
    model.set_source_provider(recorder)
    model.compute(["perturbations"])
    model.compute()
    assert len(recorder.requests) == 2
    assert_same(model, computed(BASE))


def test_without_perturbations_there_is_nothing_to_keep() -> None:
    model = classy.Class()
    for A_s in (2.1e-9, 2.3e-9):
        model.set({"H0": 67.0, "A_s": A_s})
        model.compute()
        assert model.age() == pytest.approx(13.97, abs=0.1)


def test_asked_again_everything_is_made_again() -> None:
    recorder = Recorder()
    model = computed(BASE, recorder)
    model.set({"A_s": 2.3e-9})
    model.set({"A_s": BASE["A_s"]})
    model.compute()
    assert len(recorder.requests) == 2


def test_what_a_change_leaves_without_meaning_is_an_error() -> None:
    model = computed({**BASE, **HMCODE})
    model.set({"hmcode_version": "2020"})
    with pytest.raises(classy.CosmoSevereError, match="log10T_heat_hmcode"):
        model.compute()


@pytest.mark.parametrize("options", [{}, {**FAST, **HMCODE}], ids=["nothing is kept", "T and E are kept"])
def test_a_failed_change_leaves_a_usable_object(options: Mapping[str, float | str]) -> None:
    settings = {**BASE, **options}
    model = computed(settings)
    for value in ("not a number", float("nan")):
        model.set({"A_s": value})
        with pytest.raises((classy.CosmoSevereError, classy.CosmoComputationError)):
            model.compute()
    model.set({"A_s": 2.3e-9})
    model.compute()
    assert_same(model, computed({**settings, "A_s": 2.3e-9}))


def test_networks_stay_in_use() -> None:
    model = computed(NETWORKS)
    model.set({"A_s": 2.3e-9})
    model.compute()
    assert model.neural_network_info()["used"]
    assert_same(model, computed({**NETWORKS, "A_s": 2.3e-9}))


NETWORKS: dict[str, Any] = {**ASKED, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "neural_network": "yes"}


def seconds_of_networks(model: Any) -> dict[str, float]:
    """Of the latest computation with networks: the same object only where nothing was asked of them since."""
    seconds: dict[str, float] = model.neural_network_info()["seconds"]
    return seconds


@pytest.mark.parametrize("more", [{}, HMCODE, TENSORS], ids=["linear", "hmcode", "tensors"])
def test_a_walk_through_struct_cleanup_is_as_fresh(more: dict[str, Any]) -> None:
    """As MontePython calls it; steps of fast parameters do not ask the networks again, slow ones do."""
    settings = {**NETWORKS, **more}
    model = computed(settings)
    steps: list[tuple[dict[str, Any], bool]] = [
        ({"A_s": 2.3e-9}, False), ({"A_L": 1.2}, False), ({"omega_b": 0.0225}, True),
        ({"n_s": 0.95, "A_L": 0.9}, False), ({}, False), ({"tau_reio": 0.06, "A_s": 2e-9}, True),
        ({"A_s": 2.1e-9}, False)]
    for change, is_slow in steps:
        before = seconds_of_networks(model)
        settings |= change
        model.struct_cleanup()
        model.set(settings)
        model.compute()
        assert (seconds_of_networks(model) != before) == is_slow
        assert_same(model, computed(settings))


def test_what_struct_cleanup_kept_can_be_freed() -> None:
    model = computed(NETWORKS)
    for clean in (model.struct_cleanup, model.struct_cleanup, model.empty, model.struct_cleanup):
        clean()
    model.set({**NETWORKS, "A_s": 2.3e-9})
    model.compute()
    assert_same(model, computed({**NETWORKS, "A_s": 2.3e-9}))


def test_struct_cleanup_keeps_nothing_without_networks() -> None:
    recorder = Recorder()
    model = computed(BASE, recorder)
    model.struct_cleanup()
    model.set({"A_s": 2.3e-9})
    model.compute()
    assert len(recorder.requests) == 2


def test_an_earlier_level_after_struct_cleanup() -> None:
    model = computed(NETWORKS)
    model.struct_cleanup()
    model.set({"A_s": 2.3e-9})
    model.compute(["background"])
    assert model.age() == pytest.approx(13.8, abs=0.2)
    model.compute()
    assert_same(model, computed({**NETWORKS, "A_s": 2.3e-9}))
