"""The likelihood and the sampler that come with the package: against exact results, and bad input."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

LoggedError = pytest.importorskip("cobaya.log").LoggedError
get_model = pytest.importorskip("cobaya.model").get_model
run = pytest.importorskip("cobaya").run

from cosmicnet.cobaya_components.embedded.likelihood import EXPERIMENTS, wishart_chi2_per_l  # noqa: E402  (needs Cobaya)
from cosmicnet.training.evaluate.noise import S4, SIMONS_OBSERVATORY, planck_noise  # noqa: E402  (for the order)

RNG = np.random.default_rng(7)


def spectra(*, tt: float, te: float, ee: float) -> dict[str, np.ndarray]:
    return {"tt": np.array([tt]), "te": np.array([te]), "ee": np.array([ee])}


def test_chi2_is_the_wishart_density() -> None:
    """Differences of chi2 are those of scipy's density, for data of many modes."""
    modes = 11
    data = spectra(tt=2.0, te=0.3, ee=0.5)
    theories = spectra(tt=2.2, te=0.1, ee=0.45), spectra(tt=1.7, te=0.5, ee=0.6)

    def matrix(values: dict[str, np.ndarray]) -> np.ndarray:
        return np.array([[values["tt"][0], values["te"][0]], [values["te"][0], values["ee"][0]]])

    logs = [stats.wishart.logpdf(modes * matrix(data), df=modes, scale=matrix(theory)) for theory in theories]
    chi2 = [modes * wishart_chi2_per_l(theory, data)[0] for theory in theories]
    assert chi2[0] - chi2[1] == pytest.approx(-2.0 * (logs[0] - logs[1]), rel=1e-10)
    assert wishart_chi2_per_l(data, data)[0] == pytest.approx(0.0, abs=1e-12)


def test_spectra_of_no_sky_are_no_number() -> None:
    assert np.isnan(wishart_chi2_per_l(spectra(tt=1.0, te=2.0, ee=1.0), spectra(tt=1.0, te=0.0, ee=1.0))[0])
    assert np.isnan(wishart_chi2_per_l(spectra(tt=-1.0, te=0.0, ee=-1.0), spectra(tt=1.0, te=0.0, ee=1.0))[0])


def test_noise_of_planck() -> None:
    """At low l the channels add up to 0.43 muK degree, 26 muK arcmin, in temperature."""
    assert np.sqrt(planck_noise("tt", np.array([2.0]))[0]) * 180 / np.pi == pytest.approx(0.424, abs=2e-3)
    assert np.all(np.diff(planck_noise("ee", np.arange(2.0, 2000.0))) > 0)


class Fiducial:
    """Theory that gives the fiducial spectra times a factor."""

    factor, experiment = 1.0, "planck"

    def get_Cl(self, units: str = "", **_: Any) -> dict[str, np.ndarray]:
        assert units == "muK2"
        with np.load(EXPERIMENTS[self.experiment].fiducial) as file:
            return {name: self.factor * np.concatenate([[0, 0], file[name]]) for name in ("tt", "te", "ee")}


def likelihood(**options: Any) -> Any:
    from cosmicnet import EmbeddedCMB

    made = EmbeddedCMB(options)
    theory = Fiducial()
    theory.experiment = made.experiment
    made.initialize_with_provider(theory)
    return made


def test_noise_of_telescopes_on_the_ground() -> None:
    """Nowhere above Planck's."""
    ell = np.arange(2.0, 5000.0)
    for telescope, muk_arcmin in ((SIMONS_OBSERVATORY, 6.01), (S4, 1.414)):
        for name in ("tt", "ee"):
            noise = telescope.noise(name, ell)
            assert np.all(noise <= planck_noise(name, ell)) and np.all(noise > 0.0)
        # without beams and atmosphere
        channels = len(telescope.beam_arcmin)
        sharp = replace(telescope, beam_arcmin=(1e-3,) * channels, knee_of_temperature=(1.0,) * channels)
        assert np.sqrt(sharp.noise("tt", ell)[-1]) * 180 * 60 / np.pi == pytest.approx(muk_arcmin, rel=0.01)
    # Planck alone where the atmosphere is in the way
    np.testing.assert_allclose(S4.noise("tt", ell)[:50], planck_noise("tt", ell)[:50], rtol=0.01)


@pytest.mark.parametrize("experiment", ["so", "s4"])
def test_forecasts_peak_at_the_fiducial_and_are_tighter(experiment: str) -> None:
    made, planck = likelihood(experiment=experiment), likelihood()
    assert made.logp() == pytest.approx(0.0, abs=1e-8)
    for one in (made, planck):
        one.provider.factor = 1.0005
    assert made.logp() < 2.0 * planck.logp() < 0.0
    # temperature ends at l = 3000
    assert np.all(made.noise["tt"][made.ell > 3000] > 1e6 * made.noise["ee"][made.ell > 3000])


def test_likelihood_peaks_at_the_fiducial() -> None:
    made = likelihood()
    assert made.get_requirements() == {"Cl": {"tt": 2000, "te": 2000, "ee": 2000}}
    assert made.logp() == pytest.approx(0.0, abs=1e-8)
    made.provider.factor = 1.001
    worse = made.logp()
    assert -2.0 < worse < -0.1
    assert likelihood(l_max=1000).logp() == pytest.approx(0.0, abs=1e-8)


def test_broken_spectra_are_an_error_and_not_zero_likelihood() -> None:
    made = likelihood()
    made.provider.factor = np.nan
    with pytest.raises(LoggedError):
        made.logp()


@pytest.mark.parametrize(("options", "said"), [
    ({"l_max": 3000}, "at most 2000"), ({"sky_fraction": 2}, "at most 1"), ({"experiment": "act"}, "planck, so, s4")])
def test_bad_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoggedError, match=said):
        likelihood(**options)
