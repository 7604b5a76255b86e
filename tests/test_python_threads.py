"""Several threads of Python compute at a time, each with an object of its own."""
from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from networks_under_test import options
from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("patched")

REQUEST = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "non_linear": "hmcode", "P_k_max_1/Mpc": 5.0,
           "omega_b": 0.0224, "N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06}
COSMOLOGIES = [{"H0": H0, "omega_cdm": 0.12 + 0.001 * (H0 - 67.0)} for H0 in (64.0, 66.0, 68.0, 70.0, 72.0, 74.0)]


def spectra(parameters: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    import classy

    model = classy.Class()
    model.set(parameters)
    model.compute()
    lensed = model.lensed_cl()
    matter = np.array([model.pk(k, 0.0) for k in np.geomspace(1e-3, 4.0, 50)])
    model.empty()
    return {**lensed, "matter": matter}


@pytest.mark.parametrize("mode", ["full", "net"])
def test_same_bits_side_by_side(mode: str) -> None:
    if mode == "net":
        models = [{**REQUEST, **options(), "l_max_scalars": 1000, **cosmology} for cosmology in COSMOLOGIES * 2]
    else:
        models = [{**REQUEST, "l_max_scalars": 200, "P_k_max_1/Mpc": 1.0, **cosmology} for cosmology in COSMOLOGIES[:3]]
    alone = [spectra(parameters) for parameters in models]
    with ThreadPoolExecutor(3) as pool:
        side_by_side = list(pool.map(spectra, models))
    for one, other in zip(alone, side_by_side, strict=True):
        for name in one:
            assert one[name].tobytes() == other[name].tobytes(), name
    assert not np.array_equal(alone[0]["tt"], alone[1]["tt"])


def test_other_threads_run_meanwhile() -> None:
    """While CLASS integrates for seconds this thread counts thousands of times; with the lock kept, a few times."""
    counted = 0
    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(spectra, {**REQUEST, "non_linear": "none", "l_max_scalars": 1000, **COSMOLOGIES[0]})
        while not computing.done():
            time.sleep(1e-3)
            counted += 1
        computing.result()
    assert counted > 100
