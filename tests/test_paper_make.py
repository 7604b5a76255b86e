"""The paper's recipe with CLASS: models, one epoch, a set that classy takes; coverage, and the C_l error of eq. 3.2."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from paper_models import RECIPE, plan_of
from serial_pool import serial_pool

from cosmicnet.errors import CosmicnetError
from cosmicnet.paper.inputs import TIMES
from cosmicnet.request import at_request
from cosmicnet.training.commands.plans import generate
from cosmicnet.training.fields import guard
from cosmicnet.training.models import integrate
from cosmicnet.training.models.dataset import model_path
from cosmicnet.training.paper.dataset import PaperModel, read_paper_model
from cosmicnet.training.paper.plan import PaperPlan
from cosmicnet.training.paper.recipe import SETS, PaperRecipe, load_paper_recipe
from cosmicnet.training.paper.recipe_errors import require_possible_paper
from cosmicnet.training.paper.search import cl_error, predicted_source, spectra_of_sources
from cosmicnet.training.paper.source_tables import network_sources
from cosmicnet.training.recipe.schema import RecipeError
from cosmicnet.training.work.files import DatasetError
from cosmicnet.training.work.run_class import Recorder, networks_on, new_class

pytestmark = pytest.mark.usefixtures("patched")

L_MAX = 300


def recipe() -> PaperRecipe:
    """Unlensed spectra to l = 300, massless neutrinos, short hierarchies: a model takes half a second."""
    given = load_paper_recipe(RECIPE).model_dump()
    given["class_settings"] = {"l_max_scalars": L_MAX, "output": "tCl,pCl", "N_ur": 3.044, "l_max_g": 6,
                               "l_max_pol_g": 6, "l_max_ur": 6, "k_step_sub": 0.2,
                               "perturbations_sampling_stepsize": 0.3}
    for name, number in zip(SETS, (3, 1, 1, 1), strict=True):
        given["sets"][name] |= {"models": number, "hypercube": number}
    given["sets"]["test"]["hypercube"] = 100
    given["report"] = {"source_models": 1, "timing_models": 1}
    # Keras takes ten seconds to compile the other
    given["training"] |= {"optimizer": "adam", "weighted_in_time": False}
    for network in given["networks"].values():
        network["epochs"] = 1
        network["hyperparameters"] |= {"oscillations": [(3, 4, 4, 2), (2, 2, 2, 2)], "damping": [(2, 6, 4, 2)]}
    return PaperRecipe(**given)


def plan_in(work: Path) -> PaperPlan:
    return plan_of(recipe(), work)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, patched: None) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integrate, "single_threaded_pool", serial_pool)
        # l = 300 is too little for the report
        patch.setattr(PaperPlan, "check", lambda plan: None)
        generate(plan_in(folder), assume_yes=True)
        # three models do not tell how the derived quantities vary
        patch.setattr(guard, "FLOOR", 0.1)
        plan_in(folder).fit(plan_in(folder).available(), folder / "nets")
    return folder


def test_models_are_those_of_full_class(work: Path) -> None:
    model, point = read_paper_model(model_path(work / "models" / "test", 0)), recipe().points("test")[0]
    assert model.cosmology["omega_b"] == pytest.approx(point["omega_b"])
    cosmology = new_class({**recipe().class_settings, **point})
    cosmology.compute(["perturbations"])
    tables, k, tau = cosmology.get_sources()
    assert np.array_equal(tau, model.tau)
    grid = plan_in(work).k
    middle = len(grid) // 2
    for name in TIMES:
        there = np.array([np.interp(grid[middle], k, column) for column in tables[name].T])
        assert model.sources[name][:, middle] == pytest.approx(there, abs=2e-2 * float(np.abs(there).max()))


def test_what_is_there_is_not_integrated_again(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrate, "single_threaded_pool", serial_pool)
    path = model_path(work / "models" / "training", 1)
    others = {p: p.stat().st_mtime_ns for p in (work / "models").glob("*/*.h5") if p != path}
    content = path.read_bytes()
    path.unlink()
    integrate.integrate(plan_in(work))
    assert path.read_bytes() == content
    assert {p: p.stat().st_mtime_ns for p in others} == others


def test_models_of_another_recipe_are_refused(work: Path) -> None:
    other = recipe().model_copy(update={"sigmas": 4.0})
    with pytest.raises(DatasetError, match=r"\(bounds\."):
        integrate.integrate(plan_of(other, work))


def test_settings_that_class_refuses_are_shown(tmp_path: Path) -> None:
    wrong = recipe().model_copy(update={"class_settings": {**recipe().class_settings, "N_ncdn": 1}})
    with pytest.raises(Exception, match="N_ncdn") as error:
        integrate.integrate(plan_of(wrong, tmp_path))
    assert type(error.value).__name__ in ("CosmoSevereError", "RecipeError")


def test_classy_takes_the_set(work: Path) -> None:
    networks = {**networks_on(str(work / "nets")), **recipe().class_settings}
    point = recipe().centre
    cosmology = new_class({**networks, **point})
    cosmology.compute()
    info = cosmology.neural_network_info()
    assert (info["used"], info["name"]) == (True, "paper")
    assert {"inputs", "networks", "interpolation", "lensing and matter"} <= info["seconds"].keys()
    assert np.all(np.isfinite(cosmology.raw_cl(L_MAX)["tt"]))
    # the fixed wavenumbers are those of the centre, so that there nothing is interpolated
    k, known = plan_in(work).k, Recorder()
    at_request({**recipe().class_settings, **point, "fast_background": "yes"}, known.provide)
    model = PaperModel(known.cosmology, known.setup, known.precision, known.tau, known.history, {})
    tables = network_sources(networks, point, k)
    for source in TIMES:
        expected = predicted_source(plan_in(work).train(source).network, model, k)
        assert tables[source] == pytest.approx(expected, abs=2e-5 * float(np.abs(expected).max()))


def test_networks_that_diverged_are_not_written(work: Path) -> None:
    diverges = recipe().training.model_copy(update={"learning_rate": 1e30})
    plan = plan_of(recipe().model_copy(update={"training": diverges}), work)
    with pytest.raises(CosmicnetError, match=r"S_T0: .*training.learning_rate.*1e\+30"):
        plan.fit(plan.available(), work / "diverged")
    assert not (work / "diverged").exists()


@pytest.mark.parametrize("change, reason", [
    ({"tau_reio": 0.2}, "tau_reio = 0.2 is outside [0.0206, 0.0916]"),
    ({"N_ur": 2.1}, "N_ur = 2.1"),
    ({"reio_parametrization": "reio_none", "tau_reio": None}, "reio_parametrization = 0"),
    ({"l_max_scalars": 2000}, "/Mpc"),
    ({"output": "tCl,pCl,mTk"}, "source functions"),
    ({"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "P_k_max_1/Mpc": 150}, "'lcdm': k up to"),
])
def test_what_is_not_covered_is_said(work: Path, change: dict[str, object], reason: str) -> None:
    from classy import CosmoComputationError, CosmoSevereError

    wanted = {**networks_on(str(work / "nets")), **recipe().class_settings, **recipe().centre, **change}
    cosmology = new_class({name: value for name, value in wanted.items() if value is not None})
    with pytest.raises((CosmoComputationError, CosmoSevereError)) as error:
        cosmology.compute()
    assert reason in str(error.value)


def test_cl_error_of_full_class_is_none(work: Path) -> None:
    """The sources of full CLASS, through the tables of the training set, give its spectra; others do not."""
    model, k = read_paper_model(model_path(work / "models" / "hyperparameters", 0)), plan_in(work).k
    settings, point = recipe().class_settings, recipe().points("hyperparameters")[0]
    stored = spectra_of_sources(settings, point, model, k, {})
    cosmology = new_class({**settings, **point, "fast_line_of_sight": "yes"})
    cosmology.compute()
    full = {name: values[2:] for name, values in cosmology.raw_cl(L_MAX).items()}
    for spectrum in ("tt", "ee"):
        assert cl_error(full, stored, spectrum) < L_MAX * 1e-3**2
    louder = spectra_of_sources(settings, point, model, k, {"t2": 1.01 * model.sources["t2"]})
    # EE goes as the square of S_T2
    assert cl_error(stored, louder, "ee") == pytest.approx((L_MAX - 1) * 0.0201**2, rel=1e-2)


def changed(folder: Path, old: str, new: str) -> Path:
    """The shipped recipe with `new` in the place of `old`."""
    text, file = RECIPE.read_text(encoding="utf-8"), folder / "mine.toml"
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


def refuse_changed(folder: Path, old: str, new: str, at: str, message: str) -> None:
    """It is refused, with the line at which `at` stands in the shipped one."""
    text, file = RECIPE.read_text(encoding="utf-8"), changed(folder, old, new)
    line = text[:text.index(at)].count("\n") + 1
    with pytest.raises(CosmicnetError, match=f"mine.toml:\n  line {line}: {message}"):
        require_possible_paper(load_paper_recipe(file), file)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("training = {models = 240", "training = {models = 9", r"sets.training.models = 9: .*\b10\b"),
    ('companion = "lcdm"', 'companion = "lcdmm"', r"companion = lcdmm: "),
    ("[15, 6, 6, 2]", "[15, 600, 600, 2]", r"networks.t0.hyperparameters: .*\d+ wavenumbers"),
    ("l_max_scalars =", "l_max_scalers = 2\nl_max_scalars =",
     r"class_settings.l_max_scalers: .*l_max_scalars"),
    ("sigma = 0.00014", "sigma = 0.14", r".*box.omega_b = -0.67"),
    ('"tCl,pCl,lCl"', '"tCl,pCll"', r".*middle"),
    ("pool = [2, 3]", "pool = [2, 30]", r"search: .*\d+ wavenumbers"),
    ("l_max_scalars = 2508", "l_max_scalars = 1000", r"class_settings.l_max_scalars = 1000: .*2508"),
    ("sigma = 0.00014", "sigma = 0.0008", r"companion = lcdm: .*box.omega_b = 0.01842"),
])
def test_what_class_or_keras_would_refuse_later_is_told_first(
    tmp_path: Path, old: str, new: str, message: str,
) -> None:
    # layers are named by their table
    table = next((t for t in ("[networks.t0.hyperparameters]", "[search]") if message.startswith(t[1:-1])), old)
    refuse_changed(tmp_path, old, new, table, message)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("m_ncdm = 0.06\n", "m_ncdm = 0.4\n", r"m_ncdm_largest = 0\.4 is outside \[0, 0\.12\]"),
    ("N_ncdm = 1\nm_ncdm = 0.06\n", "", r"N_eff = 2\.03\d* is outside \[3\.02, 3\.07\]"),
    ("m_ncdm = 0.06\n", "m_ncdm = 0.06\nOmega_Lambda = 0\nw0_fld = -0.9\n", "has_fld = 1, but"),
    ('"tCl,pCl,lCl"', '"tCl,pCl,lCl,mPk"\n"P_k_max_1/Mpc" = 150', r"\b130\b"),
    ("m_ncdm = 0.06\n", "m_ncdm = 0.06\nYHe = 0.26\n", r"YHe = 0\.26 is outside \[0\.24, 0\.252\]"),
])
def test_settings_that_the_companion_was_not_trained_with_are_told_first(
    tmp_path: Path, old: str, new: str, message: str,
) -> None:
    refuse_changed(tmp_path, old, new, "companion =", f"companion = lcdm: .*{message}")


def test_parameters_and_settings_that_requests_do_not_tell_are_told_first(tmp_path: Path) -> None:
    """Dark matter that scatters is taken out of omega_cdm, and precision parameters follow it."""
    refuse_changed(tmp_path, '"tCl,pCl,lCl"\nlensing = "yes"',
                   '"tCl,pCl"\nf_idm = 0.1\nm_idm = 1e9\ncross_idm_b = 1e-26', "omega_cdm =",
                   r"box\.omega_cdm: CLASS makes 0\.1073.* of 0\.1193.*\n"
                   r".*box: CLASS reports thermo_z_initial = \S+ for one model and")


def test_shipped_recipes_are_possible() -> None:
    for file in (RECIPE, RECIPE.with_name("paper.toml")):
        require_possible_paper(load_paper_recipe(file), file)


def test_layers_are_tried_on_the_wavenumbers_of_the_recipe(tmp_path: Path) -> None:
    file = changed(tmp_path, "l_max_scalars =", "k_step_sub = 0.5\nk_step_super = 0.02\nl_max_scalars =")
    with pytest.raises(RecipeError, match=r"search: .* \d\d wavenumbers"):
        require_possible_paper(load_paper_recipe(file), file)
