"""`cosmicnet check` and `cosmicnet reweight`: their arithmetic on known cases, and both of them once for real."""
from __future__ import annotations

import io
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetError
from cosmicnet.training.commands.cli import main

pytest.importorskip("cobaya")
pytest.importorskip("getdist")


from cosmicnet.cobaya_components.compare import check as module
from cosmicnet.cobaya_components.compare import evaluations
from cosmicnet.cobaya_components.compare.chains import systematic_choice
from cosmicnet.cobaya_components.compare.check import compare_points, draw_points, print_check
from cosmicnet.cobaya_components.compare.evaluations import (
    Evaluated,
    PointSettings,
    RunInMode,
    evaluate_all,
    model_of,
)
from cosmicnet.cobaya_components.theory.modes import in_mode

RNG = np.random.default_rng(5)

LIKELIHOOD = ("lambda _self: -0.5*((_self.provider.get_Cl(ell_factor=True)['tt'][50] - 1400)/600)**2"
              " - 0.5*((_self.provider.get_Cl(ell_factor=True)['ee'][90] - 0.6)/0.5)**2")
RUN: dict[str, Any] = {
    "theory": {"cosmicnet.Cosmicnet": {"mode": "net", "extra_args": {
        "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "non_linear": "none"}}},
    "likelihood": {"low_l": {"external": LIKELIHOOD, "requires": {"Cl": {"tt": 100, "ee": 100}}}},
    "params": {
        "H0": {"prior": {"min": 58.0, "max": 80.0}, "ref": 67.4, "proposal": 2.0},
        "omega_cdm": {"prior": {"min": 0.095, "max": 0.145}, "ref": 0.12, "proposal": 0.005},
        "omega_b": 0.0224, "tau_reio": 0.0544, "A_s": 2.1e-9, "n_s": 0.965, "Omega_m": {"derived": True}},
    "prior": {"gauss": "lambda H0, omega_cdm: -0.5*((H0 - 67.4)/2)**2 - 0.5*((omega_cdm - 0.12)/0.005)**2"},
    "sampler": {"cosmicnet.ImportanceSampler": {"samples": 8, "seed": 1, "covmat": None}},
}
PARAMETER = {"prior": {"min": -5.0, "max": 5.0}, "ref": {"dist": "norm", "loc": 1.0, "scale": 0.1}, "proposal": 0.5}
WITHOUT_CLASS = {"likelihood": {"gauss": {"external": "lambda a, b: -0.5*(a**2 + b**2)"}},
                 "params": {"a": PARAMETER, "b": PARAMETER}}


def evaluation(failure: str | None = None, **loglikes: float) -> Any:
    return Evaluated(loglikes, {}, 1.0, failure)


# ---- comparison

POINTS = [{"x": float(i)} for i in range(24)]


def printed(comparison: Any, threshold: float) -> str:
    text = io.StringIO()
    print_check(comparison, threshold, "full CLASS", Console(file=text, width=200))
    return text.getvalue()


def test_comparison_by_likelihood_and_verdict() -> None:
    full = [evaluation(a=-10.0, b=-2.0) for _ in POINTS]
    net = [evaluation(a=-10.0 + 0.01 * i, b=-2.0 - 0.03 * i) for i in range(24)]
    found = compare_points(POINTS, net, full)
    np.testing.assert_allclose(found.changes["a"], 0.01 * np.arange(24))
    np.testing.assert_allclose(found.changes["total"], -0.02 * np.arange(24), atol=1e-12)
    assert found.points[found.worst] == {"x": 23.0}
    assert found.within(0.461) and not found.within(0.459)
    assert "PASSED" in printed(found, 0.461) and "FAILED" in printed(found, 0.459)
    assert "x = 23" in printed(found, 0.1) and "0.4600" in printed(found, 0.1)


def test_points_that_one_mode_cannot_do_are_counted() -> None:
    full = [evaluation(a=-1.0), evaluation("too extreme"), evaluation(a=-1.0), evaluation(a=-np.inf)]
    net = [evaluation("H0 is outside"), evaluation("too extreme"), evaluation(a=-1.0), evaluation(a=-np.inf)]
    found = compare_points(POINTS[:4], net, full)
    assert found.without_networks == ("H0 is outside",) and found.without_class == ("too extreme",)
    np.testing.assert_array_equal(found.changes["total"], [0.0, 0.0])
    with pytest.raises(CosmicnetError, match="H0"):
        compare_points(POINTS[:1], net[:1], full[:1])


@pytest.mark.parametrize(("compared", "drawn", "needed"), [(19, 19, 20), (11, 24, 20), (20, 24, None)])
def test_a_verdict_needs_twenty_points(compared: int, drawn: int, needed: int | None) -> None:
    full = [evaluation(a=-1.0)] * drawn
    net = [evaluation(a=-1.0)] * compared + [evaluation("H0 is outside")] * (drawn - compared)
    found = compare_points(POINTS[:drawn], net, full)
    assert found.within(0.1) and found.is_enough == (needed is None)
    said = printed(found, 0.1)
    assert ("PASSED" in said) == (needed is None)
    assert needed is None or (f"{compared} of {drawn}" in said and str(needed) in said)


def test_half_of_many_points_must_be_compared() -> None:
    points = POINTS * 4
    net = [evaluation(a=-1.0)] * 40 + [evaluation("H0 is outside")] * 56
    found = compare_points(points, net, [evaluation(a=-1.0)] * 96)
    assert found.needed == 48 and not found.is_enough


@pytest.mark.usefixtures("patched")
def test_full_class_is_not_asked_where_networks_have_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:


    asked: dict[str, int] = {}

    def evaluate_all(task: Any, points: Any, processes: int, what: str) -> list[Any]:
        asked[what] = len(points)
        return [evaluation("outside") if what == "networks" and i == 1 else evaluation(a=-1.0)
                for i in range(len(points))]

    monkeypatch.setattr("cosmicnet.cobaya_components.compare.evaluations.evaluate_all", evaluate_all)
    settings = PointSettings(4, None, 1, tmp_path, 0)
    found = module.check({**RUN, "packages_path": str(tmp_path)}, settings, "prior")
    assert asked == {"networks": 4, settings.truth: 3} and len(found.points) == 3 and found.drawn == 4


@pytest.mark.usefixtures("patched")
def test_points_are_different(tmp_path: Path) -> None:
    """The reference of this run is one point."""
    assert len(draw_points(model_of({**RUN, "packages_path": str(tmp_path)}), "reference", 50, 1)) == 1


def test_zero_likelihood_in_one_mode_alone_fails() -> None:
    for pair in ((-np.inf, -1.0), (-1.0, -np.inf), (np.nan, -1.0)):
        net, full = (evaluation(a=value) for value in pair)
        assert not compare_points(POINTS[:1], [net], [full]).within(1e6)


# ---- points

def test_rows_are_chosen_by_weight() -> None:
    weights = np.array([1.0, 5.0, 0.0, 2.0])
    rows = systematic_choice(weights, 800, RNG)
    np.testing.assert_array_equal(np.bincount(rows, minlength=4), [100, 500, 0, 200])
    assert rows == sorted(rows)


@pytest.mark.parametrize(("place", "center", "width"), [
    ("covmat", 1.0, 0.5), ("reference", 1.0, 0.1), ("prior", 0.0, 10.0 / np.sqrt(12.0))])
def test_points_come_from_where_they_should(place: str, center: float, width: float) -> None:
    drawn = draw_points(model_of(WITHOUT_CLASS), place, 4000, 1, covmat=(None, None))
    values = np.array([[point["a"], point["b"]] for point in drawn])
    assert values.shape == (4000, 2)
    np.testing.assert_allclose(values.mean(axis=0), center, atol=0.06 * width)
    np.testing.assert_allclose(values.std(axis=0), width, rtol=0.04)
    kurtosis = np.mean(((values - values.mean(axis=0)) / values.std(axis=0)) ** 4)
    assert kurtosis == pytest.approx(1.8 if place == "prior" else 3.0, abs=0.15)


def test_matrix_of_the_run_is_taken() -> None:
    model = model_of(WITHOUT_CLASS)
    drawn = draw_points(model, "covmat", 1000, 1, covmat=([[0.04]], ["b"]))
    assert np.std([point["b"] for point in drawn]) == pytest.approx(0.2, rel=0.05)
    assert np.std([point["a"] for point in drawn]) == pytest.approx(0.5, rel=0.05)
    with pytest.raises(CosmicnetError, match="covmat_params"):
        draw_points(model, "covmat", 10, 1, covmat=([[0.04]], None))


# ---- evaluations

@pytest.mark.usefixtures("in_this_process")
def test_evaluations_are_kept_and_damaged_files_made_again(tmp_path: Path) -> None:
    task = RunInMode(WITHOUT_CLASS, "a run", tmp_path)
    points = [{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 2.0}]
    first = evaluate_all(task, points[:1], 1, "test")
    assert first[0].loglikes == {"gauss": -0.5}
    kept = task.path(points[0])
    stamp = kept.stat().st_mtime_ns
    assert [e.loglike for e in evaluate_all(task, points, 1, "test")] == [-0.5, -2.0]
    assert kept.stat().st_mtime_ns == stamp
    kept.write_text("{")
    assert evaluate_all(task, points, 1, "test")[0].loglike == -0.5
    assert RunInMode(WITHOUT_CLASS, "another run", tmp_path).path(points[0]) != kept


def test_each_mode_with_its_own_modules() -> None:
    def options(same: bool) -> Any:
        return in_mode(RUN, "full", same_modules=same)["theory"]["cosmicnet.Cosmicnet"]["extra_args"]

    assert options(True) == {**options(False), **SAME_MODULES}


@pytest.mark.parametrize(("precision", "l_max_g"), [("networks", 40), ("run", None)])
def test_full_class_has_the_precision_that_is_asked_for(
        precision: Any, l_max_g: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(evaluations, "evaluate_all", lambda run, *_: seen.append(run.info) or [])
    settings = PointSettings(1, None, 1, tmp_path, 0, precision=precision)
    settings.full_class(RUN, [{"H0": 67.0}], "standard")
    [options] = [info["theory"]["cosmicnet.Cosmicnet"] for info in seen]
    assert options["mode"] == "full" and options["extra_args"].get("l_max_g") == l_max_g


# ---- for real

@pytest.mark.usefixtures("patched", "in_this_process")
def test_check_and_reweight_from_the_command_line(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from cobaya import run
    from cobaya.yaml import yaml_dump

    info, root = {**RUN, "output": str(tmp_path / "chains" / "low_l")}, tmp_path / "chains" / "low_l"
    file = tmp_path / "run.yaml"
    file.write_text(yaml_dump(info))
    # converged CLASS takes too long here
    common = ["--processes", "1", "--cache", str(tmp_path / "cache"), "--precision", "run"]
    monkeypatch.setattr(module, "FEWEST_POINTS", 1)
    assert main(["check", str(file), "--points", "1", *common]) == 0
    assert "PASSED" in capsys.readouterr().out
    assert main(["check", str(file), "--points", "1", "--threshold", "0", *common]) == 1
    # two evaluations, and none of them twice
    assert len(list((tmp_path / "cache").iterdir())) == 2
    monkeypatch.setattr(module, "FEWEST_POINTS", 20)
    assert main(["check", str(file), "--points", "1", *common]) == 1
    assert "20" in capsys.readouterr().err

    run(info)
    monkeypatch.setattr("cosmicnet.cobaya_components.compare.evaluations.POINTS_FOR_RATE", {"net": 2, "full": 1})
    report = tmp_path / "report"
    assert main(["reweight", str(root), "--points", "4", "--seed", "1", "--report", str(report), *common]) == 0
    # 8 draws
    assert "far from converged" in capsys.readouterr().out
    assert {path.name for path in report.iterdir()} == {"low_l.json", "low_l.md"}  # too few samples for a plot
    assert ".png" not in (report / "low_l.md").read_text()
    rates = {(rate["mode"], rate["processes"]): rate["per_second"]
             for rate in json.loads((report / "low_l.json").read_text())["rates"]}
    assert rates.keys() == {(mode, processes) for mode in ("net", "full") for processes in (1, 2)}
    assert all(rate > 0 for rate in rates.values())
    figures = json.loads((tmp_path / "chains" / "low_l.reweighted.json").read_text())
    assert 1.0 < figures["effective_samples"] <= 4.0 + 1e-9
    assert {shift["name"] for shift in figures["shifts"]} == {"H0", "omega_cdm", "Omega_m"}
    # the chain's own networks change nothing
    assert main(["reweight", str(root), "--points", "4", "--network", "lcdm", *common]) == 0
    again = json.loads((tmp_path / "chains" / "low_l.reweighted_lcdm.json").read_text())
    assert "networks lcdm" in again["after"] and again["log_weights"] == pytest.approx([0.0] * 4, abs=1e-3)
    assert main(["reweight", str(root), "--network", "lcdm", "--report", str(report), *common]) == 1
    assert main(["reweight", str(root), "--points", "1", *common]) == 1
    updated = root.with_name("low_l.updated.yaml")
    updated.write_text(updated.read_text().replace("mode: net", "mode: full"))
    assert main(["reweight", str(root), "--points", "4", *common]) == 1
    assert "without networks" in capsys.readouterr().err


@pytest.mark.usefixtures("patched", "in_this_process")
def test_points_outside_the_domain_are_no_comparison_of_class_with_itself(tmp_path: Path) -> None:
    info = deepcopy(RUN)
    info["params"]["H0"]["prior"]["max"] = 95.0
    [found] = evaluate_all(RunInMode.of(info, "net", tmp_path), [{"H0": 90.0, "omega_cdm": 0.12}], 1, "test")
    assert found.failure is not None and "is outside" in found.failure


@pytest.mark.parametrize(("run", "said"), [
    ("- a list", "must be a run of Cobaya"), ("theory: cosmicnet.Cosmicnet", "theory: must be a mapping"),
    ("sampler: {mcmc: 3}", "sampler: mcmc: must be a mapping of options"), ("a: [", "run.yaml: "),
    ("a: " + 5000 * "[", "run.yaml: brackets")])
def test_what_is_no_run(tmp_path: Path, run: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.yaml").write_text(run)
    assert main(["check", str(tmp_path / "run.yaml")]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("share", ["1", "-0.1", "half", "nan"])
def test_burn_in_is_a_share(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["reweight", "chain", f"--burn-in={share}"])
    assert "is not a share" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "said"), [
    ("--threshold=nan", "'nan' is not a change of ln L"), ("--threshold=-1", "'-1' is not a change of ln L"),
    ("--threshold=inf", "'inf' is not a change of ln L"), ("--seed=-1", "'-1' is not a whole number from 0 on")])
def test_options_that_make_no_sense_are_refused_first(
    option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["check", "run.yaml", option])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "said"), [
    (["check", "nowhere.yaml"], "nowhere.yaml: No such file"),
    (["reweight", "chains/nothing"], "cannot read a chain of Cobaya"),
    (["runs", "."], "exists"),
])
def test_what_is_not_there(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


def test_runs_are_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(tmp_path / "mine")]) == 0
    assert "embedded" in capsys.readouterr().out
    assert (tmp_path / "mine" / "planck_2018_lite_net.yaml").is_file()
