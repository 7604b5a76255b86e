"""SourceRequest.integrate_on: CLASS integrates on other grids and records two pieces of S_T0."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builds import build_is_missing
from numpy.typing import NDArray
from providers import OnGrids, computed
from scipy.interpolate import CubicSpline

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]
Grids = tuple[Array, Array]

SETTINGS = {"output": "tCl,pCl,lCl,mPk", "l_max_scalars": 100, "P_k_max_1/Mpc": 0.2}
K_OUTPUT = (0.002, 0.03, 0.15)


def integrate(
    grids: Callable[[Any], Grids], level: str = "perturbations", **options: Any
) -> tuple[Any, dict[str, Array]]:
    """The model, which owns the recorded tables, and the tables."""
    provider = OnGrids(grids)
    return computed({**SETTINGS, **options}, provider, level), provider.recorded


def every_third(request: Any) -> Grids:
    return request.k[::3].copy(), request.tau[::3].copy()


@pytest.fixture(scope="module")
def full() -> Any:
    return computed(SETTINGS).get_sources()


def test_tables_on_other_grids_agree_with_classs_own(full: Any) -> None:
    sources, _, _ = full
    _model, recorded = integrate(every_third)
    for name, table in sources.items():
        expected = table.T[::3, ::3]
        # other times of output are other steps of the integrator
        assert np.abs(recorded[name] - expected).max() < 2e-4 * np.abs(expected).max(), name
        assert np.abs(recorded[name]).max() > 0


@pytest.mark.parametrize("gauge", ["synchronous", "newtonian"])
def test_recorded_pieces_are_newtonian_theta_b_and_phi_prime(gauge: str) -> None:
    """Against the perturbations that CLASS prints, which it converts to the Newtonian gauge itself."""
    grids: dict[str, Array] = {}

    def own(request: Any) -> Grids:
        grids.update(k=request.k.copy(), tau=request.tau.copy())
        return grids["k"], grids["tau"]

    model, recorded = integrate(own, gauge=gauge, k_output_values=",".join(map(str, K_OUTPUT)))
    for k, printed in zip(K_OUTPUT, model.get_perturbations()["scalar"], strict=True):
        index = int(np.argmin(np.abs(grids["k"] - k)))
        time, first = np.unique(printed["tau [Mpc]"], return_index=True)
        theta_b = CubicSpline(time, printed["theta_b"][first])(grids["tau"]) / k**2
        assert np.abs(recorded["theta_b"][:, index] - theta_b).max() < 2e-4 * np.abs(theta_b).max()
        phi_prime = CubicSpline(time, printed["phi"][first])(grids["tau"], 1)
        error = np.abs(recorded["phi_prime"][:, index] - phi_prime) / np.abs(phi_prime).max()
        # the derivative of the printed column is rough where CLASS switches approximations
        assert np.median(error) < 1e-5
        assert np.quantile(error, 0.9) < 0.01


BAD: dict[str, Callable[[Any], Grids]] = {
    "k: .* values": lambda request: (np.linspace(0.01, 0.02, request.k.size + 1), request.tau.copy()),
    "tau: .* values": lambda request: (request.k.copy(), np.linspace(300, 400, request.tau.size + 1)),
    "k: 0 values": lambda request: (np.empty(0), request.tau.copy()),
    "tau: 0 values": lambda request: (request.k.copy(), np.empty(0)),
    "k: must be": lambda request: (request.k[::-1].copy(), request.tau.copy()),
    "tau: must be": lambda request: (request.k.copy(), np.repeat(request.tau[::2], 2)[: request.tau.size]),
    "k: must be positive": lambda request: (np.array([-0.1, 0.1]), request.tau.copy()),
    "k: must be .*finite": lambda request: (np.array([0.1, np.inf]), request.tau.copy()),
    "tau: must be .*finite": lambda request: (request.k.copy(), np.array([np.nan])),
    "tau: .*beyond today": lambda request: (request.k.copy(), request.tau * (1 + 1e-9)),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_grid_refuses(message: str) -> None:
    with pytest.raises(classy.CosmoSevereError, match=message) as caught:
        integrate(BAD[message])
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("level", "options", "message"),
    [
        ("perturbations", {"z_max_pk": 1.0}, "z_pk = 0"),
        ("perturbations", {"ic": "ad,cdi"}, "initial condition"),
        ("fourier", {}, "perturbations"),
    ],
)
def test_where_grids_cannot_change_it_refuses(level: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(classy.CosmoSevereError, match=message):
        integrate(every_third, level, **options)


# SourceRequest.record: CLASS integrates on its own grids, and hands over the same


class Recording:
    """Copies the recorded tables, or raises an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.accepted, self.recorded = error, False, dict[str, Array]()
        self.parameters: dict[str, Any] = {}

    def provide(self, request: Any) -> bool:
        self.parameters = request.parameters
        self.accepted = request.record()
        return False

    def integrated(self, recorded: dict[str, Array]) -> None:
        if self.error is not None:
            raise self.error
        self.recorded = {name: table.copy() for name, table in recorded.items()}


def recorded(provider: Recording, **options: Any) -> Any:
    if not hasattr(classy._classy.SourceRequest, "record"):
        build_is_missing("the classy installed here is an older one: run `make classy`")
    model = classy.Class()
    model.set({**SETTINGS, **options})
    model.set_source_provider(provider)
    model.compute()
    return model


def test_recording_changes_no_bit_and_hands_over_all(full: Any) -> None:
    provider = Recording()
    model = recorded(provider)
    for name, table in full[0].items():
        assert np.array_equal(model.get_sources()[0][name], table), name
        assert np.array_equal(provider.recorded[name], table.T), name
    _model, on_same = integrate(lambda request: (request.k.copy(), request.tau.copy()))
    for name in ("theta_b", "phi_prime", "visibility"):
        assert np.array_equal(provider.recorded[name], on_same[name]), name
    assert provider.parameters["P_k_max_1/Mpc"] == 0.2
    # the memory that CLASS wrote into is gone: another computation must not find it
    model.set_source_provider(None)
    model.set({"omega_b": 0.023})
    model.compute()


def test_isocurvature_is_not_recorded() -> None:
    provider = Recording()
    recorded(provider, ic="ad,cdi")
    assert not provider.accepted and not provider.recorded


def test_an_error_while_it_is_handed_over_is_raised() -> None:
    with pytest.raises(classy.CosmoSevereError):
        recorded(Recording(ValueError("no room")))
