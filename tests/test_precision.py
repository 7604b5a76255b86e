"""The comparison of precisions: bands of the errors, and content of the page."""
from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from cosmicnet.store import DEFAULT_SET, read_manifest
from cosmicnet.training.timing.precision import (
    BANDS,
    BOXES,
    CHI2,
    CHI2_OBSERVED,
    L_MAX,
    OF_MATTER,
    REDSHIFTS,
    SPECTRA,
    TRUTH,
    WAVENUMBERS,
    WAYS,
    WIDE,
    Computed,
    errors_between,
    write_precision,
)


def computed() -> Computed:
    ell = np.arange(2.0, L_MAX + 1)
    # muK^2 at the first peak, and a damping tail
    tt = 6e-10 / ell**2 * np.exp(-((ell / 1500.0) ** 1.2))
    power = np.ones((REDSHIFTS.size, WAVENUMBERS.size))
    return Computed(ell, tt, 0.05 * tt, 0.02 * tt, 1e-3 * tt, 1e-7 / ell**4, power, 2.0 * power, np.array(3.0))


def test_the_same_has_no_error() -> None:
    same = errors_between(computed(), computed())
    assert {error for of_spectrum in same.errors.values() for error in of_spectrum.values()} == {0.0}
    assert same.chi2 == {CHI2: 0.0, CHI2_OBSERVED: 0.0} and same.seconds == 3.0
    assert same.errors.keys() == {*SPECTRA, *OF_MATTER}


def test_an_error_shows_in_its_band_alone() -> None:
    truth = computed()
    ee = truth.ee.copy()
    ee[4000 - 2] *= 1.01
    found = errors_between(truth, replace(truth, ee=ee))
    assert found.errors["ee"] == pytest.approx({band: 0.01 * (band == "2509-5000") for band in BANDS})
    assert max(found.errors["tt"].values()) == 0.0
    # beyond Planck's multipoles; half of 2l+1 modes of one spectrum, nearly all of them noise there
    assert found.chi2[CHI2] == 0.0
    assert 0.0 < found.chi2[CHI2_OBSERVED] < 0.4 * 8001 / 2 * 0.01**2


def test_closed_space_is_compared_where_it_has_modes() -> None:
    truth = computed()
    without = np.where(WAVENUMBERS < 1e-3, 0.0, truth.linear)
    found = errors_between(replace(truth, linear=without), replace(truth, linear=1.02 * without))
    assert found.errors["linear"] == pytest.approx(dict.fromkeys(found.errors["linear"], 0.02))


def test_the_page_has_all_ways(tmp_path: Path) -> None:
    errors = errors_between(computed(), computed())
    measured, empty = BOXES
    write_precision({measured: [dict.fromkeys((*WAYS, TRUTH), errors)], empty: []}, tmp_path)
    page = (tmp_path / "precision.md").read_text(encoding="utf-8")
    assert all(way in page for way in WAYS) and "## Posterior of Planck" in page
    # of the networks that were used
    assert read_manifest(DEFAULT_SET).sha256[:12] in page and version("classy") in page and WIDE not in page
