"""The fast HMcode against CLASS's own, and where it leaves the work to that."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builds import run_python
from networks_under_test import options
from numpy.typing import NDArray
from providers import Injector, computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]
Settings = dict[str, Any]

HMCODE = {"output": "mPk", "non_linear": "hmcode", "z_max_pk": 1.2, "P_k_max_1/Mpc": 10.0}
NETWORKS_ON = {**HMCODE, "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, **options()}

# relative difference of P(k, z) at CLASS's own times and wavenumbers. CLASS finds the non-linear scale to 1e-6 of
# sigma (hmcode_tol_sigma), which is worth up to 3e-7.
TOLERANCE = 1e-6
# of the non-linear wavenumber, of which the uncertainty of sigma makes up to 2e-6. Where CLASS differs by more it has
# missed its own threshold: when its first guess of the radius is good enough, it takes the middle of the bracket.
K_NL_TOLERANCE = 1e-5
# the part of the times where that may happen
MISSED_PART = 0.3
# of the rms of a third difference along a line of cosmologies; rounding
ROUGHNESS = 1e-10

VERSIONS: dict[str, Settings] = {
    "2020": {},
    "2015": {"hmcode_version": "2015"},
    "2015 AGN": {"hmcode_version": "2015", "feedback_model": "owls_agn"},
    "2015 by hand": {"hmcode_version": "2015", "eta_0": 0.5, "c_min": 2.0},
    "feedback": {"hmcode_version": "2020_baryonic_feedback"},
    "strong feedback": {"hmcode_version": "2020_baryonic_feedback", "log10T_heat_hmcode": 8.3},
}
# corners of the domain of the networks, and the middle
COSMOLOGIES: list[Settings] = [
    {"omega_b": 0.0224, "omega_cdm": 0.120, "H0": 67.4, "ln10^{10}A_s": 3.04, "n_s": 0.965},
    {"omega_b": 0.0199, "omega_cdm": 0.144, "H0": 59.0, "ln10^{10}A_s": 2.80, "n_s": 0.90},
    {"omega_b": 0.0249, "omega_cdm": 0.096, "H0": 79.0, "ln10^{10}A_s": 3.40, "n_s": 1.02},
    {"omega_b": 0.0199, "omega_cdm": 0.096, "H0": 59.0, "ln10^{10}A_s": 3.30, "n_s": 0.98},
]
FULL: dict[str, Settings] = {
    "no neutrinos": {},
    "heavy neutrinos": {"N_ur": 0.00441, "N_ncdm": 1, "deg_ncdm": 3, "m_ncdm": 0.3},
    "w0 and wa": {"Omega_Lambda": 0, "w0_fld": -0.8, "wa_fld": 0.2},
    "w0 and wa, 2015": {"Omega_Lambda": 0, "w0_fld": -1.2, "hmcode_version": "2015"},
    "z_infinity": {"Omega_Lambda": 0, "w0_fld": -0.8, "z_infinity": 0.7, "hmcode_version": "2020_baryonic_feedback"},
    "open": {"Omega_k": 0.05},
    "closed, 2015": {"Omega_k": -0.05, "hmcode_version": "2015"},
    "isocurvature": {"ic": "ad,cdi", "f_cdi": 0.1, "n_cdi": 1.0},
    "other extrapolation": {"extrapolation_method": 4},
    "other tables": {"nk_wiggle": 200, "nsteps_for_p1h_integral": 101, "n_hmcode_tables": 50,
                     "sigma_k_per_decade": 50.0},
    "small scales": {"P_k_max_1/Mpc": 100.0, "z_max_pk": 4.0},
    "today": {"z_max_pk": 0.0},
}


def compute(settings: Settings, fast: str | None = None, provider: Any = None) -> Any:
    return computed(settings if fast is None else {**settings, "fast_non_linear": fast}, provider)


def both(settings: Settings) -> tuple[Any, Any]:
    """By the fast HMcode and by CLASS's, from the same sources: full CLASS integrates once."""
    theirs = compute(settings, "no")
    is_integrated_once = "neural_network" not in settings and "ic" not in settings
    return compute(settings, "yes", Injector(theirs.get_sources()[0]) if is_integrated_once else None), theirs


@pytest.fixture(scope="module")
def injector() -> Injector:
    """The sources of HMCODE, so that no other run integrates any."""
    return Injector(compute(HMCODE, "no").get_sources()[0])


def is_fast(model: Any) -> bool:
    return bool(model.neural_network_info()["fast_non_linear"])


def spectra(model: Any, clustering: bool) -> tuple[Array, Array]:
    """P at CLASS's own wavenumbers and times, shape (k, z), and k_nl at these times."""
    pk, _, z = model.get_pk_and_k_and_z(only_clustering_species=clustering)
    # z and conformal time are splines of each other, good to some 1e-8
    inside = np.clip(z, 0.0, z.max() * (1 - 1e-7))
    scale = model.nonlinear_scale_cb if clustering else model.nonlinear_scale
    return pk, np.asarray(scale(inside, inside.size))


def assert_same_physics(settings: Settings, clustering: tuple[bool, ...]) -> None:
    ours, theirs = both(settings)
    assert is_fast(ours)
    assert not is_fast(theirs)
    for only in clustering:
        if settings["z_max_pk"] == 0:
            k = np.geomspace(1e-4, 0.99 * settings["P_k_max_1/Mpc"], 300)
            pk, expected = (np.array([model.pk(float(one), 0.0) for one in k]) for model in (ours, theirs))
            np.testing.assert_allclose(pk, expected, rtol=TOLERANCE)
            continue
        (pk, k_nl), (expected, expected_k_nl) = (spectra(model, only) for model in (ours, theirs))
        error = np.abs(pk / expected - 1).max(axis=0)
        found = np.abs(k_nl / expected_k_nl - 1) < K_NL_TOLERANCE
        assert found.mean() > 1 - MISSED_PART
        assert error[found].max() < TOLERANCE


@pytest.mark.parametrize("cosmology", COSMOLOGIES, ids=range(len(COSMOLOGIES)))
@pytest.mark.parametrize("version", VERSIONS)
def test_agrees_with_class(version: str, cosmology: Settings) -> None:
    assert_same_physics({**NETWORKS_ON, **cosmology, **VERSIONS[version]}, (False, True))


@pytest.mark.parametrize("case", FULL)
def test_agrees_with_class_beyond_the_networks(case: str) -> None:
    settings = {**HMCODE, **FULL[case]}
    assert_same_physics(settings, (False, True) if "N_ncdm" in settings else (False,))


def test_non_linear_scale() -> None:
    """Its definition: sigma(1/k_nl) is the critical overdensity, which is 1.5 to 1.7."""
    model = compute(NETWORKS_ON)
    z = np.linspace(0.05, 1.1, 8)
    k_nl = model.nonlinear_scale_cb(z, z.size)
    threshold = [model.sigma_cb(1 / float(k), float(at)) for k, at in zip(k_nl, z, strict=True)]
    assert np.all((np.array(threshold) > 1.5) & (np.array(threshold) < 1.7))


@pytest.mark.parametrize("version", ["2020", "2015", "feedback"])
def test_smooth_in_the_parameters(version: str) -> None:
    """Only the amplitude changes, so that nothing before the non-linear step does. Noise would be in every short range
    of it; one of them may have a kink of the model, where the concentration of a halo mass reaches its least value."""
    model = compute({**NETWORKS_ON, **VERSIONS[version], "A_s": 2.1e-9})

    def roughness(amplitudes: Array) -> float:
        rows = []
        for amplitude in amplitudes:
            model.set({"A_s": amplitude})
            model.compute()
            rows.append([np.log(model.pk(k, z)) for k in (0.05, 0.5, 2.0, 8.0) for z in (0.0, 0.6, 1.1)])
        third = np.diff(np.array(rows), n=3, axis=0)
        return float(np.sqrt(np.mean(third**2, axis=0)).max())

    ranges = [np.linspace(first, 1.0001 * first, 21) for first in (2e-9, 2.1e-9, 2.2e-9)]
    assert np.median([roughness(amplitudes) for amplitudes in ranges]) < ROUGHNESS


def test_scale_beyond_the_limits_that_class_interpolates() -> None:
    """In this cosmology the radius where sigma is delta_c lies just outside CLASS's bracket at some times, for most
    amplitudes, and its search does not end. What is found there joins the times before and after."""
    settings = {**NETWORKS_ON, "output": "mPk,tCl,lCl", "lensing": "yes", "omega_b": 0.0233, "omega_cdm": 0.1002,
                "H0": 75.7, "n_s": 0.966, "P_k_max_1/Mpc": 75.7, "z_max_pk": 4.5}
    model = compute({**settings, "A_s": 1.6e-9})
    for amplitude in (1.6e-9, 1.64e-9, 1.68e-9):
        model.set({"A_s": amplitude})
        model.compute()
        assert is_fast(model)
        ratio = np.log([model.pk(30.0, z) / model.pk_lin(30.0, z) for z in np.linspace(2.0, 3.5, 31)])
        assert ratio.min() > 1.0
        assert np.abs(np.diff(ratio, n=2)).max() < 1e-2


def test_lensing_spectrum() -> None:
    """The corrections enter at all times, also those before z_max_pk."""
    settings = {**NETWORKS_ON, "output": "tCl,lCl", "lensing": "yes", "l_max_scalars": 1500}
    del settings["z_max_pk"], settings["P_k_max_1/Mpc"]
    ours, theirs, linear = (compute(more, fast).lensed_cl(1500)["pp"][2:] for more, fast in (
        (settings, "yes"), (settings, "no"), ({**settings, "non_linear": "none"}, None)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert np.abs(ours / linear - 1).max() > 1e-2


def test_default_is_fast_where_networks_are_used() -> None:
    assert is_fast(compute(NETWORKS_ON))
    assert not is_fast(compute({**NETWORKS_ON, "non_linear": "halofit"}))
    assert not is_fast(compute({**HMCODE, "nonlinear_min_k_max": 1.0, "P_k_max_1/Mpc": 1.0, "z_max_pk": 0.1}))
    assert not is_fast(compute({**NETWORKS_ON, "N_ur": 2.5, "neural_network_fallback": "full"}))


@pytest.mark.parametrize("value", [True, "yes", "Yes"])
def test_switch(value: bool | str, injector: Injector) -> None:
    assert is_fast(compute({**HMCODE, "fast_non_linear": value}, provider=injector))


def test_wrong_switch() -> None:
    with pytest.raises(classy.CosmoSevereError, match="fast_non_linear"):
        compute(HMCODE, "perhaps")


def test_threads_do_not_matter() -> None:
    one, two = (run_python("non_linear_run.py", threads=threads) for threads in (1, 2))
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert one.stdout == two.stdout


def test_later_parameters_alone() -> None:
    settings = {**NETWORKS_ON, "hmcode_version": "2020_baryonic_feedback", "log10T_heat_hmcode": 7.8, "A_s": 2.1e-9}
    changes = {"log10T_heat_hmcode": 7.6, "A_s": 2.2e-9}
    model = compute(settings)
    model.set(changes)
    model.compute()
    assert is_fast(model)
    fresh = compute({**settings, **changes})
    assert np.array_equal(model.get_pk_and_k_and_z()[0], fresh.get_pk_and_k_and_z()[0])


def message(settings: Settings, fast: str, k: float, z: float) -> str:
    """The error of the computation, or of asking for P(k, z)."""
    with pytest.raises((classy.CosmoSevereError, classy.CosmoComputationError)) as error:
        compute(settings, fast).pk(k, z)
    return str(error.value)


@pytest.mark.parametrize("more", [
    {"P_k_max_1/Mpc": 0.3, "nonlinear_min_k_max": 0.3, "z_max_pk": 0.3},
    {"rmin_for_sigtab": 0.1},
], ids=["few redshifts", "haloes beyond the table"])
def test_same_errors(more: Settings) -> None:
    settings = {**HMCODE, **more}
    z = float(settings["z_max_pk"])
    assert message(settings, "yes", 0.1, z) == message(settings, "no", 0.1, z)


@pytest.mark.parametrize("k_max", [0.5, 5.0])
def test_out_of_reach_at_the_same_redshift(k_max: float) -> None:
    settings = {**HMCODE, "z_max_pk": 6.0, "P_k_max_1/Mpc": k_max, "nonlinear_min_k_max": k_max}
    ours, theirs = both(settings)
    messages = []
    for model in (ours, theirs):
        with pytest.raises(classy.CosmoSevereError) as error:
            model.get_pk_and_k_and_z()
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    linear = [model.pk_lin(0.1, 5.5) for model in (ours, theirs)]
    assert linear[0] == linear[1]


# CLASS's first guess of the radius is good enough at z = 3.295, so that its k_nl, 1% off there, is beyond k_max
GUESSED: Settings = {"omega_b": 0.0200687, "omega_cdm": 0.1363798, "H0": 75.88049, "A_s": 2.1e-9, "n_s": 0.965,
                     "N_ur": 2.0308, "P_k_max_1/Mpc": 5.0}


@pytest.mark.parametrize("more", [
    GUESSED, *({**cosmology, "hmcode_tol_sigma": 0.01} for cosmology in COSMOLOGIES),
], ids=["first guess", *(f"coarse search {i}" for i in range(len(COSMOLOGIES)))])
def test_first_non_linear_time_is_that_of_class(more: Settings) -> None:
    """Where k_nl reaches k_max P_nl jumps from linear to ten times as much."""
    settings = {**NETWORKS_ON, "z_max_pk": 5.0, **more}
    models = [compute(settings, fast) for fast in ("yes", "no")]
    k = 0.95 * settings["P_k_max_1/Mpc"]
    is_linear = [[model.pk(k, z) == model.pk_lin(k, z) for z in np.arange(0.0, 5.0, 0.1)] for model in models]
    assert is_linear[0] == is_linear[1]
    assert len(set(is_linear[0])) == 2


def test_what_is_left_to_class(injector: Injector) -> None:
    """A spectrum that ends with k_max has no logarithm beyond."""
    assert not is_fast(compute({**HMCODE, "extrapolation_method": 0}, "yes", injector))
