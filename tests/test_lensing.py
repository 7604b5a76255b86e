"""The fast lensed spectra, and CLASS's own, against the same formulas written out in NumPy."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lensing_twin import DEFAULT, Orders, lensed
from networks_under_test import options
from numpy.typing import NDArray
from providers import computed

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]

NETWORKS_ON = {"output": "tCl,pCl,lCl", "lensing": "yes", "N_ur": 2.0328, "N_ncdm": 1, "m_ncdm": 0.06, **options()}
HIGHEST = Orders(c0=1, c2=4)
# every multipole has its own value, so that no spline comes in
EVERY = {"l_logstep": 1.00001, "l_linstep": 1000}

# relative difference (of TE, over sqrt(TT EE)): double precision, of which B modes lose two digits against E modes,
# and small scales more where the integrals go over all angles
TOLERANCE = 1e-9
TOLERANCE_BB = 1e-8


def compute(settings: dict[str, Any]) -> Any:
    return computed({**NETWORKS_ON, **settings})


def multipoles(l_max: int, step: float) -> NDArray[np.int64]:
    """Where CLASS computes spectra with l_logstep = 1 + step, until steps are l_linstep = 15; splines lie between."""
    ell = [2]
    while (increment := max(int(ell[-1] * step), 1)) < 15 and ell[-1] + increment < l_max:
        ell.append(ell[-1] + increment)
    return np.array(ell)


def assert_agree(model: Any, at: NDArray[np.int64], accurate: bool = False, orders: Orders = DEFAULT,
                 tolerance: float = TOLERANCE) -> None:
    assert_agree_with(lensed(model.raw_cl(), accurate, orders), model.lensed_cl(), at, tolerance)


def assert_agree_with(
    theirs: dict[str, Array], ours: dict[str, Array], at: NDArray[np.int64], tolerance: float
) -> None:
    names = theirs.keys() & ours.keys()
    assert names
    for name in names:
        scale = np.sqrt(ours["tt"] * ours["ee"]) if name == "te" else ours[name]
        error = np.abs(ours[name][at] - theirs[name][at]) / scale[at]
        limit = tolerance * (TOLERANCE_BB / TOLERANCE if name == "bb" else 1)
        assert error.max() < limit, f"{name}: {error.max():.1e} at l = {at[error.argmax()]}"


@pytest.mark.parametrize("orders", [DEFAULT, HIGHEST, Orders(c0=0, c2=0)], ids=str)
@pytest.mark.parametrize("accurate", [False, True])
def test_slow_twin(accurate: bool, orders: Orders) -> None:
    model = compute({"l_max_scalars": 400, "accurate_lensing": int(accurate), "lensing_C0_order": orders.c0,
                     "lensing_C2_order": orders.c2, **EVERY})
    assert model.neural_network_info()["fast_line_of_sight"]
    assert_agree(model, np.arange(2, 401), accurate, orders)


@pytest.mark.parametrize("accurate", [False, True])
def test_twin_of_class(accurate: bool) -> None:
    """The twin is also that of CLASS's own lensing."""
    model = compute({"l_max_scalars": 150, "accurate_lensing": int(accurate), "lensing_C0_order": HIGHEST.c0,
                     "lensing_C2_order": HIGHEST.c2, "fast_line_of_sight": "no", **EVERY})
    assert not model.neural_network_info()["fast_line_of_sight"]
    assert_agree(model, np.arange(2, 151), accurate, HIGHEST)


@pytest.mark.parametrize(("l_max", "step", "tolerance"), [(2508, 0.00401, 1e-9), (5000, 0.0101, 1e-8)])
def test_small_scales(l_max: int, step: float, tolerance: float) -> None:
    model = compute({"l_max_scalars": l_max, "l_logstep": 1 + step, "l_linstep": 1000})
    assert_agree(model, multipoles(l_max, step), tolerance=tolerance)


def test_division_of_the_sphere() -> None:
    """With many multipoles, the sums at large angles have few of them; small angles are closer than CLASS's. Unlensed
    spectra have noise from one multipole to the next, which integrals over the whole sphere smooth."""
    model = compute({"l_max_scalars": 1500, "accurate_lensing": 1, **EVERY, "l_linstep": 1})
    theirs, ours = lensed(model.raw_cl(), accurate=True, oversampling=1.25), model.lensed_cl()
    assert_agree_with(theirs, ours, np.arange(2, 1501), 1e-5)


@pytest.mark.parametrize(("output", "names"), [("tCl,lCl", {"tt"}), ("pCl,lCl", {"ee", "bb"})])
def test_some_spectra_only(output: str, names: set[str]) -> None:
    model = compute({"output": output, "l_max_scalars": 300, **EVERY})
    assert names == {"tt", "te", "ee", "bb"} & model.lensed_cl().keys()
    assert_agree(model, np.arange(2, 301))


def test_lensing_by_nothing() -> None:
    """Without power in the potential spectra stay as they are; B modes vanish."""
    model = compute({"l_max_scalars": 300, "A_L": 0.0, "accurate_lensing": 1, **EVERY})
    raw, ours = model.raw_cl(300), model.lensed_cl(300)
    for name in ("tt", "te", "ee"):
        np.testing.assert_allclose(ours[name][2:], raw[name][2:], rtol=1e-8)
    assert np.abs(ours["bb"]).max() < 1e-10 * ours["ee"].max()


@pytest.mark.parametrize("accurate", [False, True])
def test_few_multipoles(accurate: bool) -> None:
    """So few that there are hardly any angles; lensing changes the spectra as CLASS's own does."""
    ratios = []
    for fast in ("yes", "no"):
        model = compute({"l_max_scalars": 20, "accurate_lensing": int(accurate), "fast_line_of_sight": fast, **EVERY})
        ratios.append([model.lensed_cl(20)[name][2:] / model.raw_cl(20)[name][2:] for name in ("tt", "ee")])
    np.testing.assert_allclose(ratios[0], ratios[1], rtol=1e-5)
