"""Compute many quantities for varied inputs with whatever classy imports; run as a script by tests.

    python spectra_of_build.py FILE.npz    write arrays named 'case/quantity/column'
    python spectra_of_build.py --version   print version and folder of classy
"""
from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import classy
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# l and k reach just far enough that every branch is entered
_CMB = {"output": "tCl,pCl,lCl", "lensing": "yes", "l_max_scalars": 100}
_BOTH = {"output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": 100, "P_k_max_1/Mpc": 0.2}
_MATTER = {"output": "mPk", "P_k_max_1/Mpc": 1.0}
_BINS = {"selection": "gaussian", "selection_mean": "0.5,1.2", "selection_width": "0.2"}
_ONE_NEUTRINO = {"N_ncdm": 1, "m_ncdm": 0.06, "N_ur": 2.0308}
_TRANSFERS = {
    "output": "mTk,vTk", "P_k_max_1/Mpc": 0.5, "z_pk": "0,3", "extra_metric_transfer_functions": "yes",
}

CASES: dict[str, dict[str, Any]] = {
    "default": _BOTH,
    "open": {**_BOTH, "Omega_k": 0.05},
    # in a closed universe stock CLASS 3.4.1 fails at smaller l_max
    "closed": {"output": "tCl,pCl", "l_max_scalars": 700, "Omega_k": -0.01},
    "fluid": {**_BOTH, "Omega_Lambda": 0, "w0_fld": -0.9, "wa_fld": 0.3},
    "three_neutrinos": {
        "output": "mPk", "P_k_max_1/Mpc": 0.1,
        "N_ur": 0.00641, "N_ncdm": 3, "m_ncdm": "0.01,0.02,0.1",
    },
    "tensors": {**_CMB, "modes": "s,t", "r": 0.1, "l_max_tensors": 80},
    "vectors": {"output": "tCl,pCl", "modes": "v", "l_max_vectors": 100},
    "isocurvature": {"output": "tCl,pCl", "l_max_scalars": 100, "ic": "ad,cdi", "f_cdi": 0.3, "c_ad_cdi": -0.5},
    "number_counts": {
        **_BINS, "output": "nCl", "l_max_lss": 10, "selection_mean": "1.2",
        "number_count_contributions": "density,rsd,lensing,gr",
    },
    "shear": {**_BINS, "output": "tCl,sCl", "l_max_scalars": 100, "l_max_lss": 60, "non_diagonal": 1},
    "halofit": {**_MATTER, "P_k_max_1/Mpc": 5.0, "non_linear": "halofit", "z_pk": "0,1"},
    "hmcode": {**_MATTER, **_ONE_NEUTRINO, "P_k_max_1/Mpc": 5.0, "non_linear": "hmcode"},
    "transfer_functions": _TRANSFERS,
    "late_times": {**_BOTH, "z_max_pk": 4.0},
    "newtonian": {**_BOTH, "gauge": "newtonian"},
    "accurate_lensing": {**_CMB, "l_max_scalars": 800, "accurate_lensing": 1, "delta_l_max": 300},
    "sigma8": {**_MATTER, "sigma8": 0.8},
    "sound_horizon": {**_CMB, "theta_s_100": 1.0411, "tau_reio": 0.06, "YHe": 0.24},
    "k_output": {**_CMB, "k_output_values": "0.01,0.1"},
    "decaying_matter": {**_CMB, "Omega_dcdmdr": 0.02, "Gamma_dcdm": 20.0, "omega_cdm": 0.1},
}


# Few wavenumbers: the same bits need no accurate spectra. These cases keep CLASS's own sampling.
FEW = {"k_per_decade_for_bao": 10, "k_step_sub": 0.2, "k_step_super": 0.01}
WELL_SAMPLED = ("default", "open", "closed", "accurate_lensing")


def quantities(model: classy.Class, case: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """All that the model can be asked for, as pairs of a name and an array."""
    tables: dict[str, Mapping[str, Any]] = {
        "background": model.get_background(),
        "thermodynamics": model.get_thermodynamics(),
    }
    outputs = str(case["output"])
    if "tCl" in outputs:
        tables["raw_cl"] = model.raw_cl()
    if "lensing" in case:
        tables["lensed_cl"] = model.lensed_cl()
    if "nCl" in outputs or "sCl" in outputs:
        tables["density_cl"] = {
            f"{name}{bins}": spectrum
            for name, spectra in model.density_cl().items()
            for bins, spectrum in (spectra.items() if isinstance(spectra, dict) else [("", spectra)])
        }
    if "k_output_values" in case:
        for index, perturbations in enumerate(model.get_perturbations()["scalar"]):
            tables[f"perturbations{index}"] = perturbations
    if "Tk" in outputs:
        for z in (0.0, 2.5):
            tables[f"transfer z={z}"] = model.get_transfer(z=z)
    if "mPk" in outputs:
        tables.update(_matter(model, case))
    for table, columns in tables.items():
        for column, values in columns.items():
            yield f"{table}/{column.replace('/', '|')}", np.asarray(values)


def _matter(model: classy.Class, case: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    k = np.geomspace(2e-4, 0.99 * float(case["P_k_max_1/Mpc"]), 60)
    redshifts = (0.0, 0.7) if "z_pk" in case or "z_max_pk" in case else (0.0,)
    tables: dict[str, Mapping[str, Any]] = {
        f"pk z={z}": {
            "total": [model.pk(wavenumber, z) for wavenumber in k],
            "linear": [model.pk_lin(wavenumber, z) for wavenumber in k],
        }
        for z in redshifts
    }
    tables["amplitude"] = {"sigma8": [model.sigma8()], "S8": [model.S8()]}
    return tables


def main(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print(metadata.version("classy"), classy.__file__)
        return
    arrays: dict[str, Array] = {}
    for name, case in CASES.items():
        start = time.perf_counter()
        model = classy.Class()
        model.set(case if name in WELL_SAMPLED else {**FEW, **case})
        model.compute()
        arrays |= {f"{name}/{quantity}": values for quantity, values in quantities(model, case)}
        print(f"{name}: {time.perf_counter() - start:.2f} s", flush=True)
    np.savez(arguments[0], **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
