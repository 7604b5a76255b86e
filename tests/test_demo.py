"""The demo: the cosmology that it shows depends on the networks."""
from __future__ import annotations

import warnings

import pytest

from cosmicnet.cobaya_components.demo.demo import covered_cosmology
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
