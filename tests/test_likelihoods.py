"""Planck's real likelihoods: against published chi2, against Cobaya's own theory, and bad input."""
from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from planck_reference import REFERENCE_CHI2

if TYPE_CHECKING:
    from cosmicnet.training.evaluate.likelihoods import PlanckLikelihoods
    from cosmicnet.training.work.class_spectra import Spectra


# the best fit of Cobaya's own test of these likelihoods (Cobaya 3.6, tests/test_cosmo_planck_2018.py)
BEST_FIT: dict[str, float | int | str] = {
    "omega_b": 0.022383, "omega_cdm": 0.12011, "H0": 67.32, "tau_reio": 0.0543,
    "A_s": 1e-10 * math.exp(3.0448), "n_s": 0.96605,
}
CALIBRATION = 1.00044
EXTRA_ARGS: dict[str, float | int | str] = {
    "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "non_linear": "hmcode",
}


@pytest.fixture(scope="module")
def likelihoods(packages_path: Path) -> PlanckLikelihoods:
    from cosmicnet.training.evaluate.likelihoods import PlanckLikelihoods

    return PlanckLikelihoods(packages_path)


@pytest.fixture(scope="module")
def best_fit_spectra() -> Spectra:
    pytest.importorskip("classy")
    from cosmicnet.training.work.class_spectra import compute_spectra

    return compute_spectra({**BEST_FIT, **EXTRA_ARGS})


def test_chi2_of_the_best_fit(likelihoods: PlanckLikelihoods, best_fit_spectra: Spectra) -> None:
    chi2 = likelihoods.chi2(best_fit_spectra, CALIBRATION)
    for name, (reference, tolerance) in REFERENCE_CHI2.items():
        assert chi2[name] == pytest.approx(reference, abs=tolerance), name


def test_chi2_equals_that_of_cobaya_with_its_own_theory(
        likelihoods: PlanckLikelihoods, best_fit_spectra: Spectra, packages_path: Path) -> None:
    from cobaya.model import get_model

    model = get_model({
        "likelihood": dict.fromkeys(REFERENCE_CHI2),
        "theory": {"classy": {"path": "global", "extra_args": EXTRA_ARGS}},
        "params": {**BEST_FIT, "A_planck": CALIBRATION},
        "packages_path": str(packages_path),
    })
    loglikes, _ = model.loglikes({})
    expected = dict(zip(model.likelihood, -2.0 * loglikes, strict=True))
    model.close()
    chi2 = likelihoods.chi2(best_fit_spectra, CALIBRATION)
    for name in REFERENCE_CHI2:
        assert chi2[name] == pytest.approx(expected[name], abs=1e-6), name


def test_negative_ee_is_rejected(likelihoods: PlanckLikelihoods, best_fit_spectra: Spectra) -> None:
    ee = best_fit_spectra.ee.copy()
    ee[5] = -1e-16
    chi2 = likelihoods.chi2(dataclasses.replace(best_fit_spectra, ee=ee))
    assert chi2["planck_2018_lowl.EE"] == math.inf
    assert math.isfinite(chi2["planck_2018_lowl.TT"])


def test_spectra_that_are_not_numbers(likelihoods: PlanckLikelihoods, best_fit_spectra: Spectra) -> None:
    te = best_fit_spectra.te.copy()
    te[100] = np.nan
    with pytest.raises(ValueError):
        likelihoods.chi2(dataclasses.replace(best_fit_spectra, te=te))


def test_missing_data_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cobaya")
    from cosmicnet.training.evaluate.likelihoods import PlanckLikelihoods, PlanckNotAvailable

    with pytest.raises(PlanckNotAvailable, match="cobaya-install"):
        PlanckLikelihoods(tmp_path)
    monkeypatch.delenv("COBAYA_PACKAGES_PATH", raising=False)
    with pytest.raises(PlanckNotAvailable, match="COBAYA_PACKAGES_PATH"):
        PlanckLikelihoods()
