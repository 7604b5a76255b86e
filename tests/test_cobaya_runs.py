"""The ready runs: every file can be read, and those whose data are here give the reference chi2 with networks."""
from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planck_reference import REFERENCE_CHI2
from providers import HALF_OF_WAVENUMBERS
from test_tensors import LONG_HIERARCHIES

from cosmicnet.class_parameters import SAME_MODULES

yaml_load_file = pytest.importorskip("cobaya.yaml").yaml_load_file
get_model = pytest.importorskip("cobaya.model").get_model
update_info = pytest.importorskip("cobaya.input").update_info
pytestmark = pytest.mark.usefixtures("patched")

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "cobaya_components" / "runs"
FILES = sorted(path.stem for path in RUNS.glob("*.yaml") if not path.stem.endswith("_params"))

# that of REFERENCE_CHI2
BEST_FIT = {"omega_b": 0.022383, "omega_cdm": 0.12011, "H0": 67.32, "tau_reio": 0.0543, "logA": 3.0448, "n_s": 0.96605,
            "A_planck": 1.00044}


# Classes of likelihoods that are installed from elsewhere, by the beginning of the runs' names; the largest l of each.
ELSEWHERE = {"act_dr6_lite": ("act_dr6_cmbonly.ACTDR6CMBonly", 9001),
             "act_dr6_mflike": ("act_dr6_mflike.ACTDR6MFLike", 9001),
             "spt3g_d1_lite": ("candl.interface.CandlCobayaLikelihood", 4000)}
OF_ELSEWHERE = tuple(ELSEWHERE)


@pytest.fixture(autouse=True)
def likelihoods_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins that ask for the same multipoles."""
    likelihood = pytest.importorskip("cobaya.likelihood").Likelihood
    for name, l_max in ELSEWHERE.values():
        module_name, _, class_name = name.rpartition(".")

        def requirements(self: Any, l_max: int = l_max) -> dict[str, Any]:
            return {"Cl": dict.fromkeys(("tt", "te", "ee"), l_max)}

        def logp(self: Any, l_max: int = l_max, **_values: float) -> float:
            return -float(self.provider.get_Cl(ell_factor=True)["tt"][l_max])

        module = types.ModuleType(module_name)
        # options of the real ones that the runs set
        options = dict.fromkeys(("input_file", "lmax_theory", "ell_cuts", "data_set_file", "clear_internal_priors",
                                 "feedback"))
        setattr(module, class_name, type(class_name, (likelihood,), {
            **options, "get_requirements": requirements, "logp": logp, "__module__": module_name}))
        monkeypatch.setitem(sys.modules, module_name, module)
        if "." in module_name:
            package = module_name.partition(".")[0]
            monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    foregrounds = types.ModuleType("mflike")
    theory = pytest.importorskip("cobaya.theory").Theory
    foregrounds.BandpowerForeground = type("BandpowerForeground", (theory,), {  # type: ignore[attr-defined]
        **dict.fromkeys(("experiments", "bandint_freqs", "beam_profile")), "__module__": "mflike",
        "params": dict.fromkeys(yaml_load_file(str(RUNS / "act_dr6_foreground_params.yaml")))})
    monkeypatch.setitem(sys.modules, "mflike", foregrounds)


def load(name: str) -> dict[str, Any]:
    return dict(yaml_load_file(str(RUNS / f"{name}.yaml")))


def test_there_are_runs() -> None:
    assert len(FILES) == 24


@pytest.mark.parametrize("name", FILES)
def test_every_run_is_understood(name: str) -> None:
    info = load(name)
    updated = update_info(info)
    theory = updated["theory"]["cosmicnet.Cosmicnet"]
    ending = name.rpartition("_")[2]
    assert theory["mode"] == (ending if ending in ("full", "learn") else "net")
    assert info["output"] == f"chains/{name}"
    assert "neural_network_used" in updated["params"]
    assert f"cobaya-run {name}.yaml" in (RUNS / f"{name}.yaml").read_text()


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("_net")])
def test_both_modes_are_the_same_run(name: str) -> None:
    net, full = load(name), load(name.removesuffix("net") + "full")
    net["theory"]["cosmicnet.Cosmicnet"]["mode"] = "full"
    net["output"] = full["output"]
    assert net == full


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("planck") and name.endswith("_net")
                                  and "plik" not in name])
def test_chi2_of_the_best_fit_with_networks(
        name: str, packages_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    info = load(name)
    # the reference values are those of hmcode, and the lensing likelihood sees the difference
    info["theory"]["cosmicnet.Cosmicnet"]["extra_args"]["non_linear"] = "hmcode"
    model = get_model({**info, "packages_path": str(packages_path)})
    assert not any("networks" in record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    loglikes, derived = model.loglikes(BEST_FIT, as_dict=True)
    assert np.isfinite(list(loglikes.values())).all()
    for likelihood, (reference, tolerance) in REFERENCE_CHI2.items():
        if likelihood in loglikes:
            assert -2.0 * loglikes[likelihood] == pytest.approx(reference, abs=tolerance), likelihood
    assert derived["neural_network_used"] == 1.0
    assert derived["sigma8"] == pytest.approx(0.811, abs=0.003)
    covmat = model.get_auto_covmat()
    assert {"H0", "calPlanck"} <= set(covmat["params"])
    model.close()


@pytest.mark.parametrize("name", [f"{run}_net" for run in ELSEWHERE])
def test_networks_cover_the_multipoles_of_new_experiments(name: str) -> None:
    info = load(name)
    info["likelihood"].pop("planck_2018_lowl.EE_sroll2", None)
    model = get_model(info)
    sampled = model.parameterization.sampled_params()
    reference = dict(zip(sampled, model.prior.reference(random_state=np.random.default_rng(3)), strict=True))
    loglikes, derived = model.loglikes({name: BEST_FIT.get(name, reference[name]) for name in sampled}, as_dict=True)
    assert np.isfinite(list(loglikes.values())).all() and derived["neural_network_used"] == 1.0
    model.close()


@pytest.fixture
def bicep_keck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cobaya's likelihood with its parameters and requirements, but without its data."""
    likelihood = pytest.importorskip("cobaya.likelihoods.bicep_keck_2018").bicep_keck_2018
    monkeypatch.setattr(likelihood, "is_installed", classmethod(lambda _cls, **_options: True))
    monkeypatch.setattr(likelihood, "initialize", lambda _self: None)
    monkeypatch.setattr(likelihood, "get_requirements", lambda self: {"Cl": {"bb": self.l_max}})
    monkeypatch.setattr(likelihood, "logp", lambda self, **_values: -float(self.provider.get_Cl()["bb"][80]))


def test_bicep_keck_by_networks(bicep_keck: None) -> None:
    """B modes of tensors and lensing are those of full CLASS; a step in r is fast."""
    from cosmicnet.cobaya_components.compare.evaluations import fast_parameters

    info = load("bicep_keck_2018_net")
    planck = {"external": lambda _self: 0.0, "requires": {"Cl": {"tt": 2508, "te": 2508, "ee": 2508, "pp": 2500}}}
    info["likelihood"] = {"bicep_keck_2018": None, "planck": planck}
    # CLASS's tensor modes, without tight coupling where it costs 0.4%
    of_class = {**SAME_MODULES, "fast_tensors": "no", **LONG_HIERARCHIES, **HALF_OF_WAVENUMBERS}
    spectra = {}
    for mode, settings in (("net", {}), ("full", of_class)):
        theory = info["theory"]["cosmicnet.Cosmicnet"]
        options = {**theory, "mode": mode, "extra_args": {**theory["extra_args"], **settings}}
        model = get_model({**info, "theory": {"cosmicnet.Cosmicnet": options}})
        sampled = model.parameterization.sampled_params()
        reference = dict(zip(sampled, model.prior.reference(random_state=np.random.default_rng(3)), strict=True))
        point = {**reference, **{name: BEST_FIT[name] for name in sampled if name in BEST_FIT}, "r": 0.03}
        _, derived = model.loglikes(point, as_dict=True)
        assert derived["neural_network_used"] == float(mode == "net")
        assert {"logA", "n_s", "r"} <= set(fast_parameters(model))
        spectra[mode] = model.provider.get_Cl(ell_factor=True)["bb"][2:601]
        model.close()
    np.testing.assert_allclose(spectra["net"], spectra["full"], rtol=1.5e-3)


# BICEP/Keck: there is no matrix with H0 and its foregrounds
@pytest.mark.parametrize("name", [name for name in FILES
                                  if name.endswith("_net") and not name.startswith((*OF_ELSEWHERE, "bicep"))])
def test_automatic_covmat_has_every_parameter(name: str, packages_path: Path) -> None:
    from cosmicnet.cobaya_components.theory.covmats import best_covmat

    info = update_info(load(name))
    sampled = {name: given for name, given in info["params"].items() if isinstance(given, dict) and "prior" in given}
    found = best_covmat(str(packages_path), sampled, info["likelihood"])
    assert found is not None
    for parameter, given in sampled.items():
        renames = given.get("renames") or []
        names = {parameter, *([renames] if isinstance(renames, str) else renames)}
        assert names & set(found["params"]), parameter


def test_plancks_covmat_with_h0_keeps_what_it_does_not_touch() -> None:
    from cosmicnet.cobaya_components.theory.covmats import theta_s_100, with_h0

    names, rng = ["omegabh2", "omegach2", "theta", "tau"], np.random.default_rng(2)
    center, slopes, draws = np.array([0.0224, 0.12, 1.042, 0.054]), {}, rng.normal(size=(4, 5000))
    draws = center[:, None] + np.array([1.5e-4, 1.4e-3, 3e-4, 8e-3])[:, None] * draws
    at = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.4}
    for theirs, ours in (("omegabh2", "omega_b"), ("omegach2", "omega_cdm"), ("H0", "H0")):
        slopes[theirs] = (theta_s_100(**{**at, ours: at[ours] * 1.003}) - theta_s_100(**at)) / (0.003 * at[ours])
    found, covariance = with_h0(names, np.cov(draws), slopes)
    assert found == ["omegabh2", "omegach2", "H0", "tau"]
    h0 = (draws[2] - slopes["omegabh2"] * draws[0] - slopes["omegach2"] * draws[1]) / slopes["H0"]
    np.testing.assert_allclose(covariance, np.cov([draws[0], draws[1], h0, draws[3]]), rtol=1e-9)
    # H0 that CLASS needs for the same angle with more matter
    more = {**at, "omega_cdm": 0.121, "H0": 67.4 - slopes["omegach2"] * 0.001 / slopes["H0"]}
    assert theta_s_100(**more) == pytest.approx(theta_s_100(**at), rel=1e-5)


@pytest.mark.parametrize(("name", "label", "largest_chi2"), [
    ("embedded", "embedded", 0.002), ("so_forecast_net", "so", 0.01), ("so_forecast_full", "so", 0.1)])
def test_runs_that_need_no_data(name: str, label: str, largest_chi2: float) -> None:
    model = get_model(load(name))
    fiducial = dict(zip(model.parameterization.sampled_params(), model.prior.reference(), strict=True))
    fiducial |= {"logA": 3.045, "n_s": 0.965, "H0": 67.4, "omega_b": 0.0224, "omega_cdm": 0.12, "tau_reio": 0.0544}
    loglikes, derived = model.loglikes(fiducial, as_dict=True)
    # at the fiducial the chi2 is that of the networks' error, or of full CLASS at its default precision
    assert abs(2.0 * loglikes["cosmicnet.EmbeddedCMB"]) < largest_chi2
    assert derived["neural_network_used"] == float(not name.endswith("full"))
    assert model.get_auto_covmat()["name"] == f"lcdm_H0_{label}.covmat"
