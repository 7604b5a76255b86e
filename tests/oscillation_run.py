"""Compare C_l of oscillating primordial spectra with fine sampling, in multipoles and in wavenumbers.

    python tests/oscillation_run.py [MODELS]     100 spectra; a line each, the largest errors at the end

Both have the sources of the networks and the fast line of sight; wavenumbers go so far that nothing ends within the
multipoles that are compared. CLASS's own line of sight, with its default sampling, is compared in every twentieth.
"""
from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from classy import Class
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEED, L_MAX = 264, 400
SAME: dict[str, Any] = {
    "output": "tCl,pCl", "l_max_scalars": L_MAX, "k_max_tau0_over_l_max": 4.0, "N_ur": 2.0308, "N_ncdm": 1,
    "m_ncdm": 0.06, "neural_network": "yes", "neural_network_path": "lcdm", "neural_network_fallback": "error",
    "P_k_ini type": "external_Pk"}
FINE = {"l_linstep": 1, "l_logstep": 1.0005, "q_linstep": 0.1, "q_logstep_spline": 5}
CLASS = {"fast_line_of_sight": "no"}
SPECTRA = ("tt", "ee")


def spectra(settings: dict[str, Any]) -> dict[str, Array]:
    model = Class()
    model.set(settings)
    model.compute()
    found = model.raw_cl(L_MAX)
    model.empty()
    return {name: found[name][2:] for name in SPECTRA}


def main(models: int = 100) -> int:
    random = np.random.default_rng(SEED)
    worst = []
    with TemporaryDirectory() as folder:
        table = Path(folder) / "table"
        for number in range(models):
            amplitude, phase = random.uniform(0.01, 0.1), random.uniform(0.0, 2.0 * np.pi)
            frequency = float(np.exp(random.uniform(np.log(20.0), np.log(700.0))))
            ln_k = np.arange(np.log(1e-7), np.log(20.0), 0.1 / frequency)
            power = 2.1e-9 * np.exp(-0.035 * (ln_k - np.log(0.05))) * (1 + amplitude * np.sin(frequency * ln_k + phase))
            np.savetxt(table, np.stack([np.exp(ln_k), power], axis=1))
            settings = {**SAME, "command": f"cat {table}", "omega_b": random.uniform(0.0205, 0.0245),
                        "omega_cdm": random.uniform(0.10, 0.14), "H0": random.uniform(60.0, 76.0)}
            fine = spectra({**settings, **FINE})
            modes = {"fast": {}} if number % 20 else {"fast": {}, "CLASS": CLASS}
            found = {mode: {name: float(np.abs(values / fine[name] - 1.0).max())
                            for name, values in spectra({**settings, **more}).items()} for mode, more in modes.items()}
            worst.append(found["fast"])
            said = "; ".join(f"{mode} " + ", ".join(f"{name.upper()} {error:.1e}" for name, error in errors.items())
                             for mode, errors in found.items())
            print(f"{number} amplitude {amplitude:.3f}, frequency {frequency:.0f}: {said}", flush=True)
    for name in SPECTRA:
        values = np.array([one[name] for one in worst])
        print(f"{name.upper()}: {models} spectra, median {np.median(values):.1e}, 95% {np.quantile(values, 0.95):.1e}, "
              f"worst {values.max():.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
