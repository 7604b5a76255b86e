"""The demo: the cosmology that it shows depends on the networks."""
from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cosmicnet.cobaya_components.demo.demo import _measure_seconds, covered_cosmology
from cosmicnet.errors import CosmicnetError, CosmicnetWarning
from cosmicnet.installed import shipped_sets

pytestmark = pytest.mark.usefixtures("patched")


def test_every_shipped_set_has_a_cosmology() -> None:
    assert {covered_cosmology(name)[1]["N_ncdm"] for name in shipped_sets()} == {1}


def test_set_that_covers_no_cosmology_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"two neutrinos": {"N_ncdm": 2, "m_ncdm": "0.1,0.1"}}
    monkeypatch.setattr("cosmicnet.cobaya_components.demo.demo.COSMOLOGIES", two)
    with pytest.raises(CosmicnetError, match=r"'lcdm'.*N_ncdm = 2"):
        covered_cosmology("lcdm")


def test_noise_of_the_integration_is_not_in_the_time_of_the_spectra(monkeypatch: pytest.MonkeyPatch) -> None:
    """An integration of ten seconds is off by one or two on a machine with other work."""
    seconds = {"thermodynamics": [0.1, 0.1, 0.1], "primordial": [12.1, 9.1, 10.1], "distortions": [0.3, 0.2, 0.1]}

    def timed(_: object, steps: list[str]) -> tuple[Any, list[float]]:
        return SimpleNamespace(empty=lambda: None), [seconds[step].pop() for step in steps]

    monkeypatch.setattr("cosmicnet.cobaya_components.demo.demo.timed", timed)
    found = _measure_seconds({})
    assert (found.background_and_thermodynamics, found.perturbations, found.rest) == pytest.approx((0.1, 10.0, 0.2))


def test_large_weights_are_told_by_the_table_alone(monkeypatch: pytest.MonkeyPatch,
                                                   caplog: pytest.LogCaptureFixture) -> None:
    """getdist says "outlier fraction", without a word on what that means."""
    pytest.importorskip("cobaya")
    posterior_of = pytest.importorskip("cosmicnet.cobaya_components.demo.posterior")
    getdist = pytest.importorskip("getdist")
    weights = np.ones(200)
    weights[0] = 50.0

    def products(to_getdist: bool) -> dict[str, Any]:
        assert to_getdist
        values = np.random.default_rng(1).normal(size=(200, len(posterior_of.LABELS)))
        return {"sample": getdist.MCSamples(samples=values, weights=weights, names=list(posterior_of.LABELS),
                                            sampler="uncorrelated")}

    products(True)
    assert "outlier" in caplog.text
    caplog.clear()
    monkeypatch.setattr(posterior_of, "run", lambda _: (None, SimpleNamespace(products=products)))
    posterior = posterior_of.run_posterior()
    assert caplog.text == ""
    worth = weights.sum() ** 2 / (weights**2).sum()
    assert f"worth {worth:.0f} independent" in posterior_of.posterior_table(posterior).caption


def test_posterior_with_other_networks() -> None:
    """Its neutrinos are those that the networks know."""
    pytest.importorskip("cobaya")
    posterior_of = pytest.importorskip("cosmicnet.cobaya_components.demo.posterior")
    name = sorted(shipped_sets())[0]
    with warnings.catch_warnings():
        # of a fallback
        warnings.simplefilter("error", CosmicnetWarning)
        posterior = posterior_of.run_posterior(name, covered_cosmology(name)[1], max_seconds=0.1)
    assert posterior.evaluations >= 1
