"""Evaluation: its cosmologies, its cache, and the honesty of its table. No CLASS is run here."""
from __future__ import annotations

import dataclasses
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cosmicnet.region import LinearConstraint
from cosmicnet.store import DEFAULT_SET, load_network_set
from cosmicnet.training.evaluate import evaluate as module
from cosmicnet.training.evaluate.accuracy_page import markdown, write_page
from cosmicnet.training.evaluate.boxes import (
    FAMILIES,
    FIXED_PARAMETERS,
    HYPERCUBE_SIZE,
    LCDM_DOMAIN,
    PLANCK_5_SIGMA,
    PLANCK_POSTERIOR,
    WHOLE_DOMAIN,
    Box,
    boxes_of_domain,
)
from cosmicnet.training.evaluate.results import BoxErrors, ModelErrors, SetErrors
from cosmicnet.training.evaluate.targets import RECIPES, AccuracyTarget, targets_of
from cosmicnet.training.recipe.schema import load_recipe
from cosmicnet.training.two_levels.recipe import load_two_level_recipe
from cosmicnet.training.work import cached_results
from cosmicnet.training.work import class_spectra as spectra_module
from cosmicnet.training.work.cached_results import cached
from cosmicnet.training.work.class_spectra import Spectra, cached_spectra
from cosmicnet.training.work.run_class import Parameters

GOOD = {"wishart_chi2": 0.01, "tt_high_l": 0.01, "te_high_l": 0.01, "ee_high_l": 0.01, "tt_low_l": 0.01,
        "te_low_l": 0.01, "ee_low_l": 0.01, "pp": 0.01, "pk": 0.01, "sigma8": 0.001}

Figures = dict[str, float]

PATCH = "3.4.1.0+cosmicnet.1"


def errors_of(errors: list[Figures], planck_net: list[Figures] | None = None,
              targets: dict[str, AccuracyTarget] | None = None) -> SetErrors:
    """A set with these errors and Planck chi2 in one box; full CLASS has a chi2 of 10 everywhere."""
    nets = planck_net or [{}] * len(errors)
    cosmologies = PLANCK_5_SIGMA.points(len(errors))
    models = tuple(ModelErrors(cosmology, figures, dict.fromkeys(net, 10.0), net)
                   for cosmology, figures, net in zip(cosmologies, errors, nets, strict=True))
    if targets is None:
        targets = targets_of(PLANCK_5_SIGMA.name, {})
    return SetErrors("lcdm, hash 012345678901", "3.4.1.0", (BoxErrors(PLANCK_5_SIGMA, models, targets),))


def tiny_spectra() -> Spectra:
    one = np.ones(3)
    return Spectra(ell=one, tt=one, te=one, ee=one, pp=one, pk=np.ones((3, 2)), sigma8=np.array(0.8))


@pytest.mark.parametrize("box", [PLANCK_5_SIGMA, LCDM_DOMAIN], ids=lambda box: box.name)
def test_latin_hypercube_has_one_point_in_every_layer(box: Box) -> None:
    number = HYPERCUBE_SIZE
    points = box.points(number)
    assert points[:20] == box.points(20)
    for name, (low, high) in box.bounds.items():
        layers = sorted(int(number * (point[name] - low) / (high - low)) for point in points)
        assert layers == list(range(number))


def test_the_box_around_planck_lies_in_the_domain() -> None:
    inner, domain = PLANCK_5_SIGMA, LCDM_DOMAIN
    assert inner.bounds["omega_b"] == pytest.approx((0.02172, 0.02312))
    assert inner.bounds["H0"] == pytest.approx((65.56, 69.76))
    for name, (low, high) in inner.bounds.items():
        assert domain.bounds[name][0] <= low < high <= domain.bounds[name][1]


def test_points_of_the_posterior_are_distributed_like_it() -> None:
    points = PLANCK_POSTERIOR.points(400)
    assert points[:20] == PLANCK_POSTERIOR.points(20)
    # parameters of CLASS, nothing else
    assert points[0].keys() == PLANCK_5_SIGMA.points(1)[0].keys()
    for name, mean, deviation in (("omega_b", 0.02236, 0.00015), ("H0", 67.27, 0.6), ("tau_reio", 0.0544, 0.0078),
                            ("n_s", 0.9649, 0.0044)):
        values = np.array([point[name] for point in points])
        # of 400 points: the error of a mean is a twentieth of the deviation, and less for points spread evenly
        assert values.mean() == pytest.approx(mean, abs=0.05 * deviation), name
        assert values.std() == pytest.approx(deviation, rel=0.15), name
    amplitudes = np.array([1e9 * point["A_s"] for point in points])
    assert amplitudes.mean() == pytest.approx(2.10, abs=0.01)
    # tau_reio and A_s go together, since the CMB knows A_s exp(-2 tau_reio)
    assert np.corrcoef(amplitudes, [point["tau_reio"] for point in points])[0, 1] > 0.8


def test_the_domain_for_timings_has_the_parameters_of_lcdm() -> None:
    """Its ranges are those of the shipped networks, which may have further parameters."""
    assert LCDM_DOMAIN.bounds.keys() == PLANCK_5_SIGMA.bounds.keys()
    domain = load_network_set(DEFAULT_SET).manifest.domain
    fixed = {**FIXED_PARAMETERS, "m_ncdm_largest": FIXED_PARAMETERS["m_ncdm"]}
    assert {"N_ncdm", "m_ncdm_largest"} <= domain.keys()
    for name in domain.keys() & fixed.keys():
        assert domain[name][0] <= fixed[name] <= domain[name][1]


def test_cache_computes_once_and_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[Parameters] = []

    def compute(parameters: Parameters) -> Spectra:
        computed.append(parameters)
        return tiny_spectra()

    monkeypatch.setattr(spectra_module, "compute_spectra", compute)
    monkeypatch.setattr(cached_results, "version", lambda name: PATCH)
    first = cached_spectra({"H0": 70.0}, tmp_path)
    assert cached_spectra({"H0": 70.0}, tmp_path).sigma8 == first.sigma8
    assert len(computed) == 1
    cached_spectra({"H0": 70.1}, tmp_path)
    # another patch has another line of sight
    monkeypatch.setattr(cached_results, "version", lambda name: "3.4.1.0+cosmicnet.2")
    cached_spectra({"H0": 70.0}, tmp_path)
    assert len(computed) == 3
    # a file cut short by a full disk or a copy
    path = next(tmp_path.glob("*.npz"))
    path.write_bytes(path.read_bytes()[:200])
    for h0, version in ((70.0, PATCH), (70.1, PATCH), (70.0, "3.4.1.0+cosmicnet.2")):
        monkeypatch.setattr(cached_results, "version", lambda name, version=version: version)
        np.testing.assert_array_equal(cached_spectra({"H0": h0}, tmp_path).pk, first.pk)
    assert len(computed) == 4


def test_an_interrupted_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*args: object, **kwargs: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError):
        cached(Spectra, {}, tmp_path, tiny_spectra)
    assert list(tmp_path.iterdir()) == []


def test_a_missed_target_is_shown_as_missed() -> None:
    text = markdown(errors_of([GOOD, {**GOOD, "tt_high_l": 0.2}]))
    lines = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    assert "**missed**" in lines["TT, l ≥ 30"]
    assert "met" in lines["EE, l ≥ 30"] and "missed" not in lines["EE, l ≥ 30"]
    assert "met" not in lines["TE/√(TT EE), l < 30"]
    assert "Planck likelihoods were not evaluated" in text


def test_the_median_has_a_target_of_its_own() -> None:
    text = markdown(errors_of([{**GOOD, "wishart_chi2": 0.1}] * 3))
    assert next(line for line in text.splitlines() if "Wishart χ² of" in line).endswith("**missed** |")


def test_planck_change_of_rejected_models(tmp_path: Path) -> None:
    rejected = {"a": math.inf, "b": 10.0}
    result = errors_of([GOOD] * 4, [{"a": 10.1, "b": 9.8}, rejected, rejected, {"a": 10.0, "b": 10.02}])
    models = list(result.boxes[0].models)
    models[2] = dataclasses.replace(models[2], planck_full=rejected)
    box = dataclasses.replace(result.boxes[0], models=tuple(models))
    changes = box.values()["planck_chi2_change"]
    assert changes[0] == pytest.approx(0.1)
    assert changes[1] == math.inf and math.isnan(changes[2])
    assert box.distributions()["planck_chi2_change"].worst == math.inf
    assert len(box.planck_chi2_full()) == 3
    write_page(dataclasses.replace(result, boxes=(box,)), tmp_path)
    content = json.loads((tmp_path / "accuracy.json").read_text(encoding="utf-8"))
    assert content["boxes"][0]["figures"]["planck_chi2_change"] == [0.1, None, None, 0.02]


def test_targets_are_those_of_the_box_the_shipped_set_or_the_recipe() -> None:
    assert targets_of("planck_5_sigma", {})["tt_low_l"] == AccuracyTarget(0.1)
    assert targets_of(WHOLE_DOMAIN, {"target": {"wishart_chi2": 2.0}}) == {"wishart_chi2": AccuracyTarget(2.0)}
    assert targets_of(WHOLE_DOMAIN, {"target": None}) == targets_of("another box", {}) == {}
    assert targets_of(WHOLE_DOMAIN, {"accuracy": {"pk": [0.1, 0.5]}}) == {"pk": AccuracyTarget(0.5, 0.1)}


def test_shipped_set_has_the_targets_of_the_recipe_that_made_it() -> None:
    stored = load_network_set(DEFAULT_SET).manifest.recipe
    recipe = load_two_level_recipe(RECIPES / f"{DEFAULT_SET}.toml")
    assert targets_of(WHOLE_DOMAIN, stored) == targets_of(WHOLE_DOMAIN, recipe.model_dump(mode="json"))
    assert recipe.accuracy and targets_of(WHOLE_DOMAIN, stored).keys() == recipe.accuracy.keys()


def test_page_has_only_what_was_measured() -> None:
    """No column of targets where there is none, and no word on Planck's likelihoods that were not evaluated."""
    text = markdown(errors_of([GOOD] * 3, targets={}))
    assert "target" not in text and "over 0 models" not in text and "A_planck" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5}


def test_corners_and_edges_of_a_domain() -> None:
    """At the ends of all ranges, or where the constraint is an equality, and nowhere outside."""
    recipe = load_recipe(Path(__file__).parent / "one_level.toml")
    manifest = dataclasses.replace(load_network_set(DEFAULT_SET).manifest, domain=recipe.domain,
                                   recipe=recipe.model_dump(mode="json"), constraints=["omega_b + 0.1*H0 < 7.0"])
    whole, corners, edge = boxes_of_domain(manifest)
    constraint = LinearConstraint.parse(manifest.constraints[0])
    found = corners.points(100)
    assert 10 <= len(found) <= 40 and len({tuple(point.items()) for point in found}) == len(found)
    for point in (*found, *edge.points(5), *whole.points(5)):
        assert constraint.holds(point)
        assert all(low <= point[name] <= high for name, (low, high) in whole.bounds.items())
    assert all(point[name] in ends for point in found for name, ends in corners.bounds.items())
    for point in edge.points(5):
        assert point["omega_b"] + 0.1 * point["H0"] == pytest.approx(7.0, rel=1e-12)


@pytest.mark.parametrize("box", FAMILIES, ids=lambda box: box.name)
def test_families_are_what_class_computes(box: Box) -> None:
    classy = pytest.importorskip("classy")
    assert box.points(3) == box.points(5)[:3]
    cosmology = classy.Class()
    cosmology.set({**box.points(1)[0], "output": ""})
    cosmology.compute(["thermodynamics"])
    if box.name == "normal_hierarchy":
        masses = [float(mass) for mass in box.points(1)[0]["m_ncdm"].split(",")]
        assert masses[2]**2 - masses[0]**2 == pytest.approx(2.513e-3, rel=1e-3)
        assert masses[1]**2 - masses[0]**2 == pytest.approx(7.49e-5, rel=1e-2)
        assert cosmology.Neff() == pytest.approx(3.044, abs=0.003)
    cosmology.struct_cleanup()


def test_every_box_and_covered_family_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins for CLASS and its workers: the networks are off by a thousandth, and cover two families."""
    ell = np.arange(2.0, 2509.0)
    full = Spectra(ell, 1.0 / ell, 0.1 / ell, 1.0 / ell, 1.0 / ell, np.ones((3, 300)), np.array(0.8))

    def scaled(spectra: Spectra, factor: float) -> Spectra:
        return dataclasses.replace(spectra, **{name: factor * getattr(spectra, name) for name in
                                               ("tt", "te", "ee", "pp", "pk", "sigma8")})

    class Pool(ThreadPoolExecutor):
        def __init__(self, processes: int, scheduler: str | None) -> None:
            super().__init__(1)

    def pair(cosmology: Parameters, *arguments: object) -> module.SpectraPair | str:
        net = scaled(full, 1.001)
        return "CLASS failed" if cosmology["H0"] > 79.9 else module.SpectraPair(cosmology, full, net)

    covered = ("planck_5_sigma", "planck_posterior")
    monkeypatch.setattr(module, "_refusal", lambda box, _: None if box.name in ("domain", *covered) else OSError())
    monkeypatch.setattr(module, "single_threaded_pool", Pool)
    monkeypatch.setattr(module, "_compute_pair", pair)
    monkeypatch.setattr(module, "_planck_or_none", lambda *_: None)
    monkeypatch.setattr(module, "ALLOWED_FAILURES", 1.0)
    errors = module.evaluate(module.EvaluationSettings("lcdm", tmp_path, tmp_path / "cache", 8, 1))
    assert [box.box.name for box in errors.boxes] == ["domain", "corners", *covered]
    corners = errors.boxes[1]
    assert corners.left_out == sum(point["H0"] > 79.9 for point in corners.box.points(8)) > 0
    page = (tmp_path / "accuracy.md").read_text(encoding="utf-8")
    assert "## corners of the domain" in page and "| TT, l ≥ 30 | 0.1% | 0.1% | 0.1% |" in page
    assert {"accuracy.json", "accuracy.png", "measured.json"} <= {path.name for path in tmp_path.iterdir()}
