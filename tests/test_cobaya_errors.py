"""The theory component for Cobaya where something breaks during a run, and where networks do not apply."""
from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cobaya_infos import NEUTRINOS, POINT, derived, run_info, spectrum

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.installed import shipped_sets
from cosmicnet.store import load_network_set, save_network_set

LoggedError = pytest.importorskip("cobaya.log").LoggedError
get_model = pytest.importorskip("cobaya.model").get_model
pytestmark = pytest.mark.usefixtures("patched")


def test_networks_damaged_during_a_run_stop_it(tmp_path: Path) -> None:
    folder = tmp_path / "networks"
    shutil.copytree(shipped_sets()["lcdm"], folder)
    model = get_model(run_info({"mode": "net", "networks": str(folder)}))
    assert np.isfinite(model.logpost(POINT))
    arrays = folder / "arrays.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:1000])
    with pytest.raises(LoggedError, match=r"arrays\.safetensors|networks: "):
        model.logpost({**POINT, "H0": 68.0})
    shutil.rmtree(folder)
    with pytest.raises(LoggedError, match="networks: "):
        model.logpost({**POINT, "H0": 69.0})


@pytest.mark.parametrize("retrained", [False, True])
def test_networks_replaced_during_a_run_stop_it(tmp_path: Path, retrained: bool) -> None:
    """By networks of another cosmology, and by some that cover the same."""
    folder = tmp_path / "networks"
    shutil.copytree(shipped_sets()["lcdm"], folder)
    model = get_model(run_info({"mode": "net", "networks": str(folder)}))
    assert np.isfinite(model.logpost(POINT))
    if retrained:
        again = load_network_set(str(folder))
        derived_model = replace(again.derived, skip=again.derived.skip * (1.0 + 1e-9))
        save_network_set(folder, replace(again, derived=derived_model))
    else:
        shutil.rmtree(folder)
        shutil.copytree(shipped_sets()["standard"], folder)
    with pytest.raises(LoggedError, match=str(folder)):
        model.logpost({**POINT, "H0": 68.0})


def test_damaged_networks_are_zero_likelihood_for_cobayas_own_classy(tmp_path: Path) -> None:
    """Why the component has errors of its own: if this fails, docs/planck.md has to be changed."""
    folder = tmp_path / "networks"
    shutil.copytree(shipped_sets()["lcdm"], folder)
    flags = {"neural_network": "yes", "neural_network_path": str(folder)}
    model = get_model(run_info({"path": "global", "extra_args": {**NEUTRINOS, **flags}}, name="classy"))
    shutil.rmtree(folder)
    assert model.logpost(POINT) == -np.inf


def test_parameter_unknown_to_class_stops_the_run() -> None:
    model = get_model(run_info({"mode": "full"}, omega_bb=0.02))
    with pytest.raises(LoggedError, match="omega_bb"):
        model.logpost(POINT)
    with pytest.raises(LoggedError, match="omega_bb"):
        get_model(run_info({"mode": "net"}, omega_bb=0.02))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("broken"), ValueError("broken"), OSError("disk")])
@pytest.mark.parametrize("half", ["sources", "later"])
def test_errors_of_python_stop_the_run(half: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    from cobaya.theories.classy import classy

    from cosmicnet.cobaya_components.theory.theory import Cosmicnet

    def broken(*_arguments: Any, **_options: Any) -> None:
        raise error

    model = get_model(run_info({"mode": "net"}))
    monkeypatch.setattr(*((Cosmicnet, "new_classy") if half == "sources" else (classy, "calculate")), broken)
    with pytest.raises(LoggedError, match=str(error) or "MemoryError"):
        model.logpost(POINT)


@pytest.mark.parametrize("half", ["sources", "later"])
@pytest.mark.parametrize(("said", "stops"), [
    ("perturbations_init: not enough memory", True), ("could not allocate tau with size 8", True),
    ("too extreme", False)])
def test_lack_of_memory_is_no_zero_likelihood(
    half: str, said: str, stops: bool, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from classy import Class, CosmoComputationError

    class Failing:
        """An object of classy that fails in one half."""

        def __init__(self) -> None:
            self.cosmology = Class()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.cosmology, name)

        def compute(self, modules: list[str]) -> None:
            if (modules == ["primordial"]) == (half == "sources"):
                raise CosmoComputationError(said)
            self.cosmology.compute(modules)

    model = get_model(run_info({"mode": "net"}))
    monkeypatch.setattr(model.theory["cosmicnet.Cosmicnet"].classy_module, "Class", Failing)
    if stops:
        with pytest.raises(LoggedError, match=said):
            model.logpost(POINT)
    else:
        assert model.logpost(POINT) == -np.inf


def test_there_is_no_step_where_the_domain_ends() -> None:
    """A fallback takes the fast modules as well."""
    info = run_info({"mode": "net", "extra_args": {**NEUTRINOS, "m_ncdm": 0.3}})
    net = get_model(info)
    info["theory"]["cosmicnet.Cosmicnet"] |= {"mode": "full", "extra_args": {
        **info["theory"]["cosmicnet.Cosmicnet"]["extra_args"], **SAME_MODULES}}
    full = get_model(info)
    assert derived(net, POINT)["neural_network_used"] == 0.0
    np.testing.assert_array_equal(spectrum(net), spectrum(full))
