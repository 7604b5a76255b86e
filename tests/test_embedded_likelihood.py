"""The likelihood and the sampler that come with the package: against exact results, and bad input."""
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

LoggedError = pytest.importorskip("cobaya.log").LoggedError
get_model = pytest.importorskip("cobaya.model").get_model
run = pytest.importorskip("cobaya").run

from cosmicnet.cobaya_components.embedded import FIDUCIAL_FILE, wishart_chi2  # noqa: E402  (needs Cobaya)
from cosmicnet.cobaya_components.importance import Proposal, effective_samples  # noqa: E402  (needs Cobaya)
from cosmicnet.cobaya_components.noise import planck_noise  # noqa: E402  (for the order)

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
    chi2 = [modes * wishart_chi2(theory, data)[0] for theory in theories]
    assert chi2[0] - chi2[1] == pytest.approx(-2.0 * (logs[0] - logs[1]), rel=1e-10)
    assert wishart_chi2(data, data)[0] == pytest.approx(0.0, abs=1e-12)


def test_spectra_of_no_sky_are_no_number() -> None:
    assert np.isnan(wishart_chi2(spectra(tt=1.0, te=2.0, ee=1.0), spectra(tt=1.0, te=0.0, ee=1.0))[0])
    assert np.isnan(wishart_chi2(spectra(tt=-1.0, te=0.0, ee=-1.0), spectra(tt=1.0, te=0.0, ee=1.0))[0])


def test_noise_of_planck() -> None:
    """At low l the channels add up to 0.43 muK degree, 26 muK arcmin, in temperature."""
    assert np.sqrt(planck_noise("tt", np.array([2.0]))[0]) * 180 / np.pi == pytest.approx(0.424, abs=2e-3)
    assert np.all(np.diff(planck_noise("ee", np.arange(2.0, 2000.0))) > 0)


class Fiducial:
    """Theory that gives the fiducial spectra times a factor."""

    factor = 1.0

    def get_Cl(self, units: str = "", **_: Any) -> dict[str, np.ndarray]:
        assert units == "muK2"
        with np.load(FIDUCIAL_FILE) as file:
            return {name: self.factor * np.concatenate([[0, 0], file[name]]) for name in ("tt", "te", "ee")}


def likelihood(**options: Any) -> Any:
    from cosmicnet import EmbeddedCMB

    made = EmbeddedCMB(options)
    made.initialize_with_provider(Fiducial())
    return made


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
    with pytest.raises(LoggedError, match="spectra"):
        made.logp()


@pytest.mark.parametrize(("options", "said"), [({"l_max": 3000}, "at most 2000"), ({"sky_fraction": 2}, "at most 1")])
def test_bad_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoggedError, match=said):
        likelihood(**options)


def test_proposal_is_a_t_distribution() -> None:
    scale = np.linalg.cholesky(np.array([[2.0, 0.6], [0.6, 1.0]]))
    proposal = Proposal(np.array([1.0, -1.0]), scale, 9.0)
    exact = stats.multivariate_t(proposal.center, scale @ scale.T, df=9.0)
    points = RNG.normal(size=(5, 2))
    density = proposal.log_density(points)
    np.testing.assert_allclose(np.diff(density), np.diff(exact.logpdf(points)), rtol=1e-10)
    draws = proposal.from_uniform(RNG.uniform(size=(20000, 3)))
    np.testing.assert_allclose(draws.mean(axis=0), proposal.center, atol=0.05)
    np.testing.assert_allclose(np.cov(draws.T), scale @ scale.T * 9.0 / 7.0, atol=0.12)


def test_effective_samples() -> None:
    assert effective_samples(np.ones(7)) == pytest.approx(7.0)
    assert effective_samples(np.array([1.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert effective_samples(np.zeros(3)) == 0.0


def gaussian_run(**options: Any) -> dict[str, Any]:
    """Two correlated parameters; the proposal knows neither their mean nor their widths well."""
    inverse = np.linalg.inv([[1.0, 0.5], [0.5, 2.0]])

    def loglike(a: float, b: float) -> float:
        x = np.array([a, b]) - np.array([0.3, -0.4])
        return float(-0.5 * x @ inverse @ x)

    prior = {"prior": {"min": -10.0, "max": 10.0}, "ref": 0.0, "proposal": 1.2}
    return {"likelihood": {"gauss": loglike}, "params": {"a": prior, "b": prior},
            "sampler": {"cosmicnet.ImportanceSampler": {"covmat": None, "samples": 4000, "seed": 3, **options}}}


def test_sampler_finds_mean_and_covariance() -> None:
    _, sampler = run(gaussian_run())
    sample = sampler.products()["sample"]
    np.testing.assert_allclose(sample.mean(), [0.3, -0.4], atol=0.05)
    np.testing.assert_allclose(sample.cov(), [[1.0, 0.5], [0.5, 2.0]], atol=0.15)
    assert sampler.products(to_getdist=True)["sample"].mean("b") == pytest.approx(-0.4, abs=0.05)


def test_sampler_writes_resumes_and_stops_in_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    info = {**gaussian_run(samples=300), "output": str(tmp_path / "chain")}
    run(info)
    rows = np.loadtxt(tmp_path / "chain.1.txt")
    assert len(rows) == 300
    _, sampler = run({**gaussian_run(samples=500), "output": str(tmp_path / "chain")}, resume=True)
    resumed = np.loadtxt(tmp_path / "chain.1.txt")
    assert len(resumed) == 500 and np.array_equal(resumed[:300], rows)
    caplog.set_level(logging.WARNING)
    _, sampler = run(gaussian_run(samples=10**6, max_seconds=0.2))
    assert 0 < len(sampler.products()["sample"]) < 10**6


def test_draws_without_posterior_are_no_samples(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def of(samples: int, **options: Any) -> dict[str, Any]:
        info = {**gaussian_run(samples=samples, **options), "output": str(tmp_path / "chain")}
        info["params"]["a"] = {"prior": {"min": -0.1, "max": 10.0}, "ref": 0.0, "proposal": 1.2}
        return info

    run(of(40))
    run(of(120), resume=True)
    resumed = np.loadtxt(tmp_path / "chain.1.txt")
    assert len(resumed) == 120 and len(np.unique(resumed[:, 2:4], axis=0)) == 120
    run(of(120), force=True)
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "chain.1.txt"), resumed)
    caplog.set_level(logging.WARNING)
    narrow = of(3)
    narrow["params"]["a"]["prior"] = {"min": -1e-6, "max": 1e-6}
    run(narrow, force=True)
    assert "samples after 300 draws" in caplog.text


def test_sampler_that_is_stopped_keeps_its_samples(tmp_path: Path) -> None:
    evaluated = []

    def loglike(a: float, b: float) -> float:
        evaluated.append(a)
        if len(evaluated) > 20:
            raise KeyboardInterrupt
        return -0.5 * (a * a + b * b)

    info = {**gaussian_run(), "likelihood": {"gauss": loglike}, "output": str(tmp_path / "chain")}
    with pytest.raises(KeyboardInterrupt):
        run(info)
    # the first evaluation is that of the reference point
    assert len(np.loadtxt(tmp_path / "chain.1.txt")) == 19


def test_sampler_refuses_a_reference_point_without_likelihood() -> None:
    info = gaussian_run()
    info["likelihood"] = {"nothing": lambda a, b: -np.inf}
    with pytest.raises(LoggedError, match="zero at the reference point"):
        run(info)
