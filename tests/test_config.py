"""Recipes: the shipped one is read; every kind of mistake is refused with file, entry and allowed values."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builds import ROOT
from providers import Recorder
from recipes import TINY, write_tiny

from cosmicnet.installed import shipped_sets
from cosmicnet.training.paper.recipe import load_paper_recipe
from cosmicnet.training.recipe.schema import PARAMETERS, Recipe, RecipeError, load_recipe
from cosmicnet.training.two_levels.recipe import load_two_level_recipe


def test_recipe_is_read(tmp_path: Path) -> None:
    recipe = load_recipe(write_tiny(tmp_path))
    assert recipe.domain["H0"] == (66.0, 69.0)
    assert recipe.sampling.ranges["omega_b"] == (0.0221, 0.0227)
    assert recipe.class_settings["N_ncdm"] == 1
    assert recipe.reduction.tolerance == {"early.monopole": 2e-3}
    assert recipe.training.hidden == [3]


def test_settings_that_the_integration_needs_are_added(tmp_path: Path) -> None:
    without = "".join(line for line in TINY.splitlines(keepends=True)
                      if not line.startswith(("l_max_scalars", "reio_", "perturbations_")))
    settings = load_recipe(write_tiny(tmp_path, without)).class_settings
    assert settings["l_max_scalars"] == 6500 and settings["perturbations_sampling_stepsize"] == 0.08
    assert settings["reio_parametrization"] == "reio_none"
    assert load_recipe(write_tiny(tmp_path)).class_settings["l_max_scalars"] == 300


def test_mark_of_the_byte_order_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "marked.toml"
    path.write_text(TINY, encoding="utf-8-sig")
    assert load_recipe(path).name == "tiny"


def test_every_recipe_that_is_shipped_is_valid() -> None:
    # those of the paper's networks are of another kind (test_paper_training.py)
    recipes = [path for path in (ROOT / "training" / "recipes").glob("*.toml")
               if not path.stem.startswith(("paper", "accuracy"))]
    names = {load_two_level_recipe(path).name for path in recipes}
    assert names == {path.stem for path in recipes}
    paper = load_paper_recipe(ROOT / "training" / "recipes" / "paper_small.toml").name
    assert {*names, paper} == set(shipped_sets())


def test_recipe_of_the_paper_is_sent_to_its_command() -> None:
    path = ROOT / "training" / "recipes" / "paper.toml"
    line = path.read_text(encoding="utf-8").splitlines().index('companion = "lcdm"') + 1
    with pytest.raises(RecipeError) as raised:
        load_recipe(path)
    assert str(raised.value) == (f"{path}:\n  line {line}: companion: is of the networks of CosmicNet I; make "
                                 "them with `cosmicnet paper make`")


def test_recipe_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        load_recipe(write_tiny(tmp_path)).name = "other"


# text of the tiny recipe, its replacement, and words of the message
MISTAKES: dict[str, tuple[str, str, str]] = {
    "misspelt key": ("epochs = 50", "epoch = 50", r"training\.epoch: .*\bepochs\b"),
    "the key that is then missing": ("epochs = 50", "epoch = 50", r"training\.epochs: "),
    "unknown key": ("epochs =", "colour = 1\nepochs =", r"training\.colour: .*\bdegree_early\b"),
    "misspelt table": ("[domain]", "[domian]", r"domian: .*\bdomain\b"),
    "unknown key of another table": (
        "[sampling]", "[sampling]\nmodel = 30", r"sampling\.model: .*\bmodels\b"),
    "misspelt field": (
        "early.monopole", "early.monopol",
        r"line \d+: reduction\.tolerance\.early\.monopol: .*early\.monopole\b"),
    "reionised models": (
        '"reio_none"', '"reio_camb"', r'line \d+: class_settings\.reio_parametrization: .*"reio_none"'),
    "redshifts": (
        "[class_settings]", "[class_settings]\nz_max_pk = 3",
        r"line 13: class_settings\.z_max_pk: "),
    "initial conditions": (
        "[class_settings]", '[class_settings]\nic = "ad,cdi"', r'line 13: class_settings\.ic: .*"ad"'),
    "domain upside down": (
        "omega_b = [0.0222, 0.0226]", "omega_b = [0.023, 0.021]",
        r"domain\.omega_b = \[0\.023, 0\.021\]: "),
    "acoustic scale that is not sampled": (
        "H0 = [66.0, 69.0]", 'H0 = [66.0, 69.0]\n"100*theta_s" = [1.03, 1.05]',
        r"line 8: domain\.100\*theta_s: .*sampling\.derived"),
    "domain of one point": ("H0 = [66.0, 69.0]", "H0 = [66, 66]", r"domain\.H0 = \[66, 66\]: "),
    "domain of one number": ("H0 = [66.0, 69.0]", "H0 = [66]", r"domain\.H0: "),
    "domain that is NaN": ("H0 = [66.0, 69.0]", "H0 = [66.0, nan]", r"domain\.H0\.1: "),
    "endless sampling": ("H0 = [65.0, 70.0]", "H0 = [65.0, inf]", r"sampling\.ranges\.H0\.1: "),
    "sampling upside down": (
        "H0 = [65.0, 70.0]", "H0 = [70, 65]", r"sampling\.ranges\.H0 = \[70, 65\]: "),
    "sampling that ends inside the domain": (
        "H0 = [65.0, 70.0]", "H0 = [65, 68]", r"ranges\.H0 = \[65, 68\] .*\[66, 69\]"),
    "sampling that begins inside the domain": ("H0 = [65.0, 70.0]", "H0 = [67, 70]", r"\[67, 70\] .*\[66, 69\]"),
    "Hubble constant of no universe": (
        "H0 = [65.0, 70.0]", "H0 = [65.0, 8000.0]",
        r"line 2\d: sampling\.ranges\.H0 = \[65, 8000\]: .*\[30, 150\]"),
    "baryons of no universe": (
        "omega_b = [0.0221, 0.0227]", "omega_b = [0.0, 0.0227]",
        r"line 2\d: sampling\.ranges\.omega_b = \[0, 0\.0227\]: .*\[0\.005, 0\.039\]"),
    "parameter that is not sampled": (
        "H0 = [65.0, 70.0]", "", r"line 7: domain\.H0: .*sampling\.ranges"),
    "misspelt parameter": (
        "H0 = [65.0, 70.0]", "H00 = [65.0, 70.0]",
        r"line 2\d: sampling\.ranges\.H00\b.*\bH0\b"),
    "other name of a parameter": ("H0 =", "h =", r"line 7: domain\.h: .*\bH0\b"),
    "primordial parameter": ("N_ur = [2.03", "n_s = [2.03", r"domain\.n_s: "),
    "dark energy of flat space": (
        "N_ur = [2.03", "Omega_Lambda = [0.6", r"domain\.Omega_Lambda: "),
    "whole number": ("N_ur = [2.03", "N_ncdm = [2.03", r"domain\.N_ncdm: "),
    "no output of matter": ("lCl,mPk", "lCl", r"line \d+: class_settings\.output: .*mPk"),
    "no massive neutrinos": ("N_ncdm = 1", "N_ncdm = 0", r"line \d+: class_settings\.N_ncdm: .*\b1\b"),
    "parameter both sampled and set": (
        "[class_settings]", "[class_settings]\nH0 = 70", r"line 13: class_settings\.H0: .*sampling\.ranges"),
    "amplitude of the primordial spectrum": (
        "[class_settings]", "[class_settings]\nsigma8 = 0.8",
        r"line 13: class_settings\.sigma8: "),
    "few models": ("models = 20", "models = 19", r"sampling\.models: .*\b20\b"),
    "text for a number": ("models = 20", 'models = "many"', r"sampling\.models: "),
    "tolerance that is none": (
        "monopole\" = 2e-3", "monopole\" = -2e-3", r"reduction\.tolerance\.early\.monopole: .*\b0\b"),
    "width of a layer": ("hidden = [3]", "hidden = [48, 0]", r"training\.hidden\.1: .*\b1\b"),
    "fraction": ("fraction = 0.2", "fraction = 0.7", r"training\.validation_fraction: .*0\.5"),
    "name that is no file name": ('name = "tiny"', 'name = "../x"', r"\bname: "),
    "name that leaves the choice": ('name = "tiny"', 'name = "auto"', r"line 1: name: auto"),
    "no TOML": ("[sampling]", "[sampling", r"line \d+"),
    "brackets that nobody closes": ("hidden = [3]", "hidden = " + 5000 * "[", r"is no valid TOML: brackets"),
    "number that is a text": ("models = 20", 'models = "20"', r"line 22: sampling\.models: "),
    "number that is none": ("models = 20", "models = true", r"sampling\.models: "),
    "more models than anybody integrates": ("models = 20", "models = 20000000", r"sampling\.models: .*\b1000000\b"),
    "range of three": ("H0 = [66.0, 69.0]", "H0 = [66, 67, 69]", r"line 7: domain\.H0: "),
    "range that is a number": ("H0 = [66.0, 69.0]", "H0 = 67", r"line 7: domain\.H0: "),
    "list for a table": ("[domain]", "[[domain]]", r"line 4: domain: "),
    "yes as TOML says it": (
        "N_ncdm = 1", "N_ncdm = true", r'line 13: class_settings\.N_ncdm: .*"yes"'),
    "list for CLASS": ("N_ncdm = 1", "N_ncdm = [1, 2]", r"line 13: class_settings\.N_ncdm: .*\"1, 2, 3\""),
    "seed of the unseen models": ("seed = 1", "seed = 201907", r"line \d+: sampling: seed = 201907: "),
    "seed that Keras does not take": ("seed = 2", "seed = -2", r"line \d+: training\.seed: "),
    "constraint that is none": (
        "[domain]", 'constraints = ["H0 < "]\n[domain]', r"line 4: constraints: .*'H0 < '"),
    "constraint that holds nowhere": (
        "[domain]", 'constraints = ["N_ur > 0", "omega_cdm - 2*omega_b < -100"]\n[domain]',
        r"line 4: constraints: omega_cdm - 2\*omega_b < -100: .*omega_cdm = 0\.118, omega_b = 0\.0226"),
    "constraint that holds outside the domain only": (
        "[domain]", 'constraints = ["H0 >= 69"]\n[domain]', r"H0 >= 69: .*H0 = 69$"),
    "reionisation before CLASS knows": (
        "tau_reio = [0.0, 0.2]", "tau_reio = [0.14, 0.2]",
        r"line 8: domain\.tau_reio = \[0\.14, 0\.2\]: .*\[0\.01, 0\.13\]"),
    "no reionisation": ("tau_reio = [0.0, 0.2]", "tau_reio = [0, 0.01]", r"line 8: domain\.tau_reio = \[0, 0\.01\]: "),
    "nothing": (TINY, "", r"\bname: "),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_by_file_entry_and_what_is_allowed(tmp_path: Path, mistake: str) -> None:
    old, new, message = MISTAKES[mistake]
    assert old in TINY
    path = write_tiny(tmp_path, TINY.replace(old, new))
    with pytest.raises(RecipeError, match=message) as raised:
        load_recipe(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(("name", "problem"), [
    ("absent.toml", "No such file or directory"), (".", "Is a directory"), ("binary.toml", "no valid TOML"),
])
def test_unreadable_file_is_named_with_the_reason(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=problem) as raised:
        load_recipe(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.usefixtures("patched")
def test_what_may_be_sampled_is_what_class_reports() -> None:
    """Else the coverage of the finished networks would look for a number that is not there."""
    from classy import Class

    recorder, model = Recorder(), Class()
    model.set({"output": "mPk", "P_k_max_1/Mpc": 0.05})
    model.set_source_provider(recorder)
    model.compute(["perturbations"])
    request = recorder.requests[0]
    assert set(PARAMETERS) <= {*request.cosmology, "T_ncdm"}


def test_recipe_goes_into_the_manifest_and_back(tmp_path: Path) -> None:
    recipe = load_recipe(write_tiny(tmp_path))
    stored: dict[str, Any] = recipe.model_dump(mode="json")
    assert Recipe(**stored) == recipe
