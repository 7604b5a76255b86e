"""Spectra from networks along short lines through parameter space: smooth, as minimisers and derivatives need them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

classy = pytest.importorskip("classy", reason="no classy: run `make classy`")
pytestmark = pytest.mark.usefixtures("patched")

Array = NDArray[np.float64]
Options = Mapping[str, float | str]

COSMOLOGY: Options = {"omega_b": 0.0224, "omega_cdm": 0.12, "H0": 67.0, "tau_reio": 0.05, "N_ur": 2.0308, "N_ncdm": 1,
                      "m_ncdm": 0.06, "output": "tCl,pCl", "neural_network": "yes", "neural_network_fallback": "error"}
FINE = {"reionization_optical_depth_tol": 1e-8}


def off_smooth_curve(name: str, values: Sequence[float], l_max: int, multipoles: slice, options: Options) -> float:
    """How far TT jitters along a line in one parameter: fourth differences, relative."""
    logarithms: list[Array] = []
    for value in values:
        model = classy.Class()
        model.set({**COSMOLOGY, "l_max_scalars": l_max, **options, name: value})
        model.compute()
        logarithms.append(np.log(model.raw_cl(l_max)["tt"][multipoles]))
        model.empty()
    # of independent errors of one, the fourth difference has the standard deviation sqrt(70)
    return float(np.abs(np.diff(logarithms, n=4, axis=0)).max() / np.sqrt(70.0))


def test_a_finer_search_for_z_reio_makes_spectra_smooth() -> None:
    """CLASS finds z_reio by bisection, to 1e-4 of tau_reio unless asked for more; the fast background finds a root."""
    line, own = 0.05 + 0.0005 * np.arange(9), {"fast_background": "no"}
    coarse, fine, fast = (off_smooth_curve("tau_reio", line, 600, slice(100, 301), options)
                          for options in (own, {**own, **FINE}, {}))
    assert max(fine, fast) < coarse / 5


def test_interpolation_in_l_has_the_same_nodes_in_all_cosmologies() -> None:
    """CLASS cuts l_linstep times a factor, which is 1 but for rounding, to a whole number: 15 or 14."""
    # l_max 600: few wavenumbers, so the nodes are far apart
    line = 0.05 + 0.0005 * np.arange(9)
    assert off_smooth_curve("tau_reio", line, 600, slice(30, 600), FINE) < 2e-5
