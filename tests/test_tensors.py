"""Tensor modes: the fast equations against long hierarchies, the fast line of sight against CLASS's, where they end."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from builds import run_python
from line_of_sight_runs import Array
from networks_under_test import options
from providers import computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

TENSORS: dict[str, Any] = {"output": "tCl,pCl", "modes": "t", "r": 0.1}
FAST = {"fast_tensors": "yes", "fast_line_of_sight": "yes"}
NAMES = ("tt", "ee", "bb")
# wavenumbers as far as the fast equations take them
TO_40 = {**TENSORS, "l_max_tensors": 40, "k_max_tau0_over_l_max": 21.0}
LONG_HIERARCHIES: dict[str, Any] = {
    "l_max_g_ten": 40, "l_max_pol_g_ten": 40, "l_max_ur_ten": 50, "tol_perturbations_integration": 1e-6,
    "radiation_streaming_trigger_tau_over_tau_k": 240.0, "start_small_k_at_tau_c_over_tau_h": 0.0004,
    "start_large_k_at_tau_h_over_tau_k": 0.05, "tight_coupling_trigger_tau_c_over_tau_h": 0.005,
    "tight_coupling_trigger_tau_c_over_tau_k": 0.008, "neglect_CMB_sources_below_visibility": 1e-30,
}
FINE_INTEGRALS: dict[str, Any] = {
    "fast_line_of_sight": "no", "perturbations_sampling_stepsize": 0.02, "l_logstep": 1.03, "l_linstep": 8,
    "q_linstep": 0.2, "q_logstep_spline": 40.0, "hyper_sampling_flat": 40.0, "hyper_phi_min_abs": 1e-12,
    "transfer_neglect_late_source": 1e6, **{f"transfer_neglect_delta_k_T_{name}": 10.0 for name in ("t2", "e", "b")},
    "hyper_sampling_curved_low_nu": 20.0, "hyper_sampling_curved_high_nu": 12.0, "q_logstep_trapzd": 10.0,
}
# the sums of the line of sight below the last multipole, where CLASS's splines in l end
TOLERANCE = 2e-4
# tensor modes alone and beside scalar ones
SAMPLING_TOLERANCE = 1e-5
# the equations: a quarter of the goal, 0.1%
EQUATIONS_TOLERANCE = 2.5e-4


def spectra(settings: Mapping[str, Any], l_max: int) -> dict[str, Array]:
    return dict(computed(settings).raw_cl(l_max))


def largest_error(ours: Mapping[str, Array], theirs: Mapping[str, Array], l_min: int, l_max: int) -> dict[str, float]:
    part = slice(l_min, l_max + 1)
    return {name: float(np.abs(ours[name][part] / theirs[name][part] - 1).max()) for name in NAMES}


@pytest.mark.parametrize("cosmology", [
    {},
    {"N_ur": 2.5, "N_ncdm": 1, "m_ncdm": 0.3, "Omega_Lambda": 0, "w0_fld": -0.8, "wa_fld": -0.5, "tau_reio": 0.09},
    {"tensor_method": "photons"},
], ids=["LCDM", "massive neutrinos and dark energy", "photons only"])
def test_agrees_with_long_hierarchies(cosmology: dict[str, Any]) -> None:
    """CLASS by default is off by 3% in EE at l = 20."""
    ours = spectra({**TO_40, **cosmology, **FAST}, 40)
    theirs = spectra({**TO_40, **cosmology, **LONG_HIERARCHIES, "fast_line_of_sight": "yes"}, 40)
    assert max(largest_error(ours, theirs, 2, 40).values()) < EQUATIONS_TOLERANCE


@pytest.mark.parametrize("omega_k", [0.0, 0.02])
def test_line_of_sight_agrees_with_converged_class(omega_k: float) -> None:
    """From l = 3 on: at l = 2 CLASS leaves out the source of today."""
    settings = {**TO_40, "Omega_k": omega_k, "fast_tensors": "yes"}
    ours, theirs = (spectra({**settings, **way}, 40) for way in (FAST, FINE_INTEGRALS))
    assert max(largest_error(ours, theirs, 3, 30).values()) < TOLERANCE


def test_no_step_at_flat_space() -> None:
    """CLASS's equations of curved space to both sides: the mean of two curvatures is flat space."""
    settings = {**TENSORS, "l_max_tensors": 30, "k_max_tau0_over_l_max": 8.0, "fast_line_of_sight": "yes"}
    open_space, flat, closed = (spectra({**settings, "Omega_k": omega_k}, 30) for omega_k in (1e-3, 0.0, -1e-3))
    mean = {name: (open_space[name] + closed[name]) / 2 for name in NAMES}
    assert max(largest_error(open_space, flat, 2, 30).values()) > 1e-3
    assert max(largest_error(mean, flat, 2, 30).values()) < TOLERANCE


def test_last_multipoles_do_not_depend_on_how_many_there_are() -> None:
    """CLASS's wavenumbers end too early, which changes BB at the last multipole by tens of per cent."""
    few, many = (spectra({**TENSORS, **FAST, "l_max_tensors": l_max}, 100) for l_max in (100, 250))
    assert max(largest_error(few, many, 2, 100).values()) < 1e-3


def test_consistency_relation() -> None:
    """n_t and alpha_t follow from r and n_s unless they are given."""
    r, n_s = 0.1, 0.9660499  # CLASS's default
    given = {"n_t": -r / 8 * (2 - r / 8 - n_s), "alpha_t": r / 8 * (r / 8 + n_s - 1)}
    choices: dict[str, dict[str, Any]] = {"absent": {}, "consistent": {"n_t": "scc", "alpha_t": "scc"}, "given": given,
                                          "blue": {"n_t": 1.0}, "running": {**given, "alpha_t": 0.2},
                                          "twice": {**given, "r": 2 * r}}
    bb = {name: spectra({**TO_40, "r": r, **FAST, **changes}, 40)["bb"][2:] for name, changes in choices.items()}
    np.testing.assert_array_equal(bb["absent"], bb["consistent"])
    np.testing.assert_allclose(bb["given"], bb["consistent"], rtol=1e-10)
    np.testing.assert_allclose(bb["twice"], 2 * bb["given"], rtol=1e-10)
    for changed in ("blue", "running"):
        ratio = bb[changed] / bb["given"]
        # the pivot is at small scales
        assert ratio[-1] != pytest.approx(1, abs=0.01) and np.ptp(ratio) > 0.1


@pytest.mark.parametrize("l_max_scalars", [100, 900])
def test_on_where_networks_give_the_scalars(l_max_scalars: int) -> None:
    """Wavenumbers of tensor modes go on beyond those of scalar modes, which do not change."""
    shared = {"r": 0.1, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "l_max_tensors": 100}
    settings = {"output": "tCl,pCl,lCl", "lensing": "yes", "modes": "s,t", "l_max_scalars": l_max_scalars, **shared,
                **options()}
    model = computed(settings)
    info = model.neural_network_info()
    assert info["used"] and info["fast_tensors"] and info["fast_line_of_sight"]
    without = computed({**settings, "fast_tensors": "no"})
    assert not without.neural_network_info()["fast_tensors"]
    of_tensors = ("modes", "r", "l_max_tensors")
    scalars = computed({name: value for name, value in settings.items() if name not in of_tensors})
    assert not scalars.neural_network_info()["fast_tensors"]
    # scalars stay as they are; lensed BB has both
    tensors = spectra({**TENSORS, **FAST, **shared, "fast_background": "yes"}, 100)
    both, alone = model.raw_cl(100), scalars.raw_cl(100)
    for name in ("tt", "ee"):
        np.testing.assert_allclose(both[name][2:], (alone[name] + tensors[name])[2:], rtol=SAMPLING_TOLERANCE)
    np.testing.assert_allclose(both["bb"][2:], tensors["bb"][2:], rtol=SAMPLING_TOLERANCE)
    lensed, of_scalars = (which.lensed_cl(100)["bb"] for which in (model, scalars))
    np.testing.assert_allclose(lensed[2:20], (of_scalars + tensors["bb"])[2:20], rtol=0.02)


@pytest.mark.parametrize("changes", [
    {"tensor_method": "exact", "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06},
    {"Omega_k": 0.01},
    {"k_output_values": "0.01"},
], ids=["momenta of neutrinos", "curvature", "perturbations asked for"])
def test_not_covered(changes: dict[str, Any]) -> None:
    """CLASS's own code, bit for bit."""
    small = {**TENSORS, "l_max_tensors": 20, "k_step_super": 0.02, "k_step_sub": 0.2, "l_max_ncdm": 5, **changes}
    asked = computed({**small, "fast_tensors": "yes"})
    assert not asked.neural_network_info()["fast_tensors"]
    theirs = computed(small).raw_cl(20)
    assert all(np.array_equal(asked.raw_cl(20)[name], theirs[name]) for name in NAMES)


def test_off_by_default_without_networks() -> None:
    small = {**TENSORS, "l_max_tensors": 20, "k_step_super": 0.02, "k_step_sub": 0.2}
    info = computed(small).neural_network_info()
    assert not info["fast_tensors"] and not info["fast_line_of_sight"]


def test_wrong_value() -> None:
    with pytest.raises(classy.CosmoSevereError, match="fast_tensors"):
        computed({**TENSORS, "fast_tensors": "perhaps"})


def test_threads_do_not_matter() -> None:
    one, three = (run_python("tensors_run.py", threads=threads) for threads in (1, 3))
    assert one.returncode == 0, one.stderr
    assert three.returncode == 0, three.stderr
    assert one.stdout == three.stdout
