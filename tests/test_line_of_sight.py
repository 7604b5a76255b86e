"""The fast line of sight against a plain sum, against converged CLASS, and where it does not apply."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import run_python
from line_of_sight_runs import (
    CONVERGED_FLAT,
    PRIMORDIAL,
    TOLERANCE,
    Array,
    Spectra,
    assert_twins,
    primordial,
    relative_errors,
    spin_factor,
    to_l,
    weights_in_time,
)
from networks_under_test import options
from providers import Injector, SplinedInTime, computed
from scipy.interpolate import CubicSpline
from scipy.special import spherical_jn

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

L_MAX = 200
K_MAX_TAU0 = 1000.0  # far enough for the cut to have no effect
LCDM = to_l(L_MAX, K_MAX_TAU0)
NETWORKS_ON = {**LCDM, "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, **options()}
CONVERGED = {**CONVERGED_FLAT, "q_logstep_limber": 1.01}


def raw(model: Any) -> Spectra:
    return dict(model.raw_cl(L_MAX))


@pytest.fixture(scope="module")
def full() -> Any:
    """CLASS's own line of sight."""
    return computed(LCDM)


@pytest.fixture(scope="module")
def sources(full: Any) -> Injector:
    """The sources of that run, so that no other run integrates any."""
    return Injector(full.get_sources()[0])


@pytest.fixture(scope="module")
def fast(sources: Injector) -> Any:
    return computed({**LCDM, "fast_line_of_sight": "yes"}, sources)


def same(ours: Spectra, theirs: Spectra) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def assert_close(ours: Spectra, theirs: Spectra, l_max: int) -> None:
    """Up to l_max, which lies below the last multipole: there CLASS's splines in l end."""
    for name, error in relative_errors(ours, theirs).items():
        worst = error[: l_max - 1]
        assert worst.max() < TOLERANCE[name], f"{name}: {worst.max():.1e} at l = {worst.argmax() + 2}"


def plain_spectra(model: Any, ell: int) -> dict[str, float]:
    """TT, TE and EE at one l by the textbook's integrals over the sources of `model`, on a fine grid of k."""
    tables, k_nodes, tau = model.get_sources()
    k_max = k_nodes[np.searchsorted(k_nodes, K_MAX_TAU0 / tau[-1])]
    k = np.concatenate([np.geomspace(k_nodes[0], 2e-3, 300)[:-1], np.arange(2e-3, k_max, 5e-5)])
    source = {name: CubicSpline(k_nodes, tables[name])(k) for name in ("t0", "t1", "t2", "p")}
    x = np.outer(k, tau[-1] - tau)
    x[:, -1] = 1e-9
    j, slope = spherical_jn(ell, x), spherical_jn(ell, x, derivative=True)
    bend = -2 / x * slope - (1 - ell * (ell + 1) / x**2) * j
    weights, weights_of_s2 = weights_in_time(tau)
    temperature = ((source["t0"] * j + source["t1"] * slope) @ weights
                   + (source["t2"] * (3 * bend + j) / 2) @ weights_of_s2)
    polarization = spin_factor(ell) * (source["p"] * j / x**2) @ weights_of_s2

    def integral(product: Array) -> float:
        return float(CubicSpline(k, 4 * np.pi * primordial(k) / k * product).integrate(k[0], k[-1]))

    return {"tt": integral(temperature**2), "te": integral(temperature * polarization),
            "ee": integral(polarization**2)}


@pytest.mark.parametrize("ell", [2, 3, 10, 100])
def test_slow_twin(ell: int, fast: Any) -> None:
    assert_twins(raw(fast), plain_spectra(fast, ell), ell)


def test_agrees_with_converged_class(full: Any, fast: Any) -> None:
    """Default CLASS is ten times farther away."""
    converged = raw(computed({**LCDM, **CONVERGED, "fast_line_of_sight": "no"}, SplinedInTime(*full.get_sources())))
    assert_close(raw(fast), converged, L_MAX - 40)


@pytest.mark.parametrize("ell", [500, 1500])
def test_high_multipoles(ell: int) -> None:
    """Late samples are faded out sooner there. At the last multipole, as there is no spline in l; CLASS needs few."""
    settings = {**NETWORKS_ON, "l_max_scalars": ell, "k_max_tau0_over_l_max": 2.5}
    fast = computed(settings).raw_cl(ell)
    converged = computed({**settings, **CONVERGED, "l_linstep": 1000, "l_logstep": 3.0,
                         "fast_line_of_sight": "no"}).raw_cl(ell)
    for name, error in relative_errors(fast, converged).items():
        assert error[-1] < TOLERANCE[name], name


@pytest.mark.parametrize(("z_reio", "last_step"), [(9.0, 106), (10.0, 14)])
def test_late_temperature_does_not_depend_on_the_last_time_step(z_reio: float, last_step: int) -> None:
    """Limber's approximation in place of late samples against times three times as close, which resolve more."""
    settings = {**NETWORKS_ON, "l_max_scalars": 800, "omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.3, "z_reio": z_reio}
    model = computed(settings)
    tau = model.get_sources()[2]
    assert tau[-1] - tau[-2] == pytest.approx(last_step, abs=5)
    fast, fine = model.raw_cl(800), computed({**settings, "perturbations_sampling_stepsize": 0.025}).raw_cl(800)
    error = np.abs(fast["tp"] - fine["tp"])[300:] / np.sqrt(fine["tt"] * fine["pp"])[300:]
    assert error.max() < 5e-4


@pytest.mark.parametrize("frequency", [60.0, 254.5, 400.0])
def test_oscillating_primordial_spectrum(frequency: float, sources: Injector, tmp_path: Path) -> None:
    ln_k = np.arange(np.log(1e-7), np.log(20.0), 0.002)
    np.savetxt(tmp_path / "table", np.exp([ln_k, np.log(2.1e-9 * (1 + 0.05 * np.sin(frequency * ln_k)))]).T)
    settings = {name: value for name, value in LCDM.items() if name not in PRIMORDIAL}
    settings |= {"fast_line_of_sight": "yes", "P_k_ini type": "external_Pk", "command": f"cat {tmp_path / 'table'}"}
    fine = {"l_linstep": 1, "q_logstep_limber": 1.0005}  # at 254.5 the default steps of the latter are one period
    ours, finely = (raw(computed({**settings, **more}, sources)) for more in ({}, fine))
    assert_close(ours, finely, L_MAX)


def test_off_by_default_without_networks(full: Any, sources: Injector) -> None:
    assert not full.neural_network_info()["fast_line_of_sight"]
    assert same(raw(computed({**LCDM, "fast_line_of_sight": "no"}, sources)), raw(full))
    assert same(raw(computed(LCDM, sources)), raw(full))


def test_on_by_default_with_networks() -> None:
    automatic = computed(NETWORKS_ON)
    assert automatic.neural_network_info()["fast_line_of_sight"]
    assert same(raw(automatic), raw(computed({**NETWORKS_ON, "fast_line_of_sight": True})))
    assert not computed({**NETWORKS_ON, "fast_line_of_sight": False}).neural_network_info()["fast_line_of_sight"]


@pytest.mark.filterwarnings("ignore:.*CLASS integrates")
def test_off_when_networks_step_aside() -> None:
    """The fallback is full CLASS in every respect."""
    outside = {**LCDM, "H0": 50.0, "l_max_scalars": 20}
    fallback = computed({**outside, **options("full")})
    assert not fallback.neural_network_info()["fast_line_of_sight"]
    assert same(dict(fallback.raw_cl(20)), dict(computed(outside).raw_cl(20)))


@pytest.mark.parametrize("settings", [
    {"output": "tCl,nCl", "l_max_lss": 20, "selection_mean": 0.5, "Omega_k": 0.01},
    {"output": "tCl,sCl", "l_max_lss": 20, "selection_mean": 0.5, "selection": "dirac"},
], ids=lambda settings: ",".join(settings))
def test_not_covered(settings: dict[str, Any]) -> None:
    """CLASS's own code, bit for bit."""
    small = {**LCDM, "lensing": "no", "l_max_scalars": 20, **settings}
    asked = computed({**small, "fast_line_of_sight": "yes"})
    assert not asked.neural_network_info()["fast_line_of_sight"]
    assert same(dict(asked.raw_cl(20)), dict(computed(small).raw_cl(20)))


@pytest.mark.parametrize("output", ["tCl", "pCl", "tCl,lCl"])
def test_each_spectrum_alone(output: str, fast: Any) -> None:
    """CLASS's times depend on the requested output, which limits the agreement."""
    alone = computed({**LCDM, "output": output, "fast_line_of_sight": "yes"})
    assert alone.neural_network_info()["fast_line_of_sight"]
    together = raw(fast)
    for name, values in raw(alone).items():
        if name in ("tt", "ee", "pp"):
            np.testing.assert_allclose(values[2:], together[name][2:], rtol=2e-3, err_msg=name)


def test_correlated_initial_conditions() -> None:
    """All pairs of initial conditions, not only adiabatic ones."""
    mixed = {**LCDM, "l_max_scalars": 120, "ic": "ad,cdi", "f_cdi": 0.5, "c_ad_cdi": 0.4, "n_cdi": 1.2}
    ours = dict(computed({**mixed, "fast_line_of_sight": "yes"}).raw_cl(120))
    theirs = dict(computed({**mixed, **CONVERGED}).raw_cl(120))
    assert_close(ours, theirs, 20)


@pytest.mark.parametrize("value", ["perhaps", "", 3])
def test_wrong_value(value: Any) -> None:
    model = classy.Class()
    model.set({**LCDM, "fast_line_of_sight": value})
    with pytest.raises(classy.CosmoSevereError, match="fast_line_of_sight"):
        model.compute()


def test_table_follows_the_multipoles() -> None:
    """The table of Bessel functions is made anew for other multipoles, and results do not depend on its past."""
    before = raw(computed(NETWORKS_ON))
    longer = computed({**NETWORKS_ON, "l_max_scalars": 2 * L_MAX}).raw_cl(L_MAX)
    np.testing.assert_allclose(longer["tt"][2:L_MAX // 2], before["tt"][2:L_MAX // 2], rtol=5e-3)
    assert same(raw(computed(NETWORKS_ON)), before)


def test_threads_do_not_matter() -> None:
    one, two = (run_python("line_of_sight_run.py", threads=threads) for threads in (1, 2))
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert one.stdout == two.stdout
