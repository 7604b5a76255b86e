"""The importance sampler: its proposal, what it draws, writes and resumes, and what it learns."""
from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

run = pytest.importorskip("cobaya").run
LoggedError = pytest.importorskip("cobaya.log").LoggedError

from cosmicnet.cobaya_components.sampler.proposal import (  # noqa: E402  (needs Cobaya)
    Proposal,
    effective_samples,
    gelman_rubin,
)

RNG = np.random.default_rng(7)


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


def test_run_that_goes_on_with_another_seed_draws_others(tmp_path: Path) -> None:
    run({**gaussian_run(samples=30), "output": str(tmp_path / "chain")})
    run({**gaussian_run(samples=60, seed=4), "output": str(tmp_path / "chain")}, resume=True)
    assert len(np.unique(np.loadtxt(tmp_path / "chain.1.txt")[:, 2:4], axis=0)) == 60


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
    # the draw that was interrupted is the next one
    info["likelihood"] = {"gauss": lambda a, b: -0.5 * (a * a + b * b)}
    info["sampler"]["cosmicnet.ImportanceSampler"]["samples"] = 40
    run(info, resume=True)
    resumed = np.loadtxt(tmp_path / "chain.1.txt")
    run(info, force=True)
    np.testing.assert_allclose(resumed, np.loadtxt(tmp_path / "chain.1.txt"), rtol=1e-6)


@pytest.mark.parametrize("text", [None, "", "many"])
def test_run_without_its_number_of_draws_does_not_go_on(tmp_path: Path, text: str | None) -> None:
    info = {**gaussian_run(samples=10), "output": str(tmp_path / "chain")}
    run(info)
    counter = tmp_path / "chain.draws.1"
    counter.unlink()
    if text is not None:
        counter.write_text(text)
    with pytest.raises(LoggedError, match=r"chain\.draws\.1 .*--force"):
        run(info, resume=True)
    run(info, force=True)
    assert counter.read_text() == "10\n"


def test_sampler_refuses_a_reference_point_without_likelihood() -> None:
    info = gaussian_run()
    info["likelihood"] = {"nothing": lambda a, b: -np.inf}
    with pytest.raises(LoggedError):
        run(info)


def far_run(**options: Any) -> dict[str, Any]:
    """The proposal is two standard deviations off, and twice as wide as the posterior."""
    info = gaussian_run(samples=1000, learn=400, **options)
    info["params"] = {"a": {"prior": {"min": -10.0, "max": 10.0}, "ref": 2.3, "proposal": 2.0},
                      "b": {"prior": {"min": -10.0, "max": 10.0}, "ref": -3.2, "proposal": 2.8}}
    return info


def worth(sampler: Any) -> float:
    return effective_samples(np.asarray(sampler.products()["sample"]["weight"], dtype=float))


def test_learned_proposal_makes_draws_worth_more() -> None:
    _, learned = run(far_run())
    without = far_run()
    without["sampler"]["cosmicnet.ImportanceSampler"]["learn"] = 0
    _, unlearned = run(without)
    assert worth(unlearned) < 400 and worth(learned) > 800
    sample = learned.products()["sample"]
    assert len(sample) == 1000
    np.testing.assert_allclose(sample.mean(), [0.3, -0.4], atol=0.08)
    np.testing.assert_allclose(sample.cov(), [[1.0, 0.5], [0.5, 2.0]], atol=0.2)


def test_learned_proposal_is_kept_for_the_run_that_goes_on(tmp_path: Path) -> None:
    output = str(tmp_path / "chain")
    run({**far_run(), "output": output})
    rows, proposal = np.loadtxt(tmp_path / "chain.1.txt"), (tmp_path / "chain.proposal").read_bytes()
    shorter = far_run()
    shorter["sampler"]["cosmicnet.ImportanceSampler"]["samples"] = 300
    run({**shorter, "output": output}, force=True)
    evaluated = []
    again = far_run()
    gauss = again["likelihood"]["gauss"]

    def counting(a: float, b: float) -> float:
        evaluated.append(a)
        return float(gauss(a, b))

    again["likelihood"]["gauss"] = counting
    run({**again, "output": output}, resume=True)
    assert (tmp_path / "chain.proposal").read_bytes() == proposal
    # those that were missing and the center; nothing was learned again
    assert len(evaluated) < 720
    np.testing.assert_allclose(np.loadtxt(tmp_path / "chain.1.txt"), rows, rtol=1e-6)


def test_damaged_proposal_is_named(tmp_path: Path) -> None:
    info = {**far_run(), "output": str(tmp_path / "chain")}
    run(info)
    whole = (tmp_path / "chain.proposal").read_text()
    for damaged in ("", "1 2\n3 4\n", "{}", '{"center": [1, 2, 3]}', whole.replace("2", "NaN", 1)):
        (tmp_path / "chain.proposal").write_text(damaged)
        with pytest.raises(LoggedError, match=r"chain\.proposal .*--force"):
            run(info, resume=True)
    run(info, force=True)


def test_few_draws_do_not_change_the_proposal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    info = far_run()
    info["sampler"]["cosmicnet.ImportanceSampler"] |= {"learn": 6, "samples": 10}
    _, sampler = run(info)
    assert "learning needs 8" in caplog.text
    assert sampler.proposal.center == pytest.approx([2.3, -3.2])


def test_proposal_far_from_the_posterior_is_no_chain_of_infinities(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A draw is e^1000 times as likely as the center."""
    info = {**gaussian_run(samples=200), "output": str(tmp_path / "chain")}
    wide = {"prior": {"min": -1000.0, "max": 1000.0}, "ref": 100.0, "proposal": 30.0}
    info["params"] = {"a": wide, "b": wide}
    with pytest.raises(LoggedError):
        run(info)
    caplog.set_level(logging.WARNING)
    info["sampler"]["cosmicnet.ImportanceSampler"]["learn"] = 200
    with pytest.raises(LoggedError):
        run(info, force=True)
    assert "learning needs 8" in caplog.text


def test_run_that_goes_on_with_other_references_keeps_its_proposal_and_its_weights(tmp_path: Path) -> None:
    """Changes that Cobaya allows if it is asked to, as of networks, would give weights on another scale."""
    output = str(tmp_path / "chain")
    _, whole = run({**gaussian_run(samples=400), "output": output})
    expected = np.loadtxt(tmp_path / "chain.1.txt")
    run({**gaussian_run(samples=200), "output": output}, force=True)
    other = gaussian_run(samples=400)
    for parameter in other["params"].values():
        parameter |= {"ref": -2.0, "proposal": 3.0}
    _, resumed = run({**other, "output": output}, resume=True, allow_changes=True)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "chain.1.txt"), expected, rtol=1e-6)
    assert np.array_equal(resumed.proposal.center, whole.proposal.center)


@pytest.mark.parametrize(("option", "value"), [
    ("samples", 0), ("samples", 1.5), ("learn", -1), ("learn", "many"), ("widen", 0), ("widen", np.inf),
    ("max_seconds", "1h"), ("seed", -1), ("seed", "x")])
def test_bad_option_is_named(option: str, value: Any) -> None:
    with pytest.raises(LoggedError, match=f"{option}: {value!r}"):
        run(gaussian_run(**{option: value}))


def test_number_of_samples_as_cobaya_reads_it() -> None:
    _, sampler = run(gaussian_run(samples=1e2))
    assert len(sampler.products()["sample"]) == 100


def test_proposal_is_read_as_written(tmp_path: Path) -> None:
    proposal = Proposal(RNG.normal(size=3), np.linalg.cholesky(np.eye(3) + 0.1), 9.0)
    proposal.write(tmp_path / "p", -1234.0 / 7.0)
    again, zero = Proposal(np.zeros(3), np.eye(3), 3.0).read(tmp_path / "p")
    assert (zero, again.degrees_of_freedom) == (-1234.0 / 7.0, 9.0)
    assert np.array_equal(again.center, proposal.center) and np.array_equal(again.scale, proposal.scale)
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_gelman_rubin() -> None:
    """Two chains whose means differ by d standard deviations have a variance d^2 / 2 between them."""
    points = RNG.multivariate_normal([1.0, 2.0], [[1.0, 0.9], [0.9, 4.0]], size=2000)
    deviation = points[:, 0].std()
    # moves along what does not change the other, correlated, parameter: larger than the shift of one parameter tells
    moved = points + np.array([0.2 * deviation, 0.0])
    equal = np.ones(2000)
    correlation = np.corrcoef(points.T)[0, 1]
    assert gelman_rubin([(points, equal), (moved, equal)]) == pytest.approx(0.02 / (1.0 - correlation**2), rel=1e-6)
    assert gelman_rubin([(points, equal), (points, equal)]) == pytest.approx(0.0, abs=1e-12)
    twice = np.repeat(points, 2, axis=0)
    weighted = gelman_rubin([(points, 2.0 * equal), (moved, equal)])
    assert gelman_rubin([(twice, np.ones(4000)), (moved, equal)]) == pytest.approx(weighted)
