"""Number counts and shear by the fast line of sight: against plain integrals, fine CLASS and Limber's limit."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from line_of_sight_runs import PRIMORDIAL, Array, primordial, trapezoid
from networks_under_test import options
from providers import QUICK, Injector, computed
from scipy.interpolate import CubicSpline, RectBivariateSpline
from scipy.special import spherical_jn

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

L_MAX = 120
MEANS, WIDTHS = (0.5, 0.9), (0.05, 0.1)
BINS = {**PRIMORDIAL, "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, "z_reio": 7.7, "output": "nCl,sCl",
        "selection": "gaussian", "selection_mean": "0.5,0.9", "selection_width": "0.05,0.1", "non_diagonal": 1,
        "l_max_lss": L_MAX, "k_max_tau0_over_l_max": 1.0,
        "perturbations_sampling_stepsize": 0.02}
FAST = {"fast_line_of_sight": "yes"}
# of CLASS's own line of sight; the same multipoles as in the fast one
FINE = {"l_linstep": 15, "l_logstep": 1.035, "q_linstep": 0.2, "q_logstep_spline": 40.0, "selection_sampling": 150,
        "selection_sampling_bessel": 40, "hyper_sampling_flat": 16.0, "hyper_phi_min_abs": 1e-12}
NEVER_LIMBER = {"l_switch_limber_for_nc_local_over_z": 1e4, "l_switch_limber_for_nc_los_over_z": 1e4}
# over the square root of the product of both auto-spectra; CLASS's wavenumbers end up to a step below the largest one,
# where the shear is cut off
TOLERANCE = 3e-4
# where Limber's formula holds, with power spectra that are interpolated in time
LIMBER_TOLERANCE = 2e-3


@pytest.fixture(scope="module")
def sources() -> Injector:
    return Injector(computed(BINS, level="perturbations").get_sources()[0])


@pytest.fixture(scope="module")
def fast(sources: Injector) -> Any:
    return computed({**BINS, **FAST}, sources)


@pytest.fixture(scope="module")
def exact(sources: Injector) -> Any:
    """Without Limber's approximation."""
    return computed({**BINS, **FAST, **NEVER_LIMBER}, sources)


def pairs(model: Any, l_max: int = L_MAX) -> dict[str, Array]:
    """Spectra of all pairs of bins, by the names of both: dens[1]-lens[2] and so on."""
    spectra = model.density_cl(l_max)
    return {pair: spectrum for kind in ("dd", "ll", "dl") for pair, spectrum in spectra.get(kind, {}).items()}


def errors(ours: dict[str, Array], theirs: dict[str, Array]) -> dict[str, Array]:
    """By pair, from l = 2 on."""
    assert ours.keys() == theirs.keys()
    result = {}
    for pair in theirs:
        one, other = pair.split("-")
        scale = np.sqrt(theirs[f"{one}-{one}"] * theirs[f"{other}-{other}"])
        result[pair] = np.abs(ours[pair] - theirs[pair])[2:] / scale[2:]
    return result


def assert_close(ours: dict[str, Array], theirs: dict[str, Array], tolerance: float) -> None:
    for pair, error in errors(ours, theirs).items():
        assert error.max() < tolerance, f"{pair}: {error.max():.1e} at l = {error.argmax() + 2}"


class Background:
    """Distances (Mpc), redshifts and H (1/Mpc) of a model, and the selection functions of the bins, per Mpc."""

    def __init__(self, model: Any) -> None:
        table = model.get_background()
        self.z = CubicSpline(table["comov. dist."][::-1], table["z"][::-1])
        self.chi = CubicSpline(table["z"][::-1], table["comov. dist."][::-1])
        self.H = CubicSpline(table["z"][::-1], table["H [1/Mpc]"][::-1])

    def selection(self, number: int, samples: int) -> tuple[Array, Array]:
        """Distances within five sigmas, and n(chi) times the weights of the integral."""
        mean, width = MEANS[number], WIDTHS[number]
        chi = np.linspace(float(self.chi(mean - 5 * width)), float(self.chi(mean + 5 * width)), samples)
        z = self.z(chi)
        density = np.exp(-(((z - mean) / width) ** 2) / 2) * self.H(z) * trapezoid(chi)
        return chi, density / density.sum()

    def lensing(self, number: int, samples: int) -> tuple[Array, Array]:
        """Distances from here to the farthest source, and the window of the shear times the weights of the integral."""
        farther, selection = self.selection(number, 400)
        chi = farther[-1] * (np.arange(1, samples) / samples)
        ratio = np.clip(1 / chi[:, None] - 1 / farther, 0, None)
        return chi, -(ratio @ selection) * trapezoid(chi)


def plain_spectra(model: Any, ell: int) -> dict[str, float]:
    """All pairs at one l by integrals over the sources of `model`, for all wavenumbers and times at once."""
    tables, k_nodes, tau = model.get_sources()
    k = np.concatenate([np.geomspace(k_nodes[0], 4e-3, 500)[:-1], np.linspace(4e-3, k_nodes[-1], 1200)])
    late = slice(np.searchsorted(tau, tau[-1] - 6000), None)
    background = Background(model)
    transfer = {}
    for number in range(len(MEANS)):
        for name, table, (chi, window) in (
                (f"dens[{number + 1}]", "delta_m", background.selection(number, 300)),
                (f"lens[{number + 1}]", "phi_plus_psi", background.lensing(number, 1500))):
            source = RectBivariateSpline(k_nodes, tau[late], tables[table][:, late])(k, tau[-1] - chi[::-1])[:, ::-1]
            transfer[name] = (source * spherical_jn(ell, np.outer(k, chi))) @ window
    scale = 4 * np.pi * primordial(k) / k
    return {f"{one}-{other}": float(CubicSpline(k, scale * transfer[one] * transfer[other]).integrate(k[0], k[-1]))
            for one in transfer for other in transfer}


@pytest.mark.parametrize("ell", [2, 12, 60])
def test_slow_twin(ell: int, exact: Any) -> None:
    plain = plain_spectra(exact, ell)
    for pair, spectrum in pairs(exact).items():
        one, other = pair.split("-")
        scale = np.sqrt(plain[f"{one}-{one}"] * plain[f"{other}-{other}"])
        assert abs(spectrum[ell] - plain[pair]) < TOLERANCE * scale, (pair, spectrum[ell], plain[pair])


def test_agrees_with_fine_class(fast: Any, sources: Injector) -> None:
    """With Limber's approximation from CLASS's default multipoles on, within the range and below it."""
    assert fast.neural_network_info()["fast_line_of_sight"]
    assert_close(pairs(fast), pairs(computed({**BINS, **FINE}, sources)), TOLERANCE)


def test_all_contributions() -> None:
    """Redshift-space distortions, lensing and relativistic terms, integrated and in Limber's approximation."""
    settings = {**BINS, "number_count_contributions": "density,rsd,lensing,gr", "selection_mean": "0.2,0.5",
                "selection_width": "0.04,0.1", "selection_bias": 1.5, "selection_magnification_bias": 0.3,
                "dNdz_evolution": "analytic", "l_max_lss": 24, "k_max_tau0_over_l_max": 0.6}
    own = computed({**settings, **FINE, "selection_sampling_bessel": 20})
    ours = computed({**settings, **FAST}, Injector(own.get_sources()[0]))
    assert ours.neural_network_info()["fast_line_of_sight"]
    assert_close(pairs(ours, 24), pairs(own, 24), TOLERANCE)


def test_other_pairs_do_not_matter(fast: Any, sources: Injector) -> None:
    """Bins are the same together and without their crosses."""
    together = pairs(fast)
    for pair, spectrum in pairs(computed({**BINS, **FAST, "non_diagonal": 0}, sources)).items():
        np.testing.assert_array_equal(spectrum, together[pair], err_msg=pair)


@pytest.mark.parametrize("ell", [250, 500])
def test_limber_formula(ell: int) -> None:
    """The limit of smooth windows at large l, C_l = int dchi n^2/chi^2 P((l+1/2)/chi), without any switch."""
    model = computed({**BINS, **FAST, **NEVER_LIMBER, "output": "nCl,mPk", "l_max_lss": ell,
                      "k_max_tau0_over_l_max": 2.5, "P_k_max_1/Mpc": 1.5, "z_max_pk": 1.5})
    background = Background(model)
    ours = pairs(model, ell)
    for number in range(len(MEANS)):
        chi, selection = background.selection(number, 200)
        k, z = (ell + 0.5) / chi, background.z(chi)
        power = np.array([model.pk_lin(one, max(at, 0.0)) for one, at in zip(k, z, strict=True)])
        expected = float(np.sum(selection**2 / trapezoid(chi) / chi**2 * power))
        assert ours[f"dens[{number + 1}]-dens[{number + 1}]"][ell] == pytest.approx(expected, rel=LIMBER_TOLERANCE)


SMALL = {**BINS, "l_max_lss": 40}


@pytest.mark.parametrize("more", [
    {"Omega_k": 0.01}, {"selection": "dirac"}, {"selection_width": 1e-5},
    {"modes": "s,t", "r": 0.1, "output": "tCl,sCl"},
], ids=["curved space", "shear of points", "narrow", "tensors"])
def test_not_covered(more: dict[str, Any]) -> None:
    """CLASS's own code, bit for bit."""
    quick = {**SMALL, **QUICK, "l_max_lss": 10, "selection_mean": "1.0", "selection_width": "0.1", **more}
    del quick["non_diagonal"]
    asked, own = computed({**quick, **FAST}), computed(quick)
    assert not asked.neural_network_info()["fast_line_of_sight"]
    ours = pairs(asked, 10)
    for pair, spectrum in pairs(own, 10).items():
        np.testing.assert_array_equal(ours[pair], spectrum, err_msg=pair)


@pytest.mark.parametrize(("more", "message"), [
    ({"dNdz_selection": "nowhere/dNdz.dat"}, "Could not open file"),
    ({"dNdz_evolution": "nowhere/dNdz.dat"}, "Could not open file"),
    ({"dNdz_selection": "short"}, "only covers the redshift range"),
], ids=["no file", "no file of evolution", "short file"])
def test_errors_are_those_of_class(more: dict[str, Any], message: str, tmp_path: Path, sources: Injector) -> None:
    np.savetxt(tmp_path / "short", [[z, 1.0] for z in np.linspace(0.5, 0.6, 20)])
    settings = {**BINS, **{name: value.replace("short", str(tmp_path / "short")) for name, value in more.items()}}
    for choice in ({}, FAST):
        with pytest.raises(classy.CosmoComputationError, match=message):
            computed({**settings, **choice}, sources)


def test_files_of_selection(tmp_path: Path, fast: Any, sources: Injector) -> None:
    """A constant dN/dz changes nothing; a rising one does."""
    z = np.linspace(0.0, 3.0, 200)
    spectra = []
    for name, density in (("flat", np.ones_like(z)), ("rising", z**2)):
        np.savetxt(tmp_path / name, np.transpose([z, density]))
        spectra.append(pairs(computed({**BINS, **FAST, "dNdz_selection": str(tmp_path / name)}, sources)))
    assert_close(spectra[0], pairs(fast), 1e-6)
    assert errors(spectra[1], pairs(fast))["dens[1]-dens[1]"].max() > 1e-2


def test_networks() -> None:
    """The fast way is on where networks give the sources."""
    settings = {**SMALL, **options()}
    model = computed(settings)
    assert model.neural_network_info()["fast_line_of_sight"]
    assert not computed({**settings, "fast_line_of_sight": "no"}).neural_network_info()["fast_line_of_sight"]
