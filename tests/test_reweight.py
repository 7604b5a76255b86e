"""`cosmicnet reweight`: its arithmetic on known cases, and its report."""
from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cobaya_infos import POINT, run_info
from rich.console import Console

from cosmicnet.errors import CosmicnetError

pytest.importorskip("cobaya")
pytest.importorskip("getdist")


from cosmicnet.cobaya_components.compare import evaluations
from cosmicnet.cobaya_components.compare.chain_report import as_markdown
from cosmicnet.cobaya_components.compare.chains import Chain, ChainFacts, chain_facts, load_chain
from cosmicnet.cobaya_components.compare.evaluations import Evaluated, model_of
from cosmicnet.cobaya_components.compare.reweight import (
    Reweighted,
    Thinned,
    _known,
    _thinned,
    print_reweighted,
    shifts,
    write_reweighted,
)
from cosmicnet.cobaya_components.theory.modes import uses_networks

RNG = np.random.default_rng(5)


def evaluation(failure: str | None = None, **loglikes: float) -> Any:
    return Evaluated(loglikes, {}, 1.0, failure)


def test_shift_of_a_gaussian_is_recovered_within_its_error() -> None:
    """Weights exp(a x) move a Gaussian by a and leave its width alone."""
    x, still = RNG.normal(size=(2, 4000))
    columns = {"x": x, "still": still, "fixed": np.ones(4000)}
    thinned = Thinned(columns, columns, 0.05 * x)
    moved, unmoved = shifts(thinned)
    assert (moved.name, unmoved.name) == ("x", "still")
    assert abs(moved.shift - 0.05) < 4 * moved.shift_error < 0.01
    assert abs(moved.width_ratio - 1.0) < 4 * moved.width_ratio_error < 0.03
    assert abs(unmoved.shift) < 4 * unmoved.shift_error < 0.01


def test_derived_parameters_are_those_of_full_class_afterwards() -> None:
    x = RNG.normal(size=500)
    [shift] = shifts(Thinned({"x": x}, {"x": 2.0 * x + 3.0 * x.std()}, np.zeros(500)))
    assert shift.shift == pytest.approx(3.0 + x.mean() / x.std(), rel=1e-9)
    assert shift.width_ratio == pytest.approx(2.0, rel=1e-9)


CONVERGED = ChainFacts(2, 4, 0.31, 0.008, 0.15, 2.0)
IN_WORDS = ("networks", "full CLASS", ["a", "b"])


def test_plot_and_figures_are_written(tmp_path: Path) -> None:
    columns = dict(zip(("x", "y"), RNG.normal(size=(2, 300)), strict=True))
    thinned = Thinned(columns, columns, 0.1 * columns["x"])
    result = Reweighted(shifts(thinned), 297.0, thinned, {"x": "x", "y": "y"}, 300, 0, "chain", CONVERGED, *IN_WORDS)
    table, picture = write_reweighted(result, tmp_path / "chain.reweighted")
    assert json.loads(table.read_text())["effective_samples"] == 297.0
    assert picture.read_bytes().startswith(b"\x89PNG")


def printed(facts: ChainFacts, distinct: int = 40, without_networks: int = 3) -> str:
    thinned, text = Thinned(*({"x": RNG.normal(size=50)} for _ in range(2)), np.zeros(50)), io.StringIO()
    result = Reweighted(shifts(thinned), 50.0, thinned, {"x": "x"}, distinct, without_networks, "chain", facts,
                        *IN_WORDS)
    print_reweighted(result, Console(file=text, width=200))
    return text.getvalue()


def test_limits_of_the_result_are_printed() -> None:
    assert "40 of the 50" in printed(CONVERGED) and "3 of the samples" in printed(CONVERGED)
    assert "used full CLASS" not in printed(CONVERGED, 50, 0) and "more than once" not in printed(CONVERGED, 50, 0)


@pytest.mark.parametrize(("facts", "said"), [
    (CONVERGED, None), (replace(CONVERGED, rminus1=0.5), "R-1 = 0.5"), (replace(CONVERGED, rminus1=np.nan), "R-1"),
    (replace(CONVERGED, rminus1=None), "never tested"), (replace(CONVERGED, rminus1=None, effective=7.0), "7"),
    (replace(CONVERGED, rminus1=None, effective=700.0), None)])
def test_chain_far_from_convergence_is_announced(facts: ChainFacts, said: str | None) -> None:
    line = next((line for line in printed(facts).splitlines() if "far from converged" in line), None)
    assert (line is None) == (said is None) and (said is None or said in str(line))


def test_likelihood_that_is_no_number_is_an_error() -> None:
    chain = Chain({}, np.ones(3), {"x": np.arange(3.0), "chi2__a": np.full(3, 2.0)})
    found = {0: evaluation(a=-1.0), 1: evaluation(a=-np.inf), 2: evaluation("too extreme")}
    weights = _thinned(chain, [0, 1, 2], found, ["x"], [], ["a"]).log_weights
    np.testing.assert_array_equal(weights, [0, -np.inf, -np.inf])
    with pytest.raises(CosmicnetError, match="'x': 1"):
        _thinned(chain, [0, 1], {**found, 1: evaluation(a=np.nan)}, ["x"], [], ["a"])


def test_whether_networks_were_used_is_no_parameter() -> None:
    columns = {"x": RNG.normal(size=50), "neural_network_used": np.repeat([0.0, 1.0], 25),
               "neural_network_error": RNG.uniform(size=50)}
    assert [shift.name for shift in shifts(Thinned(columns, columns, np.zeros(50)))] == ["x"]


@pytest.mark.parametrize(("theory", "answer"), [
    ({"cosmicnet.Cosmicnet": {"mode": "net"}}, True), ({"cosmicnet.Cosmicnet": {"mode": "learn"}}, True),
    ({"cosmicnet.Cosmicnet": {"mode": "full"}}, False),
    ({"classy": None}, False), ({"classy": {"extra_args": {"neural_network": "yes"}}}, True),
    ({"classy": {"extra_args": {"neural_network": False}}}, False)])
def test_whether_a_run_has_networks(theory: dict[str, Any], answer: bool) -> None:
    assert uses_networks({"theory": theory}) is answer


@pytest.mark.parametrize(("mode", "rows"), [("learn", {0, 2}), ("net", set())])
def test_samples_that_class_integrated_are_not_computed_again(mode: str, rows: set[int]) -> None:
    """Where networks learn, these are the result of full CLASS; in mode net a fallback may have another precision."""
    used = np.array([0.0, 1.0, 0.0])
    chain = Chain({"theory": {"cosmicnet.Cosmicnet": {"mode": mode, "learned": "here"}}}, np.ones(3),
                  {"age": np.arange(3.0), "chi2__a": np.array([2.0, 3.0, 5.0]), "chi2__b": np.ones(3)})
    found = _known(chain, [0, 1, 2], used, ["age"], ["a", "b"])
    assert set(found) == rows
    assert all(known.loglikes == {"a": -0.5 * chain.columns["chi2__a"][row], "b": -0.5}
               and known.derived == {"age": row} for row, known in found.items())


# ---- the report

PROGRESS = """\
#     N            timestamp  acceptance_rate  Rminus1  Rminus1_cl
    560  2026-01-01T10:00:00         0.280000 0.100000         NaN
    840  2026-01-01T11:00:00         0.300000 0.050000         NaN
    980  2026-01-01T12:00:00         0.310000 0.009000         NaN
   1120  2026-01-02T12:00:00         0.310000 0.008000    0.150000
"""


MARKOV = {"sampler": {"mcmc": None}, "params": {"x": {"prior": None}}}


def test_facts_of_a_chain(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with pytest.raises(CosmicnetError, match=str(root)):
        chain_facts(root, MARKOV)
    for number in (1, 2):
        (tmp_path / f"run.{number}.txt").write_text("# weight minuslogpost x\n 1 2 3\n 2 2 4\n")
    (tmp_path / "run.notes.txt").write_text("no chain")
    assert chain_facts(root, MARKOV) == ChainFacts(2, 4, None, None, None, None)
    (tmp_path / "run.progress").write_text(PROGRESS)
    assert chain_facts(root, MARKOV) == ChainFacts(2, 4, 0.31, 0.008, 0.15, 2.0)  # a night without sampling


def test_facts_of_weighted_draws(tmp_path: Path) -> None:
    info = {"sampler": {"cosmicnet.ImportanceSampler": None}, "params": {"x": {"prior": None}, "A": {"value": 1.0}}}
    for number, mean in ((1, 0.0), (2, 1.0)):
        rows = "".join(f" {weight} 2 {mean + x}\n" for weight, x in ((1.0, -3.0), (0.0, 100.0), (1.0, 3.0)))
        (tmp_path / f"run.{number}.txt").write_text(f"# weight minuslogpost x\n{rows}")
    facts = chain_facts(tmp_path / "run", info)
    assert (facts.chains, facts.accepted, facts.acceptance, facts.hours) == (2, 6, None, None)
    assert facts.effective == pytest.approx(4.0)
    # means 0 and 1 have the variance 1/2, the draws 9
    assert facts.rminus1 == pytest.approx(0.5 / 9.0)
    page = report_text(chain={"name": "run", **vars(facts)})
    assert all(number in page for number in ("6 weighted draws", "worth 4 ", "R-1 = 0.0556"))
    (tmp_path / "run.2.txt").unlink()
    assert chain_facts(tmp_path / "run", info).rminus1 is None


CHAIN = {"name": "run", "chains": 2, "accepted": 4, "acceptance": 0.31, "rminus1": 0.008, "rminus1_bounds": 0.15,
         "hours": None}


def report_text(distinct: int = 98, chain: dict[str, Any] = CHAIN) -> str:
    return as_markdown({
        "chain": chain,
        "likelihoods": ["one", "two"], "networks": {"name": "lcdm", "sha256": "0123456789abcdef"},
        "versions": {"class": "3.4.1.0", "cobaya": "3.6"},
        "reweighted": {"points": 100, "distinct": distinct, "without_networks": 3, "not_computed": 1,
                       "effective": 98.5, "one_line_of_sight": False, "precision": "run"},
        "change_of_loglike": {"mean": -0.01, "median": 0.01, "95%": 0.03, "worst": 0.05},
        "parameters": [{"name": "H0", "mean": 67.3, "deviation": 0.5, "shift": 0.01, "shift_error": 0.002,
                        "width_ratio": 1.01, "width_ratio_error": 0.003}],
        "rates": [{"mode": mode, "processes": processes, "per_second": processes * rate}
                  for processes in (1, 2) for mode, rate in (("net", 3.0), ("full", 0.2))]
        + [{"mode": "net", "processes": 1, "per_second": 15.0, "changed": "fast"},
           {"mode": "full", "processes": 1, "per_second": 1.0, "changed": "fast"}],
    })


def test_report_has_the_figures() -> None:
    text = report_text()
    for figure in ("4 accepted", "0.31", "0.0080", "0.150", "100 samples, 98", "(1 could not", "worth 98.5", "In 3 ",
                   "worst 0.0500", "| H0 | 67.3 | 0.5 | +0.0100 ± 0.0020 | 1.0100 ± 0.0030 |",
                   "| networks | 3.00 | 6.00 | 15.00 |\n| full CLASS | 0.20 | 0.40 | 1.00 |"):
        assert figure in text, figure
    assert "(run.png)" in text and "(run.png)" not in report_text(distinct=20)


@pytest.mark.usefixtures("patched", "in_this_process")
def test_rates_of_all_and_of_fast_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluations, "POINTS_FOR_RATE", {"net": 2, "full": 2})
    info = run_info(logA={"prior": {"min": 2.9, "max": 3.2}, "drop": True},
                    A_s={"value": "lambda logA: 1e-10*np.exp(logA)"}, n_s={"prior": {"min": 0.9, "max": 1.0}})
    info["likelihood"]["flat"]["external"] = "lambda _self: 0.0"
    assert set(evaluations.fast_parameters(model_of(info))) == {"logA", "n_s"}
    points = [{**POINT, "logA": 3.0 + 0.01 * i, "n_s": 0.96} for i in range(2)]
    found = evaluations.measure_rates(info, points)
    assert [(rate.mode, rate.processes, rate.changed) for rate in found] == [
        ("net", 1, "all"), ("full", 1, "all"), ("net", 2, "all"), ("full", 2, "all"),
        ("net", 1, "fast"), ("full", 1, "fast")]
    assert all(rate.per_second > 0 for rate in found)
    # nothing is fast: there is no such rate
    del info["params"]["logA"], info["params"]["n_s"]
    info["params"] |= {"A_s": 2.1e-9, "n_s": 0.965}
    assert evaluations.fast_parameters(model_of(info)) == []


def test_tempered_chain_is_weighted_as_the_posterior_itself(tmp_path: Path) -> None:
    from cobaya.run import run


    run({"likelihood": {"gaussian": {"external": "lambda x: -0.5 * x**2", "input_params": ["x"]}},
         "params": {"x": {"prior": {"min": -15.0, "max": 15.0}, "ref": 0.0, "proposal": 3.0}},
         "sampler": {"mcmc": {"temperature": 4.0, "max_samples": 4000, "Rminus1_stop": 0.0, "seed": 1}},
         "output": str(tmp_path / "hot")})
    chain = load_chain(tmp_path / "hot", 0.1)
    x = chain.columns["x"]
    mean = np.average(x, weights=chain.weights)
    width = np.sqrt(np.average((x - mean) ** 2, weights=chain.weights))
    # of the tempered density it is 2
    assert width == pytest.approx(1.0, abs=0.2)
