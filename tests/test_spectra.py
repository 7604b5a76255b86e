"""Line of sight, lensing and HMcode from arrays agree with a compute() of classy with the same sources."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from networks_under_test import options
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.errors import CosmicnetError
from cosmicnet.request import at_request
from cosmicnet.spectra import Densities, hmcode, lens, line_of_sight

pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]

L_MAX, BEYOND = 1500, 500
A_S, N_S, PIVOT = 2.1e-9, 0.966, 0.05
PARAMETERS: dict[str, Any] = {
    "output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": L_MAX, "delta_l_max": BEYOND, "H0": 67.3,
    "omega_b": 0.02238, "omega_cdm": 0.1201, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "tau_reio": 0.054, "A_s": A_S,
    "n_s": N_S, "k_pivot": PIVOT, "P_k_max_1/Mpc": 5.0, "z_max_pk": 2.0, **options()}


@dataclass(frozen=True)
class Computed:
    """One compute() of classy, and the arrays that the functions take."""

    k: Array
    tau: Array
    sources: dict[str, Array]
    k_size_cmb: int
    tau_rec: float
    raw: dict[str, Array]
    lensed: dict[str, Array]

    def primordial(self) -> tuple[Array, Array]:
        k = np.geomspace(self.k[0], self.k[-1], 50)
        return k, A_S * (k / PIVOT) ** (N_S - 1.0)

    def arguments(self) -> dict[str, Any]:
        return {"k": self.k, "tau": self.tau, "sources": self.sources, "primordial": self.primordial(),
                "tau_rec": self.tau_rec, "l_max": L_MAX + BEYOND, "k_size_cmb": self.k_size_cmb}


def compute(**others: Any) -> Computed:
    from classy import Class

    parameters = {**PARAMETERS, **others}
    size = at_request(parameters, lambda request: int(request.k_size_cmb))
    assert size is not None
    cosmology = Class()
    cosmology.set(parameters)
    cosmology.compute()
    assert cosmology.neural_network_info()["used"]
    sources, k, tau = cosmology.get_sources()
    found = Computed(k, tau, sources, size, cosmology.get_current_derived_parameters(["tau_rec"])["tau_rec"],
                     cosmology.raw_cl(L_MAX + BEYOND), cosmology.lensed_cl(L_MAX))
    cosmology.empty()
    return found


@pytest.fixture(scope="module")
def computed(patched: None) -> Computed:
    return compute()


def worst(found: Array, expected: Array) -> float:
    """The largest difference, relative to the spectrum smoothed over its zeros."""
    return float(np.max(np.abs(found - expected)[2:] / np.maximum(np.abs(expected), 1e-300)[2:]))


def test_line_of_sight(computed: Computed) -> None:
    cl = line_of_sight(**computed.arguments())
    assert list(cl["ell"]) == list(range(L_MAX + BEYOND + 1))
    for name in ("tt", "ee", "pp"):
        assert worst(cl[name], computed.raw[name]) < 1e-6, name
    cross = np.sqrt(computed.raw["tt"] * computed.raw["ee"])[2:]
    assert np.max(np.abs(cl["te"] - computed.raw["te"])[2:] / cross) < 1e-6


def test_integral_over_time_has_converged(computed: Computed) -> None:
    """Cubics through CLASS's times against twelve times as many; its trapezoidal rule is off by 1e-3."""
    tau = computed.tau
    within = np.linspace(0.0, 1.0, 12, endpoint=False)
    many = np.append((tau[:-1, None] + np.diff(tau)[:, None] * within).ravel(), tau[-1])
    more = {name: CubicSpline(tau, table, axis=1)(many) for name, table in computed.sources.items()}
    cl, converged = (line_of_sight(**{**computed.arguments(), **arrays})
                     for arrays in ({}, {"tau": many, "sources": more}))
    for name, bound in {"tt": 3e-4, "ee": 1e-4}.items():
        assert worst(cl[name][:1000], converged[name][:1000]) < bound


def test_uneven_times_are_integrated_by_trapezia(computed: Computed) -> None:
    """A cubic through two times that nearly coincide and two others has large weights of both signs. With all weights
    positive the error is that of trapezia: 1e-3 of TT at small l, not less and not more."""
    tau = computed.tau
    uneven = np.sort(np.append(tau, tau[300:-1:7] + 1e-4 * np.diff(tau)[300::7]))
    more = {name: CubicSpline(tau, table, axis=1)(uneven) for name, table in computed.sources.items()}
    cl, of_uneven = (line_of_sight(**{**computed.arguments(), **arrays})
                     for arrays in ({}, {"tau": uneven, "sources": more}))
    assert 3e-4 < worst(of_uneven["tt"][:30], cl["tt"][:30]) < 2e-3
    for name in ("tt", "ee"):
        assert worst(of_uneven[name][:1000], cl[name][:1000]) < 2e-3


def multipoles() -> list[int]:
    """Those at which classy has unlensed and lensed spectra; it interpolates between them."""
    found, step = [2], 1
    while step < 15:
        found.append(found[-1] + step)
        step = max(int(found[-1] * 0.035), 1)
    return [*found, *range(found[-1] + 15, L_MAX + 1, 15)]


def test_lensing(computed: Computed) -> None:
    cl, nodes = lens(line_of_sight(**computed.arguments()), L_MAX), multipoles()
    for name in ("tt", "ee", "bb"):
        assert worst(cl[name][nodes], computed.lensed[name][nodes]) < 1e-6, name
        # the error of the interpolation, largest at the end
        assert worst(cl[name], computed.lensed[name]) < 1e-3, name
    assert np.array_equal(cl["pp"], line_of_sight(**computed.arguments())["pp"][:L_MAX + 1])


@pytest.mark.parametrize("curvature", [0.02, -0.02])
def test_curved_space(curvature: float) -> None:
    computed = compute(Omega_k=curvature, neural_network_path="standard")
    K = -curvature * (PARAMETERS["H0"] / 299792.458) ** 2
    cl = line_of_sight(**computed.arguments(), curvature=K)
    for name in ("tt", "ee", "pp"):
        assert worst(cl[name], computed.raw[name]) < 1e-5, name


def test_precision_is_passed_on(computed: Computed) -> None:
    coarse = line_of_sight(**computed.arguments(), precision={"q_linstep": 2.0})
    assert worst(coarse["tt"], computed.raw["tt"]) > 1e-3


def test_amplitude_and_lens_sources_scale(computed: Computed) -> None:
    given = computed.arguments()
    doubled = {**given["sources"], "phi_plus_psi": 2.0 * given["sources"]["phi_plus_psi"]}
    k, spectrum = given["primordial"]
    cl, more = line_of_sight(**given), line_of_sight(**{**given, "sources": doubled, "primordial": (k, 3.0 * spectrum)})
    assert more["tt"][2:] == pytest.approx(3.0 * cl["tt"][2:], rel=1e-10)
    assert more["pp"][2:] == pytest.approx(12.0 * cl["pp"][2:], rel=1e-6)


@pytest.mark.parametrize("others", [
    {}, {"N_ncdm": 0, "N_ur": 3.044, "m_ncdm": None}, {"Omega_Lambda": 0, "w0_fld": -0.9}])
@pytest.mark.parametrize("version", ["2015", "2020", "2020_baryonic_feedback"])
def test_hmcode(others: dict[str, Any], version: str) -> None:
    from classy import Class

    given = {name: value for name, value in {**PARAMETERS, **others, "neural_network_path": "auto"}.items()
             if value is not None and name not in ("lensing", "l_max_scalars", "delta_l_max")}
    cosmology = Class()
    cosmology.set({**given, "output": "mPk", "non_linear": "hmcode", "hmcode_version": version, "P_k_max_1/Mpc": 10.0,
                   "z_max_pk": 1.0})
    cosmology.compute()
    has_mass = given["N_ncdm"] > 0
    linear, k, z = cosmology.get_pk_and_k_and_z(nonlinear=False)
    expected, _, _ = cosmology.get_pk_and_k_and_z(nonlinear=True)
    cb = cosmology.get_pk_and_k_and_z(nonlinear=False, only_clustering_species=True)[0] if has_mass else None
    background = cosmology.get_background()
    densities = Densities(
        h=cosmology.h(), matter=cosmology.Omega_m(), baryons=cosmology.Omega_b(),
        cdm=given["omega_cdm"] / cosmology.h()**2,
        dark_energy=1.0 - cosmology.Omega_m() - cosmology.Omega_r(), massive=cosmology.Omega_nu if has_mass else 0.0,
        w0=others.get("w0_fld", -1.0), T_cmb=cosmology.T_cmb(), N_eff=cosmology.Neff())
    cosmology.empty()
    assert background["z"][-1] == 0.0 and z[-1] == 0.0
    found, found_cb = hmcode(k, z, linear, densities, cb, {"hmcode_version": version})
    assert (found_cb is not None) == has_mass
    non_linear = expected > 1.001 * linear
    assert non_linear.any()
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def densities() -> Densities:
    return Densities(h=0.67, matter=0.31, baryons=0.05, cdm=0.26, dark_energy=0.69)


def small() -> dict[str, Any]:
    """Arrays that fit together."""
    k, tau = np.geomspace(1e-4, 0.1, 6), np.array([200.0, 280.0, 1000.0, 5000.0, 14000.0])
    return {"k": k, "tau": tau, "sources": dict.fromkeys(("t0", "t1", "t2", "phi_plus_psi"), np.ones((6, 5))),
            "primordial": (k, np.ones(6)), "tau_rec": 280.0, "l_max": 100}


@pytest.mark.parametrize(("change", "message"), [
    (lambda a: a.update(k=a["k"][::-1]), r"^k: .*\b4\b"),
    (lambda a: a.update(tau=np.array([200.0, 300.0, 290.0, 5000.0, 14000.0])), "^tau: "),
    (lambda a: a.update(tau=np.array([200.0, np.nan, 290.0, 5000.0, 14000.0])), "^tau: "),
    (lambda a: a["sources"].pop("t1"), r"^t1\b.*\bt0, t2, phi_plus_psi\b"),
    (lambda a: a["sources"].update(t2=np.ones((5, 6))), r"^t2: .*\(5, 6\).*\(6, 5\)"),
    (lambda a: a["sources"].update(t0=np.full((6, 5), np.inf)), "^t0: .*finite"),
    (lambda a: a.update(primordial=(a["k"][1:], np.ones(5))), r"primordial.*k = 0\.000398"),
    (lambda a: a.update(primordial=(a["k"], -np.ones(6))), "primordial.*positive"),
    (lambda a: a.update(primordial=(a["k"], np.ones(5))), r"^P: .*\(5,\).*\(6,\)"),
    (lambda a: a.update(tau_rec=100.0), "^tau_rec = 100 Mpc: "),
    (lambda a: a.update(curvature=-1e-7), r"^k: .*\b0\.0001/Mpc.*\b0\.0003162/Mpc"),
    (lambda a: a.update(l_max=2), r"^l_max = 2: .*\b10\b"),
    (lambda a: a.update(l_max=100.5), "^l_max = 100.5"),
    (lambda a: a.update(k_size_cmb=7), r"^k_size_cmb = 7: .*\b4\b.*\b6\b"),
    (lambda a: a.update(precision={"omega_b": 0.02}), r"^omega_b\b.*\bl_linstep\b"),
])
def test_arrays_of_the_line_of_sight(change: Callable[[dict[str, Any]], object], message: str) -> None:
    arguments = small()
    change(arguments)
    with pytest.raises(CosmicnetError, match=message):
        line_of_sight(**arguments)


@pytest.mark.parametrize(("names", "size", "l_max", "message"), [
    ("tt ee te", 200, 100, r"^pp\b.*\btt, ee, te\b"),
    ("ee te pp", 200, 100, r"^tt\b"),
    ("tt ee te pp", 102, 100, r"l_max = 100: .*\b2\b.*\bl = 101\b"),
])
def test_spectra_to_lens(names: str, size: int, l_max: int, message: str) -> None:
    with pytest.raises(CosmicnetError, match=message):
        lens({name: np.ones(size) for name in names.split()}, l_max)


def test_spectra_of_different_lengths() -> None:
    spectra = {"tt": np.ones(200), "ee": np.ones(199), "te": np.ones(200), "pp": np.ones(200)}
    with pytest.raises(CosmicnetError, match=r"^ee: .*\(199,\).*\(200,\)"):
        lens(spectra, 100)


def test_spectra_for_hmcode(densities: Densities) -> None:
    k, z = np.geomspace(1e-4, 10.0, 50), np.array([1.0, 0.0])
    ones = np.ones((50, 2))
    for wrong in (np.array([0.0, 1.0]), np.array([1.0, 0.5]), np.array([np.nan, 0.0])):
        with pytest.raises(CosmicnetError, match=r"^z: .*\b0\b"):
            hmcode(k, wrong, ones, densities)
    with pytest.raises(CosmicnetError, match=r"^pk_m: .*\(2, 50\).*\(50, 2\)"):
        hmcode(k, z, ones.T, densities)
    with pytest.raises(CosmicnetError, match="positive"):
        hmcode(k, z, -ones, densities)
    with pytest.raises(CosmicnetError, match=r"^pk_cb: .*\bdensities\.massive = 0\.001\b"):
        hmcode(k, z, ones, replace(densities, massive=1e-3))
    short = k[k < 0.05]
    spectrum = 2e4 * np.exp(-np.log(short[:, None] / 0.02) ** 2 / 3.0) * np.ones(2)
    with pytest.raises(CosmicnetError, match=r"^k: .*\b0\.04\d*/Mpc.*non-linear scale"):
        hmcode(short, z, spectrum, densities)
    with pytest.raises(CosmicnetError, match=r"^l_linstep\b.*\bhmcode_version\b"):
        hmcode(k, z, ones, densities, parameters={"l_linstep": 5})


def test_without_the_patched_classy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classy._classy", ModuleType("classy._classy"))
    monkeypatch.setattr("cosmicnet.classy.folder", lambda: None)
    with pytest.raises(CosmicnetError, match=r"pip install \./class_patch"):
        lens({}, 100)


def test_an_error_of_class_leaves_nothing_behind(densities: Densities, computed: Computed) -> None:
    from classy import CosmoSevereError

    k = np.geomspace(1e-4, 10.0, 200)
    with pytest.raises(CosmoSevereError, match="hmcode_version"):
        hmcode(k, [0.0], np.ones((200, 1)), densities, parameters={"hmcode_version": "1999"})
    cl = line_of_sight(**computed.arguments())
    assert worst(cl["tt"], computed.raw["tt"]) < 1e-6
