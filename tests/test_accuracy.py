"""The measures of accuracy mean what they say: checked against values that were derived otherwise."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cosmicnet.training.evaluate.accuracy import (
    Band,
    Distribution,
    RelativeErrors,
    cosmic_variance,
    summary,
    wishart_chi2,
)
from cosmicnet.training.work.class_spectra import Spectra

ELL = np.arange(2.0, 2509.0)


def example() -> Spectra:
    """Spectra of the right shapes: falling C_l, TE changing its sign, |correlation| at most 0.6."""
    tt, ee = 1e-9 / ELL**2, 1e-12 / ELL**1.5
    te = 0.6 * np.cos(ELL / 90.0) * np.sqrt(tt * ee)
    k = np.geomspace(1e-4, 5.0, 40)
    pk = np.outer([1.0, 0.4, 0.2], 1e4 * k / (1.0 + (k / 0.02) ** 2) ** 1.5)
    return Spectra(ell=ELL, tt=tt, te=te, ee=ee, pp=1e-8 / ELL**4, pk=pk, sigma8=np.array(0.81))


def scaled(spectra: Spectra, **factors: float) -> Spectra:
    return dataclasses.replace(
        spectra, **{name: factor * getattr(spectra, name) for name, factor in factors.items()})


def test_equal_spectra_have_no_error() -> None:
    assert set(summary(example(), example()).values()) == {0.0}


@pytest.mark.parametrize("epsilon", [1e-7, 1e-4, -1e-3, 0.3])
def test_wishart_chi2_of_rescaled_spectra(epsilon: float) -> None:
    full = example()
    net = scaled(full, tt=1.0 + epsilon, te=1.0 + epsilon, ee=1.0 + epsilon)
    # two fields, each with (2l+1) [x - 1 - ln x] at x = 1/(1+epsilon); sum of 2l+1 from 2 to L is (L+1)^2 - 4
    modes = 2509.0**2 - 4.0
    excess = np.log1p(epsilon) - epsilon / (1.0 + epsilon)
    assert wishart_chi2(full, net) == pytest.approx(2.0 * modes * excess, rel=1e-6)


def test_wishart_chi2_equals_the_difference_of_gaussian_likelihoods() -> None:
    """-2 ln L of modes a_lm with covariance C: trace and determinant of 2x2 matrices, written out."""
    full = example()
    generator = np.random.default_rng(1)
    noisy = {name: getattr(full, name) * (1.0 + 0.02 * generator.normal(size=ELL.size))
             for name in ("tt", "te", "ee")}
    net = dataclasses.replace(full, **noisy)

    def minus_two_log_likelihood(model: Spectra) -> float:
        total = 0.0
        for index, ell in enumerate(ELL):
            observed = np.array([[full.tt[index], full.te[index]], [full.te[index], full.ee[index]]])
            expected = np.array([[model.tt[index], model.te[index]], [model.te[index], model.ee[index]]])
            total += (2.0 * ell + 1.0) * (np.trace(np.linalg.inv(expected) @ observed)
                                          + np.linalg.slogdet(expected)[1])
        return float(total)

    expected = minus_two_log_likelihood(net) - minus_two_log_likelihood(full)
    assert wishart_chi2(full, net) == pytest.approx(expected, rel=1e-6)


def test_an_error_of_one_cosmic_sigma_in_one_spectrum_costs_about_one() -> None:
    """For small errors chi2 is the squared number of sigmas; without TE, TT and EE are independent."""
    full = dataclasses.replace(example(), te=np.zeros_like(ELL))
    tt = full.tt.copy()
    index = 2000
    tt[index] *= 1.0 + cosmic_variance(full)["tt"][index]
    assert wishart_chi2(full, dataclasses.replace(full, tt=tt)) == pytest.approx(1.0, rel=0.05)


def test_cosmic_variance_is_the_scatter_of_simulated_skies() -> None:
    full, index, skies = example(), 8, 20000
    ell = round(ELL[index])
    covariance = [[full.tt[index], full.te[index]], [full.te[index], full.ee[index]]]
    generator = np.random.default_rng(2)
    temperature, polarisation = np.moveaxis(
        generator.multivariate_normal([0.0, 0.0], covariance, size=(skies, 2 * ell + 1)), 2, 0)
    scale = {"tt": full.tt[index], "ee": full.ee[index], "te": np.sqrt(full.tt[index] * full.ee[index])}
    observed = {"tt": temperature**2, "ee": polarisation**2, "te": temperature * polarisation}
    for name, products in observed.items():
        scatter = products.mean(axis=1).std() / scale[name]
        assert cosmic_variance(full)[name][index] == pytest.approx(scatter, rel=0.03)


def test_errors_are_relative_and_te_survives_its_zeros() -> None:
    full = example()
    error = RelativeErrors.between(full, scaled(full, tt=1.01, te=1.02, ee=0.97, pp=1.5, pk=1.1, sigma8=0.9))
    np.testing.assert_allclose(error.tt, 0.01)
    np.testing.assert_allclose(error.ee, -0.03)
    np.testing.assert_allclose(error.pp, 0.5)
    np.testing.assert_allclose(error.pk, 0.1)
    assert float(error.sigma8) == pytest.approx(-0.1)
    np.testing.assert_allclose(error.te, 0.02 * 0.6 * np.cos(ELL / 90.0), atol=1e-12)


def test_summary_takes_the_largest_error_of_each_range_in_percent() -> None:
    full = example()
    tt, ee = full.tt.copy(), full.ee.copy()
    tt[ELL == 29] *= 1.002
    tt[ELL == 30] *= 0.999
    ee[ELL == 2508] *= 1.005
    figures = summary(full, dataclasses.replace(full, tt=tt, ee=ee))
    assert figures["tt_low_l"] == pytest.approx(0.2)
    assert figures["tt_high_l"] == pytest.approx(0.1)
    assert figures["ee_low_l"] == 0.0
    assert figures["ee_high_l"] == pytest.approx(0.5)


def test_distribution_is_made_of_models() -> None:
    distribution = Distribution.of(np.arange(101.0))
    assert distribution == Distribution(median=50.0, percentile_95=95.0, worst=100.0)


def test_distribution_keeps_what_has_no_limit() -> None:
    assert Distribution.of([1.0, 2.0, 3.0, np.inf]) == Distribution(3.0, np.inf, np.inf)


@pytest.mark.parametrize("change", [
    {"te": 1.01 * np.sqrt(example().tt * example().ee)}, {"tt": -example().tt, "ee": -example().ee},
    {"ee": np.full_like(ELL, np.nan)}], ids=["correlation above one", "negative", "NaN"])
def test_spectra_of_no_universe_are_infinitely_far(change: dict[str, np.ndarray]) -> None:
    """They count as infinite: a NaN would be left out of a table."""
    figures = summary(example(), dataclasses.replace(example(), **change))
    assert figures["wishart_chi2"] == np.inf


@pytest.mark.parametrize("values", [[], [1.0, np.nan]])
def test_distribution_refuses_what_is_not_a_number(values: list[float]) -> None:
    with pytest.raises(ValueError):
        Distribution.of(values)


def test_band_is_taken_at_every_multipole_and_without_sign() -> None:
    errors = [np.array([(-1.0) ** size * size, 10.0 * size]) for size in range(101)]
    band = Band.of(errors)
    np.testing.assert_allclose(band.median, [50.0, 500.0])
    np.testing.assert_allclose(band.percentile_95, [95.0, 950.0])
    np.testing.assert_allclose(band.worst, [100.0, 1000.0])


def test_functions_of_p_of_k_are_compared_where_they_were_computed() -> None:
    functions = {"growth_rate": np.full((3, 4), 0.5), "tilt": np.full((3, 4), -1.0), "sigma_r": np.ones((3, 2)),
                 "f_sigma8": np.ones(3), "weyl": np.full((3, 4), -2.0)}
    full = dataclasses.replace(example(), **functions)
    growth, tilt = functions["growth_rate"].copy(), functions["tilt"].copy()
    growth[0, 1], growth[2, 3], tilt[1, 1] = 0.502, 0.4995, -1.002
    figures = summary(full, dataclasses.replace(full, growth_rate=growth, tilt=tilt, weyl=1.01 * full.weyl))
    assert figures["growth_rate_today"] == pytest.approx(0.4) and figures["growth_rate"] == pytest.approx(0.1)
    assert figures["tilt"] == pytest.approx(0.002) and figures["weyl"] == pytest.approx(1.0)
    assert figures["sigma_r"] == figures["f_sigma8"] == 0.0
    assert "growth_rate" not in summary(example(), example())
