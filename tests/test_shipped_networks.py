"""The networks lcdm against converged CLASS at Planck's best fit: a bound on every figure of docs/accuracy.md."""
from __future__ import annotations

import numpy as np
import pytest
from networks_under_test import nothing_warned_of  # noqa: F401  (a fixture)
from providers import HALF_OF_WAVENUMBERS

from cosmicnet.errors import CosmicnetWarning
from cosmicnet.store import DEFAULT_SET, read_manifest
from cosmicnet.training.evaluate.accuracy import summary
from cosmicnet.training.work.class_spectra import compute_spectra
from cosmicnet.training.work.run_class import networks_on, new_class

pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

BEST_FIT = {"omega_b": 0.02238, "omega_cdm": 0.1201, "H0": 67.3, "tau_reio": 0.0543, "A_s": 2.1e-9, "n_s": 0.966,
            "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}

# In percent but for the Wishart chi2 and the tilt.
LARGEST = {"wishart_chi2": 0.02, "tt_high_l": 0.025, "te_high_l": 0.03, "ee_high_l": 0.03, "tt_low_l": 0.05,
           "te_low_l": 0.06, "ee_low_l": 0.08, "pp": 0.04, "pk": 0.1, "sigma8": 0.01, "growth_rate_today": 0.12,
           "growth_rate": 0.1, "f_sigma8": 0.02, "sigma_r": 0.03, "weyl": 0.07, "tilt": 0.004}


def test_best_fit_is_that_of_full_class() -> None:
    cosmology = {**BEST_FIT, **read_manifest(DEFAULT_SET).precision_settings, **HALF_OF_WAVENUMBERS}
    # CLASS's own line of sight jumps with the rounding of the background, so both have the same one
    approximation = {**networks_on(DEFAULT_SET), "fast_line_of_sight": "no", "fast_background": "no"}
    errors = summary(compute_spectra(cosmology), compute_spectra({**cosmology, **approximation}))
    assert errors.keys() == LARGEST.keys()
    assert {figure: error for figure, error in errors.items() if not error < LARGEST[figure]} == {}


def test_matter_has_its_limit_outside_the_horizon() -> None:
    matter = {**BEST_FIT, "output": "mPk", "k_min_tau0": 1e-3}
    full, net = new_class(matter), new_class({**matter, **networks_on(DEFAULT_SET)})
    for model in (full, net):
        model.compute(["fourier"])
    k = np.geomspace(1e-7, 1e-4, 7)
    np.testing.assert_allclose(*([model.pk(one, 0.0) for one in k] for model in (net, full)), rtol=1e-3)


@pytest.mark.parametrize("curvature", [-1e-7, -1e-5, 1e-5])
def test_spectra_are_continuous_through_flat_space(curvature: float) -> None:
    """The longest modes of closed space are outside the horizon by far where it is nearly flat."""
    cosmology = {**BEST_FIT, "output": "tCl,pCl", "l_max_scalars": 1500, **networks_on("standard")}
    flat, curved = new_class(cosmology), new_class({**cosmology, "Omega_k": curvature})
    for model in (flat, curved):
        model.compute()
    for spectrum in ("tt", "ee"):  # CLASS's last wavenumber, which is another one, acts on the largest l
        np.testing.assert_allclose(*(model.raw_cl(700)[spectrum][2:] for model in (curved, flat)), rtol=5e-4)


def test_matter_between_wavenumbers_is_known_with_class_default_sampling() -> None:
    """CLASS interpolates P(k) between its wavenumbers, by default 10 a decade: 2e-3 at these k."""
    k, found = np.geomspace(5.0, 50.0, 200) * 0.673, []
    for more in ({}, {"k_per_decade_for_pk": 90}):
        model = new_class({**BEST_FIT, "output": "mPk", "P_k_max_h/Mpc": 60, **networks_on(DEFAULT_SET), **more})
        model.compute(["fourier"])
        found.append([model.pk_lin(one, 0.0) for one in k])
    np.testing.assert_allclose(*found, rtol=1e-4)


@pytest.mark.usefixtures("nothing_warned_of")
def test_wavenumbers_are_those_of_class_where_networks_decline() -> None:
    matter = {**BEST_FIT, "output": "mPk", "P_k_max_1/Mpc": 3, **HALF_OF_WAVENUMBERS}

    def wavenumbers(**more: object) -> list[float]:
        model = new_class({**matter, **more})
        model.compute(["perturbations"])
        return list(model.get_sources()[1])

    networks = {"neural_network": "yes", "neural_network_path": DEFAULT_SET}
    assert len(wavenumbers(**networks)) > len(wavenumbers())
    with pytest.warns(CosmicnetWarning):
        refused = wavenumbers(**networks, N_ur=0.5)
    assert refused == wavenumbers(N_ur=0.5)
