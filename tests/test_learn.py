"""Models of a chain become networks with a stated error; no model is lost or mistaken for one of another kind."""
from __future__ import annotations

import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builds import build_is_missing
from numpy.typing import NDArray
from rich.console import Console
from scipy.interpolate import CubicSpline

pytest.importorskip("h5py")
from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.coordinates import Scales
from cosmicnet.errors import CosmicnetError, CosmicnetWarning
from cosmicnet.region import Ellipsoid
from cosmicnet.rescattering import Photons, rescatter, uniform_times
from cosmicnet.running_class import RunningClass
from cosmicnet.store import ARRAYS, load_network_set
from cosmicnet.training.fields.relevance import fit_with_relevances
from cosmicnet.training.learn import audit, calibration, learner, student
from cosmicnet.training.learn.calibration import LATEST, LEAST_AUDITS, Audited, Calibration, calibrated, scale_of
from cosmicnet.training.learn.chain_model import (
    ChainModel,
    NotLearned,
    identity_of,
    read_chain_model,
    unreported,
    write_chain_model,
)
from cosmicnet.training.learn.fit_chain import degree_for, inputs_of_models
from cosmicnet.training.learn.folder import CALIBRATION, Learned, others
from cosmicnet.training.learn.install import _reach, install_learned
from cosmicnet.training.learn.learner import open_learner
from cosmicnet.training.learn.neutral import without_reionization
from cosmicnet.training.learn.summary import bounded_share, summary_table
from cosmicnet.training.work.files import DatasetError

Array = NDArray[np.float64]

RUNNING = RunningClass("v3.4.1", 64 * "a")
COSMOLOGY = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4, "z_rec": 1089.0, "tau_reio": 0.055}
SETUP = {"has_dcdm": 1.0, "gauge": 1.0, "T_cmb": 2.7255, "reionization_width": 0.5}
PRECISION = {"l_max_g": 12.0, "l_linstep": 40.0}
PARAMETERS = {"omega_b": 0.0224, "A_s": 2e-9, "Omega_Lambda": 0.7, "new_force": "0.3", "new_potential": "cosine",
              "output": "tCl"}


def request(**changes: Any) -> Any:
    entries = {"cosmology": COSMOLOGY, "setup": SETUP, "precision": PRECISION, "parameters": PARAMETERS,
               "tables": dict.fromkeys(("t0", "t1", "t2", "p"))}
    return SimpleNamespace(**{**entries, **changes})


def chain_model(**changes: Any) -> ChainModel:
    generator = np.random.default_rng(3)
    k, tau = np.geomspace(1e-4, 1.0, 7), np.geomspace(200.0, 14000.0, 9)
    tables = {name: generator.normal(size=(tau.size, k.size)) for name in ("t0", "t1", "t2", "theta_b", "phi_prime")}
    model = ChainModel(PARAMETERS, COSMOLOGY, SETUP, PRECISION, k, tau, 5,
                      {**tables, "visibility": generator.normal(size=tau.size)})
    return replace(model, **changes)


# Models that may be learned together

@pytest.mark.parametrize("changes", [
    {"setup": {**SETUP, "has_dcdm": 0.0}}, {"precision": {**PRECISION, "l_max_g": 13.0}},
    {"parameters": {**PARAMETERS, "new_potential": "sine"}}, {"parameters": {**PARAMETERS, "l_max_scalars": 3000}},
    {"cosmology": {**COSMOLOGY, "Gamma_dcdm": 3.0}},
    {"tables": dict.fromkeys(("t0", "t1", "t2", "p", "delta_m"))}])
def test_other_settings_are_learned_apart(changes: dict[str, Any]) -> None:
    assert identity_of(request(**changes), RUNNING).key != identity_of(request(), RUNNING).key


@pytest.mark.parametrize("changes", [
    {"setup": {**SETUP, "T_cmb": 2.72, "reionization_width": 0.7}}, {"precision": {**PRECISION, "l_linstep": 20.0}},
    {"cosmology": {**COSMOLOGY, "H0": 70.0, "z_rec": 1090.0}},
    {"parameters": {**PARAMETERS, "A_s": 3e-9, "new_force": 0.4, "Omega_Lambda": 0.6}}])
def test_numbers_and_what_acts_later_are_learned_together(changes: dict[str, Any]) -> None:
    assert identity_of(request(**changes), RUNNING) == identity_of(request(), RUNNING)


def test_another_class_is_learned_apart() -> None:
    changed = replace(RUNNING, source_digest=64 * "b")
    assert identity_of(request(), changed).key != identity_of(request(), RUNNING).key


def test_parameters_that_class_does_not_report_are_numbers_of_the_model() -> None:
    names = identity_of(request(), RUNNING).names
    assert {"new_force", "Omega_Lambda", "omega_b", "T_cmb"} <= set(names)
    assert {"A_s", "z_rec", "tau_reio", "new_potential"}.isdisjoint(names)


def test_the_temperature_of_dark_radiation_follows_from_other_numbers() -> None:
    """It grows as the fourth root of N_idr, which no polynomial follows."""
    radiation = {**COSMOLOGY, "N_idr": 0.3, "stat_f_idr": 0.875, "xi_idr": 0.5}
    names = identity_of(request(cosmology=radiation), RUNNING).names
    assert {"N_idr", "stat_f_idr"} <= set(names) and "xi_idr" not in names


@pytest.mark.parametrize("tables", [("delta_m",), ("t0", "t1", "t2", "eta")])
def test_sources_without_fields_are_not_learned(tables: tuple[str, ...]) -> None:
    with pytest.raises(NotLearned, match="output"):
        identity_of(request(tables=dict.fromkeys(tables)), RUNNING)


# Files

def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_chain_model(tmp_path / "model.h5", chain_model())
    found = read_chain_model(tmp_path / "model.h5")
    assert found.parameters == PARAMETERS and found.k_size_cmb == 5
    assert found.integrated.keys() == chain_model().integrated.keys()
    for name, array in chain_model().integrated.items():
        assert np.array_equal(found.integrated[name], array)


def test_a_damaged_model_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    write_chain_model(path, chain_model())
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError):
        read_chain_model(path)


def test_the_same_model_is_kept_once(tmp_path: Path) -> None:
    part = Learned.open(tmp_path, identity_of(request(), RUNNING))
    first = part.keep(chain_model())
    assert part.keep(chain_model()) == first
    assert part.keep(chain_model(cosmology={**COSMOLOGY, "tau_reio": 0.06})) != first
    assert len(part.models()) == 2


def test_parts_of_other_settings_are_named(tmp_path: Path) -> None:
    own, other = (identity_of(request(precision={**PRECISION, "l_max_g": value}), RUNNING) for value in (12.0, 17.0))
    Learned.open(tmp_path, other).keep(chain_model())
    sentence, = others(tmp_path, own)
    assert "1 models" in sentence and "l_max_g = 17.0, not 12.0" in sentence


@pytest.mark.parametrize(("other", "named"), [
    (replace(RUNNING, source_digest=64 * "b"), "other equations of CLASS"),
    (replace(RUNNING, version="v3.3.0"), "class_version = v3.3.0, not v3.4.1")])
def test_parts_of_another_class_are_named_when_a_run_begins(tmp_path: Path, other: RunningClass, named: str) -> None:
    Learned.open(tmp_path, identity_of(request(), other)).keep(chain_model())
    with pytest.warns(CosmicnetWarning, match=named):
        part = open_learner(tmp_path, "lcdm", running=RUNNING)._part(request())
    assert part.models() == []


def test_a_part_whose_identity_was_changed_is_refused(tmp_path: Path) -> None:
    identity = identity_of(request(), RUNNING)
    part = Learned.open(tmp_path, identity)
    text = (part.folder / "identity.json").read_text()
    (part.folder / "identity.json").write_text(text.replace("new_force", "old_force"))
    with pytest.raises(ValueError):
        Learned.open(tmp_path, identity)


def test_one_process_fits_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    part = Learned.open(tmp_path, identity_of(request(), RUNNING))
    with part.fitting() as first:
        assert first
        with part.fitting() as second:
            assert not second
    with part.fitting() as again:
        assert again


def test_processes_that_are_killed_lose_no_model_and_leave_none_damaged(tmp_path: Path) -> None:
    """Two at a time write into one folder, partly the same models."""
    script, generator = Path(__file__).with_name("learn_run.py"), np.random.default_rng(6)
    told = set[int]()
    for first in (0, 7):
        both = [subprocess.Popen([sys.executable, str(script), str(tmp_path), str(first + more)], text=True,
                                 stdout=subprocess.PIPE) for more in (0, 3)]
        for process in both:
            assert process.stdout is not None
            # it has begun to work
            told.add(int(process.stdout.readline()))
        time.sleep(generator.uniform(0.05, 0.3))
        for process in both:
            process.kill()
        for process in both:
            told |= {int(line) for line in process.communicate()[0].splitlines()}
    part = Learned.open(tmp_path, identity_of(request(), RUNNING))
    found = {round((read_chain_model(path).cosmology["H0"] - 60.0) / 1e-4) for path in part.models()}
    assert len(told) > 4 and told <= found
    with part.fitting() as is_ours:
        assert is_ours


# Reionisation

def test_reionisation_is_taken_away_as_it_was_added() -> None:
    """Neutral photons to photons with reionisation, by the runtime, and back."""
    scales = Scales(281.0, 14150.0, 144.5, 400.0, 45.0)
    k, tau = np.geomspace(3e-4, 8e-3, 12), np.unique(np.concatenate([
        np.geomspace(290.0, 3000.0, 60), np.geomspace(3000.0, 14150.0, 500)]))
    phase = np.outer(tau - scales.tau_rec, k)
    neutral = {"temperature": 0.3 * np.sin(phase) / phase, "polarization": 0.02 * np.cos(phase) / (1.0 + phase),
               "shear": 0.01 / (1.0 + phase), "doppler": 1e3 / (1.0 + phase), "isw": 1e-5 * np.exp(-phase)}
    rate = 5e-5 / (1.0 + np.exp((4600.0 - tau) / 120.0)) * (4600.0 / tau) ** 4 + 1e-9
    kappa = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(tau))])
    transparency = np.exp(kappa - kappa[-1])
    history = {"scattering_rate": rate, "exp_minus_kappa": transparency, "visibility": rate * transparency,
               "growth_velocity": np.full_like(tau, 1e-3)}
    begin = float(tau[np.argmax((tau > scales.tau_dark_end) & (rate * tau > 2e-3)) - 1])
    times = uniform_times(begin, scales.tau_0, 50.0)
    at = {name: CubicSpline(tau, table)(times) for name, table in {**neutral, **history}.items()}
    added = rescatter(k, times, at["exp_minus_kappa"], at["visibility"],
                      Photons(at["temperature"] + at["shear"], at["polarization"]),
                      at["growth_velocity"][:, None] * at["doppler"] * k, at["isw"])
    late, integrated = tau > begin, {name: table.copy() for name, table in neutral.items()}
    for name, change in (("temperature", added.temperature), ("polarization", added.polarization)):
        integrated[name][late] += CubicSpline(times, change)(tau[late])
    found = without_reionization(integrated, k, tau, history, scales)
    for name in ("temperature", "polarization"):
        changed = np.abs(integrated[name] - neutral[name]).max()
        assert changed > 0.02 * np.abs(neutral[name]).max()
        assert np.abs(found[name] - neutral[name]).max() < 0.02 * changed
    assert np.array_equal(found["shear"], neutral["shear"])


def test_a_universe_that_stays_neutral_is_left_alone() -> None:
    scales = Scales(281.0, 14150.0, 144.5, 400.0, 45.0)
    tau = np.geomspace(300.0, 14150.0, 50)
    pieces = {"temperature": np.ones((50, 3))}
    found = without_reionization(pieces, np.ones(3), tau, {"scattering_rate": 1e-7 / tau}, scales)
    assert found["temperature"] is pieces["temperature"]


# Which numbers vary

def test_numbers_that_vary_are_told_from_those_that_follow() -> None:
    generator = np.random.default_rng(5)
    models = []
    for _ in range(40):
        b, h = 0.0224 + 2e-4 * generator.normal(), 67.0 + generator.normal()
        numbers = {"omega_b": b, "H0": h, "YHe": 0.24 + 0.3 * b - 2.0 * b * b, "N_ur": 3.044,
                   "noise": generator.normal()}
        models.append(SimpleNamespace(cosmology=numbers, setup={"T_cmb": 2.7255}))
    found = inputs_of_models(models, ["omega_b", "H0", "N_ur", "T_cmb", "noise", "YHe"])  # type: ignore[arg-type]
    assert found.names == ("omega_b", "H0", "noise")
    assert found.constant == {"N_ur": 3.044, "T_cmb": 2.7255}
    assert found.dependent == ("YHe",)


def test_the_degree_suits_an_effect_that_moves_through_the_wavenumbers() -> None:
    """A step whose place is the first of four inputs; few models show no harm of the terms that do not matter."""
    inputs = np.random.default_rng(4).uniform(-1.0, 1.0, (60, 4))
    outputs = np.tanh(np.linspace(-3.0, 3.0, 5) - 1.5 * inputs[:, :1]) + 0.1 * inputs[:, 1:2]
    cubic, ours = (np.sqrt((fit_with_relevances(inputs, outputs, degree).residuals**2).mean())
                   for degree in (3, degree_for(4)))
    assert ours < 0.3 * cubic
    # as cheap with many inputs as the trained sets
    assert [degree_for(n) for n in (1, 5, 7, 20)] == [7, 5, 4, 3]


# The stated error

def calibration_of(inputs: Array) -> Calibration:
    """Of a function of the first input alone, whose error grows with the distance from the middle."""
    errors = 1e-6 * (0.1 + inputs[:, 0] ** 2)
    return calibrated(("a", "b"), inputs, errors, np.array([0.1, 1e-4]))


def test_the_stated_error_grows_away_from_the_models() -> None:
    inputs = np.random.default_rng(8).normal(size=(60, 2))
    stated = replace(calibration_of(inputs), scale=1.0)
    middle, edge, outside = (stated.chi2({"a": a, "b": 0.0}) for a in (0.0, 2.5, 8.0))
    assert 0.0 < middle < edge < outside
    # an input without effect
    assert stated.chi2({"a": 0.0, "b": 1.0}) == middle


def test_models_whose_error_is_unknown_do_no_harm() -> None:
    inputs = np.random.default_rng(8).normal(size=(60, 2))
    errors = 1e-6 * (0.1 + inputs[:, 0] ** 2)
    errors[::3] = np.nan
    found, whole = calibrated(("a", "b"), inputs, errors, np.array([0.1, 1e-4])), calibration_of(inputs)
    for a in (0.0, 2.5):
        assert found.expected({"a": a, "b": 0.0}) == pytest.approx(whole.expected({"a": a, "b": 0.0}), rel=0.7)


def test_networks_that_give_no_spectra_at_some_models_are_calibrated() -> None:
    inputs = np.random.default_rng(8).normal(size=(60, 2))
    errors = np.where(inputs[:, 0] > 1.5, np.inf, 1e-3)
    audits = [Audited(inputs[:40], np.array([a, 0.0]), np.inf if a > 2.0 else 1e-3) for a in np.linspace(-3.0, 3.0, 10)]
    found = calibrated(("a", "b"), inputs, errors, np.ones(2), audits)
    assert 0.0 < found.expected({"a": 0.0, "b": 0.0}) < np.inf and 0.0 < scale_of([*found.ratios]) < np.inf


def test_audits_of_former_networks_tell_how_fast_the_error_grows() -> None:
    """Known errors lie in the middle, audits far away; their networks had fewer models."""
    random = np.random.default_rng(8)
    inputs, far = random.normal(size=(60, 2)), 4.0 * random.normal(size=(30, 2))
    grown = []
    for power in (2.0, 6.0):
        audits = [Audited(inputs[:40], at, 1e-3 * (1.0 + (at @ at) ** (power / 2.0))) for at in far]
        found = calibrated(("a", "b"), inputs, np.full(60, 1e-3), np.ones(2), audits)
        grown.append(found.expected({"a": 6.0, "b": 0.0}) / found.expected({"a": 0.0, "b": 0.0}))
        # ratios of true to expected errors scatter less than the errors
        assert np.log(found.ratios).std() < 0.7 * np.log([audit.chi2 for audit in audits]).std()
    assert grown[0] > 2.0 and grown[1] > 30.0 * grown[0]


def test_the_models_of_a_set_are_known() -> None:
    inputs = np.random.default_rng(8).normal(size=(60, 2))
    calibration = calibrated(("a", "b"), inputs, np.ones(60), np.ones(2))
    assert all(calibration.has_learned({"a": a, "b": b}) for a, b in inputs)
    assert not calibration.has_learned({"a": inputs[0, 0], "b": inputs[1, 1]})


def test_without_audits_no_error_is_small_enough() -> None:
    assert scale_of([1e-9] * (LEAST_AUDITS - 1)) == np.inf
    assert scale_of([1e-9] * LEAST_AUDITS) < np.inf


@pytest.mark.parametrize("audits", [LEAST_AUDITS, 20, LATEST])
def test_the_scale_bounds_the_next_error(audits: int) -> None:
    """With a probability of 95%, also where audits are few."""
    random = np.random.default_rng(2)
    bounded = []
    for _ in range(200):
        *known, following = random.lognormal(size=audits + 1)
        scale = scale_of(known)
        assert np.mean(np.array(known) <= scale) >= 0.95
        bounded.append(following <= scale)
    assert 0.92 <= np.mean(bounded) <= 0.99


@pytest.mark.parametrize("scale", [2.5, np.inf])
def test_a_calibration_is_read_as_it_was_written(tmp_path: Path, scale: float) -> None:
    written = replace(calibration_of(np.random.default_rng(8).normal(size=(20, 2))), scale=scale)
    written.write(tmp_path / "file")
    values = {"a": 0.3, "b": 0.1}
    assert Calibration.read(tmp_path / "file").expected(values) == written.expected(values)
    assert Calibration.read(tmp_path / "file").scale == scale


def test_a_damaged_calibration_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    calibration_of(np.random.default_rng(8).normal(size=(20, 2))).write(path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError):
        Calibration.read(path)


def test_the_share_of_bounded_audits_has_an_uncertainty() -> None:
    audits = [{"chi2": 1.0, "stated": 2.0}] * 95 + [{"chi2": 3.0, "stated": 2.0}] * 5
    assert bounded_share(audits) == "95 of 100 (92 to 97%)"
    # before there was a scale, no error was stated
    assert bounded_share([{"chi2": 1.0, "stated": np.inf}]) == ""


# Options

@pytest.mark.parametrize(("options", "named"), [
    ({"neural_network_learn": " "}, "neural_network_learn"), ({"neural_network_learn": None}, "neural_network_learn"),
    ({"neural_network_learn": "~no.such.user/learned"}, "neural_network_learn = ~no.such.user/learned"),
    ({"neural_network_learn": "x", "neural_network_fallback": "error"}, "neural_network_fallback")])
def test_options_that_cannot_be_meant_are_errors(options: dict[str, Any], named: str) -> None:
    with pytest.raises(CosmicnetError, match=named):
        open_learner(**options, running=RUNNING)


# A walk through a model that no set covers

SETTINGS = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 300, "omega_b": 0.0224, "H0": 67.4,
            "A_s": 2.1e-9, "N_ur": 2.5, "neural_network": "yes", "neural_network_path": "lcdm"}
# models of the first networks, audits before they answer, and points of the walk: all but one of those after the first
# networks lie between the points before them
FIRST, AUDITS, WALK = 6, 3, 11


def points(number: int, seed: int = 7) -> Iterator[dict[str, float]]:
    """lcdm has N_eff of 3.02 to 3.07, these have less."""
    generator = np.random.default_rng(seed)
    for _ in range(number):
        x, y = generator.uniform(-1.0, 1.0, 2)
        yield {"omega_cdm": 0.12 + 0.002 * x, "tau_reio": 0.055 + 0.01 * y}


def computed(settings: dict[str, Any]) -> Any:
    from classy import Class

    model = Class()
    model.set(settings)
    model.compute(["lensing"])
    return model


@pytest.fixture(scope="module")
def recording(patched: None) -> None:
    """The patched classy is one that records."""
    from classy import _classy

    if not hasattr(_classy.SourceRequest, "record"):
        build_is_missing("the classy installed here is an older one: run `make classy`")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory, recording: None) -> Any:
    """The folder after a walk, and the info of each of its points."""
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(student, "FIRST", FIRST)
        patch.setattr(student, "GROWTH", 3.0)
        patch.setattr(calibration, "LEAST_AUDITS", AUDITS)
        patch.setattr(learner.Learner, "_start_student", lambda _self, learned: student.study(learned))
        infos = [computed({**SETTINGS, **point, "neural_network_learn": str(folder)}).neural_network_info()
                 for point in points(WALK)]
    return folder, infos


@pytest.mark.usefixtures("recording")
def test_the_first_points_are_those_of_full_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner.Learner, "_start_student", lambda _self, _learned: None)
    fast = {"fast_background": "yes", "fast_line_of_sight": "yes", "fast_non_linear": "yes"}
    point = next(points(1))
    plain = {name: value for name, value in SETTINGS.items() if not name.startswith("neural_network")}
    full, learning = computed({**plain, **point, **fast}), computed({**SETTINGS, **point,
                                                                     "neural_network_learn": str(tmp_path)})
    for name, spectrum in full.lensed_cl().items():
        assert np.array_equal(learning.lensed_cl()[name], spectrum), name
    info = learning.neural_network_info()
    assert info["used"] is False and "too few models" in info["reason"]
    assert len(list(tmp_path.glob("*/models/*.h5"))) == 1


@pytest.mark.usefixtures("recording")
def test_networks_answer_once_they_are_good_enough(walked: Any) -> None:
    folder, infos = walked
    used = [info["used"] for info in infos]
    assert not any(used[:FIRST + AUDITS])
    assert used[-1], infos[-1]
    assert all(info["error"] <= learner.TOLERANCE for info in infos if info["used"])
    assert len(list(folder.glob("*/models/*.h5"))) == used.count(False)


@pytest.mark.usefixtures("recording")
def test_learned_answers_are_within_their_stated_error(walked: Any) -> None:
    from cosmicnet.training.evaluate.accuracy import wishart_chi2

    folder, _ = walked
    plain = {name: value for name, value in SETTINGS.items() if not name.startswith("neural_network")}
    fast = {"fast_background": "yes", "fast_line_of_sight": "yes"}
    found = []
    for point in points(3, seed=77):
        learning = computed({**SETTINGS, **point, "neural_network_learn": str(folder)})
        info = learning.neural_network_info()
        if not info["used"]:
            continue
        full = computed({**plain, **point, **fast})
        theirs, ours = (SimpleNamespace(**{name: column[2:] for name, column in model.lensed_cl().items()})
                        for model in (full, learning))
        found.append((wishart_chi2(theirs, ours), info["error"]))
    assert found
    assert sum(chi2 <= stated for chi2, stated in found) >= len(found) - 1
    assert max(chi2 for chi2, _ in found) < 3.0 * learner.TOLERANCE


@pytest.mark.usefixtures("recording")
def test_the_expected_error_is_near_that_of_the_audits(walked: Any) -> None:
    (folder,) = (path.parent for path in walked[0].glob("*/models"))
    ratios = [audit["chi2"] / audit["expected"] for audit in Learned.of(folder).audits().values()]
    assert len(ratios) >= AUDITS and 0.05 < np.median(ratios) < 20.0


@pytest.mark.usefixtures("recording")
def test_models_of_the_networks_are_no_audits_of_them(walked: Any, tmp_path: Path) -> None:
    """Their tables are made again, after an update of the package say."""
    again = Path(shutil.copytree(walked[0], tmp_path / "again"))
    (folder,) = (path.parent for path in again.glob("*/models"))
    learned = Learned.of(folder)
    # models may still wait
    student.study(learned)
    # two models of the first networks
    tables = sorted((folder / "tables").rglob("*.h5"), key=lambda path: path.stat().st_mtime_ns)[:2]
    before = set(learned.audits())
    assert before.isdisjoint(path.stem for path in tables)
    for path in tables:
        path.unlink()
    student.study(learned)
    assert all(path.exists() for path in tables)
    assert set(learned.audits()) == before


@pytest.mark.usefixtures("recording")
def test_outside_of_what_was_learned_class_integrates(walked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner.Learner, "_start_student", lambda _self, _learned: None)
    folder, _ = walked
    point = {**next(points(1)), "neural_network_learn": str(folder)}
    for outside, told in (({"omega_cdm": 0.13}, "omega_cdm"), ({"N_ur": 3.1}, "N_ur")):
        info = computed({**SETTINGS, **point, **outside}).neural_network_info()
        assert info["used"] is False and told in info["reason"], outside


@pytest.mark.usefixtures("recording")
def test_a_full_disk_is_said_once_and_the_chain_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    monkeypatch.setattr(Learned, "keep", full)
    first, second = ({**SETTINGS, **point, "l_max_scalars": 50, "neural_network_learn": str(tmp_path)}
                     for point in points(2))
    with pytest.warns(CosmicnetWarning):
        computed(first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert computed(second).lensed_cl()["tt"][10] > 0.0


def test_a_chain_goes_on_where_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(learner.Learner, "_start_student", full)
    learning = open_learner(tmp_path, "lcdm", running=RUNNING)
    learning._learned, learning._kept = Learned.open(tmp_path, identity_of(request(), RUNNING)), chain_model()
    with pytest.warns(CosmicnetWarning, match="No space left"):
        learning.integrated({"t0": np.zeros((9, 7))})
    assert len(learning._learned.models()) == 1


@pytest.mark.usefixtures("recording")
def test_damaged_networks_are_set_aside_and_the_others_go_on(
        walked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "FIRST", 1000)
    again = Path(shutil.copytree(walked[0], tmp_path / "again"))
    learned = Learned.of(next(again.glob("*/models")).parent)
    networks = learned.newest_networks()
    assert networks is not None
    content = bytearray((networks / ARRAYS).read_bytes())
    content[-1] ^= 1
    (networks / ARRAYS).write_bytes(content)
    student.study(learned)
    assert learned.newest_networks() is None
    assert learned.damaged() == [f"networks/{networks.name}.damaged"]
    assert networks.name in rendered(again)


@pytest.mark.usefixtures("recording")
def test_audits_without_polarization_are_those_of_the_temperature(walked: Any) -> None:
    """An output without pCl has no spectrum of E."""
    (folder,) = (path.parent for path in walked[0].glob("*/models"))
    learned = Learned.of(folder)
    newest = learned.newest_networks()
    assert newest is not None
    model, networks = read_chain_model(learned.models()[0]), load_network_set(newest)
    without = replace(model, parameters={**model.parameters, "output": "tCl,lCl"})
    assert 0.0 < audit.error_at(without, networks) < audit.error_at(model, networks) * (1.0 + 1e-6)


# A set of what was learned

@pytest.mark.usefixtures("recording")
def test_a_set_of_what_was_learned_gives_the_learned_answers(walked: Any, tmp_path: Path) -> None:
    install_learned(walked[0], "mine", tmp_path / "mine")
    manifest = load_network_set(tmp_path / "mine").manifest
    newest = Learned.of(next(walked[0].glob("*/models")).parent).newest_networks()
    assert newest is not None
    whole = load_network_set(newest).manifest
    assert manifest.name == "mine" and manifest.recipe["audits"]["number"] >= AUDITS
    assert all(whole.domain[name][0] <= low < high <= whole.domain[name][1]
               for name, (low, high) in manifest.domain.items())
    middle = {"omega_cdm": float(np.mean(manifest.domain["omega_cdm"])), "tau_reio": 0.055}
    learned = computed({**SETTINGS, **middle, "neural_network_learn": str(walked[0])})
    plain = {**SETTINGS, "neural_network_path": str(tmp_path / "mine"), "neural_network_fallback": "error"}
    installed = computed({**plain, **middle})
    assert learned.neural_network_info()["error"] <= learner.TOLERANCE
    for name, spectrum in learned.lensed_cl().items():
        assert np.array_equal(installed.lensed_cl()[name], spectrum), name
    outside = {**middle, "omega_cdm": manifest.domain["omega_cdm"][1] * 1.001}
    from classy import CosmoComputationError, CosmoSevereError

    with pytest.raises(CosmoComputationError, match="omega_cdm"):
        computed({**plain, **outside})
    # at no other cosmology either
    with pytest.raises(CosmoSevereError, match="N_ur"):
        computed({**plain, **middle, "N_ur": 2.4})


def test_a_set_reaches_as_far_as_its_stated_error_is_small() -> None:
    points = np.random.default_rng(8).normal(size=(60, 2))
    whole = Ellipsoid(("a", "b"), points.mean(axis=0), np.cov(points.T), 3.0)
    calibration = calibration_of(points)
    middle, edge = calibration.expected({"a": 0.0, "b": 0.0}), calibration.expected({"a": 2.5, "b": 0.0})
    scales = [learner.TOLERANCE * factor for factor in (1e-4 / edge, 1.0 / edge, 2.0 / middle)]
    reached = [_reach(whole, replace(calibration, scale=scale)) for scale in scales]
    assert reached[0] == 3.0 and 0.5 < reached[1] < 3.0 and reached[2] == 0.0


def test_a_parameter_that_class_does_not_report_makes_no_set(tmp_path: Path) -> None:
    assert unreported(chain_model()) == ["Omega_Lambda", "new_force", "new_potential"]
    part = Learned.open(tmp_path, identity_of(request(), RUNNING))
    part.keep(chain_model())
    with pytest.raises(CosmicnetError, match="no networks yet"):
        install_learned(tmp_path, "mine", tmp_path / "mine")
    calibration_of(np.random.default_rng(8).normal(size=(20, 2))).write(part.networks_of(20) / CALIBRATION)
    with pytest.raises(CosmicnetError, match="new_force"):
        install_learned(tmp_path, "mine", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


# The summary

def rendered(folder: Path) -> str:
    console = Console(width=400, record=True, file=StringIO())
    console.print(summary_table(folder))
    return console.export_text()


@pytest.mark.parametrize(("chi2", "answers"), [(1e-3, True), (5.0, False)])
def test_the_summary_says_where_networks_do_not_answer(tmp_path: Path, chi2: float, answers: bool) -> None:
    """As with a feature that does not align: networks are far off at the models that they have not learned."""
    part = Learned.open(tmp_path, identity_of(request(), RUNNING))
    calibration = calibration_of(np.random.default_rng(8).normal(size=(60, 2)))
    middle = calibration.expected({"a": 0.0, "b": 0.0})
    for number in range(LEAST_AUDITS):
        part.add_audit(str(number), {"chi2": chi2 * (1.0 + 0.1 * number), "expected": middle, "stated": chi2,
                                     "networks": 60})
    scale = scale_of([audit["chi2"] / audit["expected"] for audit in part.audits().values()])
    replace(calibration, scale=scale).write(part.networks_of(60) / CALIBRATION)
    assert ("CLASS integrates" not in rendered(tmp_path)) == answers


# The process in the background

def test_the_background_process_runs_and_ends(tmp_path: Path) -> None:
    """One model is damaged, the other has no tables that could be put on nodes."""
    part = Learned.open(tmp_path, identity_of(request(), RUNNING))
    damaged = part.keep(chain_model())
    damaged.write_bytes(damaged.read_bytes()[:-10])
    part.keep(chain_model(cosmology={**COSMOLOGY, "H0": 70.0}))
    learning = open_learner(tmp_path, "lcdm", running=RUNNING)
    learning._start_student(part)
    process = learning._process.student
    assert process is not None and process.wait(300) == 0, (part.folder / "student.log").read_text()
    assert len(list(part.folder.glob("tables/*/*/*.failed"))) == 1
    assert part.newest_networks() is None
    assert part.damaged() == [f"models/{damaged.name}.damaged"] and damaged.name in rendered(tmp_path)
    # its point may come again
    assert part.keep(chain_model()) == damaged and len(part.models()) == 2


def test_networks_do_not_wait_for_all_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain may keep models faster than they are put on nodes; those that wait are audits of the first networks."""
    part, prepared = Learned.open(tmp_path, identity_of(request(), RUNNING)), list[str]()
    for number in range(4):
        part.keep(chain_model(cosmology={**COSMOLOGY, "H0": 60.0 + number}))
    at_fits = []
    monkeypatch.setattr(student, "_is_prepared", lambda _learned, path: path.name in prepared)
    monkeypatch.setattr(student, "_prepare", lambda _learned, path: prepared.append(path.name))
    monkeypatch.setattr(student, "fit_if_enough", lambda _learned: at_fits.append(len(prepared)))
    student.study(part)
    assert at_fits[:4] == [1, 2, 3, 4]


# Cobaya

@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize(("options", "said"), [
    ({}, "learned: FOLDER"), ({"learned": "here", "fallback": "error"}, "fallback: error")])
def test_mode_learn_needs_a_folder_and_full_class(options: dict[str, str], said: str) -> None:
    pytest.importorskip("cobaya")
    from cobaya.log import LoggedError
    from cobaya.model import get_model
    from cobaya_infos import run_info

    with pytest.raises(LoggedError, match=said):
        get_model(run_info({"mode": "learn", **options}))


@pytest.mark.usefixtures("recording")
def test_mode_learn_keeps_what_it_integrates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cobaya")
    from cobaya.model import get_model
    from cobaya_infos import POINT, derived, run_info, spectrum

    monkeypatch.setattr(learner.Learner, "_start_student", lambda _self, _learned: None)
    massless = {"extra_args": {"N_ncdm": 0, "N_ur": 2.5, **SAME_MODULES}}
    error = {"neural_network_error": {"derived": True}}
    learning, full = (get_model(run_info({**massless, **options}, **error)) for options in (
        {"mode": "learn", "learned": str(tmp_path)}, {"mode": "full"}))
    assert np.array_equal(spectrum(learning), spectrum(full))
    assert len(list(tmp_path.glob("*/models/*.h5"))) == 1
    found = derived(learning, POINT)
    assert (found["neural_network_used"], found["neural_network_error"]) == (0.0, 0.0)
