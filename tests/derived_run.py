"""Compare the functions that classy derives from P(k, z) between networks and full CLASS.

    python tests/derived_run.py NETWORK [MODELS]     100 cosmologies of the domain; the errors at the end

Growth rates f(k), f sigma8, sigma(R), the tilt of P(k) and the Weyl potential over matter, at the redshifts,
wavenumbers and radii of `cosmicnet evaluate`, which measures them too, beside all spectra and at their cost. Full CLASS
has the precision of the networks' training; both modes have the same background. Errors are relative, but for the tilt.
"""
from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.store import read_manifest
from cosmicnet.training.evaluate.domain import unseen_points
from cosmicnet.training.work import class_spectra as spectra
from cosmicnet.training.work.run_class import networks_on, new_class

Array = NDArray[np.float64]

SEED, MODELS = 262, 100
# few wavenumbers, the same in both modes
OUTPUT: dict[str, Any] = {"output": "lCl,mPk", "l_max_scalars": 100, "P_k_max_1/Mpc": 1.5, "z_max_pk": 2.0,
                          "k_step_sub": 1.0, "k_step_super": 0.02, "k_per_decade_for_pk": 8, "k_per_decade_for_bao": 20,
                          "fast_background": "yes"}


def functions(settings: dict[str, Any]) -> dict[str, Array]:
    model = new_class({**OUTPUT, **settings})
    model.compute(["fourier"])
    try:
        growth = spectra._on_grid(model.scale_dependent_growth_factor_f, spectra.FUNCTION_K)
        # dark energy is perturbed at the first k
        return {"f(k), z = 0, k = 1e-3/Mpc": growth[0, :1], "f(k), z = 0, larger k": growth[0, 1:],
                "f(k), z = 0.5, 1": growth[1:],
                "f sigma8": np.array([model.effective_f_sigma8(z) for z in spectra.FUNCTION_REDSHIFTS]),
                "sigma(R, z)": spectra._on_grid(model.sigma, spectra.FUNCTION_RADII),
                "Weyl": spectra._weyl_over_matter(model), "tilt": spectra._on_grid(model.pk_tilt, spectra.FUNCTION_K)}
    finally:
        model.empty()


def errors(net: dict[str, Array], full: dict[str, Array]) -> dict[str, float]:
    differences = {name: net[name] - full[name] if name == "tilt" else net[name] / full[name] - 1.0 for name in full}
    return {name: float(np.abs(difference).max()) for name, difference in differences.items()}


def main(network: str, models: int = MODELS) -> int:
    found: list[dict[str, float]] = []
    manifest = read_manifest(network)
    for number, cosmology in enumerate(unseen_points(manifest, models, SEED), 1):
        settings = {**cosmology, **manifest.precision_settings}
        found.append(errors(functions({**settings, **networks_on(network)}), functions(settings)))
        print(number, cosmology, found[-1], flush=True)
        if number % 10 == 0 or number == models:
            print(f"{network}, {number} cosmologies: median, 95%, worst", flush=True)
            for name in found[0]:
                values = np.array([one[name] for one in found])
                print(f"  {name}: {np.median(values):.2g}, {np.quantile(values, 0.95):.2g}, {values.max():.2g}",
                      flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
