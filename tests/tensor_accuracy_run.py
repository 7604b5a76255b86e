"""Compare fast tensor modes with converged CLASS for cosmologies of a set's domain, in flat space.

    python tests/tensor_accuracy_run.py NETWORK [FIRST [LAST]]   20 cosmologies; the largest errors at the end

Unlensed TT, EE and BB of tensor modes to l = 500, and seconds. Converged CLASS has long hierarchies, wavenumbers as far
as BB needs them, and twice as many times. Both have the fast line of sight, which test_tensors.py compares with CLASS's
own. Errors are relative.
"""
from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from test_tensors import FAST, LONG_HIERARCHIES, NAMES

from cosmicnet.store import read_manifest
from cosmicnet.training.evaluate.domain import unseen_points
from cosmicnet.training.work.run_class import new_class

Array = NDArray[np.float64]

SEED, COSMOLOGIES, L_MAX = 2111, 20, 500
# first and last multipoles
RANGES = ((2, 30), (31, 150), (151, L_MAX))
SAME: dict[str, Any] = {"output": "tCl,pCl", "modes": "t", "r": 0.1, "l_max_tensors": L_MAX, "fast_background": "yes",
                        "Omega_k": 0.0}
CONVERGED: dict[str, Any] = {**LONG_HIERARCHIES, "fast_line_of_sight": "yes", "k_max_tau0_over_l_max": 12.0,
                             "perturbations_sampling_stepsize": 0.05}


def spectra(settings: dict[str, Any]) -> tuple[dict[str, Array], float]:
    """Spectra by name, and seconds."""
    model, start = new_class(settings), time.perf_counter()
    model.compute()
    found = model.raw_cl(L_MAX), time.perf_counter() - start
    model.empty()
    return found


def main(network: str, first: int = 0, last: int = COSMOLOGIES) -> int:
    worst: list[dict[str, float]] = []
    for index, cosmology in enumerate(unseen_points(read_manifest(network), last, SEED)):
        if index < first:
            continue
        # without scalars CLASS has no n_s
        settings = {**{name: value for name, value in cosmology.items() if name != "n_s"}, **SAME}
        (fast, in_time), (full, in_longer_time) = spectra({**settings, **FAST}), spectra({**settings, **CONVERGED})
        worst.append({f"{name} l = {begin} to {end}": float(np.abs(fast[name] / full[name] - 1.0)[begin:end + 1].max())
                      for name in NAMES for begin, end in RANGES})
        print(index, f"{in_time:.2f} s, {in_longer_time:.0f} s,", settings,
              {name: f"{error:.1e}" for name, error in worst[-1].items()}, flush=True)
    print(f"{network}, {len(worst)} cosmologies: median, worst")
    for name in worst[0]:
        values = np.array([one[name] for one in worst])
        print(f"  {name}: {np.median(values):.1e}, {values.max():.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
