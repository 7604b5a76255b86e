"""The two builds of classy, and the Planck data, that tests need; the order of the files."""
from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from builds import ROOT, build_is_missing
from serial_pool import serial_pool

# The longest files begin first, so that processes end together.
LONGEST = ("curved_line_of_sight", "make", "learn", "class_own_suite", "runtime_coverage", "non_linear",
           "paper_training", "two_levels", "paper_kills", "line_of_sight", "cobaya_theory", "check_and_reweight",
           "sampled_parameters", "paper_make", "standard", "tutorial", "later_modules", "cobaya_chains", "dask",
           "paper_search", "reweight", "likelihoods")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(autouse=True)
def own_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets that the user of this machine installed are not looked at, and none is installed there."""
    monkeypatch.setenv("COSMICNET_NETWORKS", "nets")


@pytest.fixture(autouse=True)
def own_options(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither are networks on by default because the user of this machine has them so."""
    for name in [name for name in os.environ if name == "COSMICNET" or name.startswith("COSMICNET_FA")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no options"))


@pytest.fixture(autouse=True)
def fewer_points_of_the_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of Cobaya are made faster than in a run."""
    monkeypatch.setattr("cosmicnet.cobaya_components.theory.prior.DRAWS", 8)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations of `check` and `reweight` without worker processes, which take seconds to start."""
    monkeypatch.setattr("cosmicnet.cobaya_components.compare.evaluations.single_threaded_pool", serial_pool)


@pytest.fixture(scope="session")
def stock() -> Path:
    """The folder with stock classy: COSMICNET_STOCK_CLASSY, or .stock, which `make stock` fills."""
    folder = Path(os.environ.get("COSMICNET_STOCK_CLASSY", ROOT / ".stock"))
    if not (folder / "classy").is_dir():
        build_is_missing(f"no stock classy in {folder}: run `make stock` or set COSMICNET_STOCK_CLASSY")
    return folder


@pytest.fixture(scope="session")
def patched() -> None:
    """The patched classy is installed here."""
    if importlib.util.find_spec("classy") is None:
        build_is_missing("there is no classy: run `make classy`")
    from classy import Class

    if not hasattr(Class, "set_source_provider"):
        build_is_missing("the classy installed here is not the patched one: run `make classy`")


@pytest.fixture(scope="session")
def packages_path() -> Path:
    """Cobaya's packages folder with real data: COBAYA_PACKAGES_PATH, or the one beside the repository."""
    pytest.importorskip("cobaya")
    folder = Path(os.environ.get("COBAYA_PACKAGES_PATH", ROOT.parent / "shared" / "cobaya_packages"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no Planck data in {folder}; set COBAYA_PACKAGES_PATH")
    return folder
