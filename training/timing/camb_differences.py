"""Networks in CAMB against CAMB's own results: differences, which part of them is recombination, and seconds."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from cosmicnet.camb import get_results, parameters_of, unlensed_l_max
from cosmicnet.errors import CosmicnetError
from cosmicnet.files import write_whole
from cosmicnet.history import STEP

from ..work.run_class import Parameters, networks_on, new_class, require_patched_classy
from .measured_with import measured_with

__all__ = ["CASES", "CambErrors", "compare_with_camb", "differences", "write_camb"]

Array = NDArray[np.float64]
SpectraByName = dict[str, Array]

L_MAX = 2500
A_S, N_S, TAU = 2.1e-9, 0.966, 0.054
PLANCK = {"H0": 67.4, "ombh2": 0.02238, "omch2": 0.12, "mnu": 0.06, "tau": TAU, "As": A_S, "ns": N_S}
CASES: dict[str, dict[str, Any]] = {
    "LCDM": PLANCK,
    "LCDM, CAMB with `AccuracyBoost` 2": {**PLANCK, "AccuracyBoost": 2.0, "lAccuracyBoost": 2.0, "lSampleBoost": 2.0},
    "LCDM, HMcode 2020": {**PLANCK, "NonLinear": "NonLinear_both"},
    "w0 -0.9, wa 0.1": {**PLANCK, "w": -0.9, "wa": 0.1, "dark_energy_model": "ppf"},
    "Omega_k 0.01": {**PLANCK, "omk": 0.01},
    "N_eff 3.5, three masses of 0.1 eV": {**PLANCK, "mnu": 0.3, "nnu": 3.5, "num_massive_neutrinos": 3},
}
# The case in which the effect of recombination is measured, and that with CAMB at the precision of the networks.
BASELINE, PRECISE = "LCDM", "LCDM, CAMB with `AccuracyBoost` 2"
LOW, HIGH = slice(2, 30), slice(30, L_MAX + 1)
# h/Mpc; largest k and redshifts of P(k)
K_MAX, REDSHIFTS = 2.0, (0.0, 1.0)
KEPT = "camb.json"


@dataclass(frozen=True)
class CambErrors:
    """Largest relative differences: TT, EE at l >= 30, both at lower l, TE (over sqrt(TT EE)), phi phi, linear or
    non-linear P(k); seconds of one thread, and the network set. camb_seconds is 0 where CAMB did not run."""

    tt: float
    ee: float
    low_l: float
    te: float
    pp: float
    pk: float
    seconds: float
    camb_seconds: float
    network: str


def camb_parameters(case: Mapping[str, Any]) -> Any:
    """CAMBparams of a case: linear lensing and P(k) unless it says otherwise."""
    try:
        import camb
    except ImportError as error:
        raise CosmicnetError("CAMB is not installed: pip install camb") from error
    params = camb.set_params(**{"lmax": L_MAX, "lens_potential_accuracy": 4, "NonLinear": "NonLinear_none", **case})
    params.set_matter_power(redshifts=list(REDSHIFTS), kmax=K_MAX * params.h, nonlinear=None, silent=True)
    params.NonLinear = case.get("NonLinear", "NonLinear_none")
    return params


def compare_with_camb(output: Path) -> None:
    """Compare every case, and write the page."""
    require_patched_classy()
    found = {}
    # the first run reads networks and makes tables
    _of_networks(camb_parameters(PLANCK))
    for name, case in CASES.items():
        print(f"{name} ...", flush=True)
        params = camb_parameters(case)
        ours, seconds, network = _of_networks(params)
        theirs, camb_seconds = _timed(partial(_of_camb, params))
        found[name] = CambErrors(**differences(ours, theirs), seconds=seconds, camb_seconds=camb_seconds,
                                 network=network)
    params = camb_parameters(CASES[BASELINE])
    ours, _, _ = _of_networks(params)
    theirs, seconds = _timed(partial(_of_class, params))
    recombination = CambErrors(**differences(ours, theirs), seconds=seconds, camb_seconds=0.0, network="")
    write_camb(output, found, recombination)


def differences(found: SpectraByName, expected: SpectraByName) -> dict[str, float]:
    """The numbers of CambErrors; spectra of P(k) are compared where both have them."""
    def relative(name: str, part: slice) -> float:
        return float(np.max(np.abs(found[name][part] / expected[name][part] - 1.0)))

    cross = np.abs(found["te"] - expected["te"])[HIGH] / np.sqrt(expected["tt"] * expected["ee"])[HIGH]
    return {"tt": relative("tt", HIGH), "ee": relative("ee", HIGH),
            "low_l": max(relative("tt", LOW), relative("ee", LOW)), "te": float(np.max(cross)),
            "pp": relative("pp", slice(2, L_MAX + 1)), "pk": float(np.max(np.abs(found["pk"] / expected["pk"] - 1.0)))}


def _wavenumbers(h: float) -> Array:
    """1/Mpc."""
    return np.geomspace(1e-3, 0.9 * K_MAX, 200) * h


def _of_networks(params: Any) -> tuple[SpectraByName, float, str]:
    results, seconds = _timed(lambda: get_results(params, L_MAX))
    at, ln_k = np.log(_wavenumbers(params.h)), np.log(results.k)
    pk = np.exp(CubicSpline(ln_k, np.log(results.pk_m))(at))
    return {**{name: results.lensed[name] for name in ("tt", "ee", "te", "pp")}, "pk": pk}, seconds, results.network


def _of_camb(params: Any) -> SpectraByName:
    import camb

    results = camb.get_results(params)
    lensed = results.get_lensed_scalar_cls(L_MAX, raw_cl=True)
    power = results.get_matter_power_interpolator(nonlinear=params.NonLinear != "NonLinear_none", hubble_units=False,
                                                  k_hunit=False)
    pk = power.P(list(REDSHIFTS), _wavenumbers(params.h)).T
    return {"tt": lensed[:, 0], "ee": lensed[:, 1], "te": lensed[:, 3],
            "pp": results.get_lens_potential_cls(L_MAX, raw_cl=True)[:, 0], "pk": pk}


def _of_class(params: Any) -> SpectraByName:
    """Networks in CLASS at the same cosmology and with the same sampling, with its own recombination."""
    import camb

    given = parameters_of(camb.get_background(params))
    cosmology = new_class({
        "output": "tCl,pCl,lCl,mPk", "lensing": "yes", "l_max_scalars": L_MAX, "A_s": A_S, "n_s": N_S, "k_pivot": 0.05,
        "tau_reio": TAU, "P_k_max_1/Mpc": 10.0, "z_max_pk": 1.0,
        "delta_l_max": unlensed_l_max(L_MAX) - L_MAX, "perturbations_sampling_stepsize": STEP, **_for_class(given),
        **networks_on()})
    cosmology.compute()
    lensed = cosmology.lensed_cl(L_MAX)
    k = _wavenumbers(params.h)
    pk = np.array([[cosmology.pk_lin(one, z) for z in REDSHIFTS] for one in k])
    cosmology.empty()
    return {**{name: np.array(lensed[name]) for name in ("tt", "ee", "te", "pp")}, "pk": pk}


def _for_class(given: Mapping[str, float]) -> Parameters:
    names = {"H0", "omega_b", "omega_cdm", "N_ur", "YHe", "T_cmb", "N_ncdm", "m_ncdm", "deg_ncdm", "T_ncdm"}
    return {name: int(value) if name == "N_ncdm" else value for name, value in given.items() if name in names}


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the seconds of all threads together."""
    start = process_time()
    result = run()
    return result, process_time() - start


def write_camb(output: Path, found: Mapping[str, CambErrors], recombination: CambErrors) -> None:
    """camb.md with the part about how to use it, and camb.json."""
    kept = {"cases": {name: asdict(errors) for name, errors in found.items()}, "recombination": asdict(recombination)}
    write_whole({output / "camb.md": _page(found, recombination), output / KEPT: json.dumps(kept, indent=1) + "\n"})


def _page(found: Mapping[str, CambErrors], recombination: CambErrors) -> str:
    def row(name: str, errors: CambErrors, *last: str) -> str:
        values = (errors.tt, errors.ee, errors.low_l, errors.te, errors.pp, errors.pk)
        return "| " + " | ".join([name, *(f"{100 * value:.2g}%" for value in values), *last]) + " |"

    rows = [row(name, e, f"`{e.network}`", f"{e.seconds:.2g}", f"{e.camb_seconds:.2g}") for name, e in found.items()]
    of_recombination = row(f"{BASELINE}: CLASS's recombination for CAMB's", recombination, "", "", "")
    return PAGE.format(
        rows="\n".join([*rows, of_recombination]), camb=version("camb"), l_max=L_MAX,
        k_max=f"{K_MAX * 0.9:g}", tt=f"{100 * found[PRECISE].tt:.2g}", ee=f"{100 * found[PRECISE].ee:.2g}",
        measured_with=measured_with(*dict.fromkeys(errors.network for errors in found.values())),
        default_tt=f"{100 * found[BASELINE].tt:.2g}", default_ee=f"{100 * found[BASELINE].ee:.2g}",
        of_tt=f"{100 * recombination.tt:.2g}", of_ee=f"{100 * recombination.ee:.2g}")


PAGE = """\
# Networks in CAMB

CAMB gives the background, recombination and the primordial spectrum; networks give the source functions; line of
sight, lensing and HMcode are those of the patched classy. Install: `pip install ./class_patch '.[camb]'`.

```python
import camb
from cosmicnet.camb import get_results

params = camb.set_params(H0=67.4, ombh2=0.02238, omch2=0.12, mnu=0.06, tau=0.054, As=2.1e-9, ns=0.966, lmax=2500,
                         NonLinear="NonLinear_none")
results = get_results(params)
cl = results.get_lensed_scalar_cls()                # TT, EE, BB, TE in muK^2, as CAMB's method of this name
print(results.network, results.lensed["pp"][100], results.pk_m.shape)
```

`results` has lensed and unlensed spectra (`tt`, `ee`, `te`, `bb`, `pp`; dimensionless, from l = 0 on) and P(k) (`k` in
1/Mpc, `z`, `pk_m` and `pk_cb` in Mpc^3) at the redshifts of `params.set_matter_power()`. `params.NonLinear` works as in
CAMB, with HMcode as `mead2016`, `mead2020` or `mead2020_feedback`.

Coverage is checked as in CLASS: a parameter that is not covered raises `cosmicnet.errors.NotCovered`, with its name,
its value and the covered range. Tensor modes, dark energy other than w0 and wa, isocurvature, source windows and other
non-linear models are refused.

CAMB gives massive neutrinos a degeneracy that is not a whole number. It is converted to a temperature, with the same
energy at all times. The networks need to know the recombination code: HyRec or RECFAST, whichever has the nearer
visibility, is assumed. The length over which photons diffuse differs from CLASS's by 1.1e-4. `lcdm` allows 1e-4, so
`standard` answers, which has this length as an input.

## Cobaya

```yaml
theory:
  cosmicnet.CosmicnetCamb:   # was camb
    networks: auto
    extra_args:
      NonLinear: NonLinear_both
```

Parameters and `extra_args` are those of `camb.set_params()`. Spectra of the CMB, P(k) of `delta_tot` and `delta_nonu`,
Hubble rates and distances are available. A sample that no set covers has zero likelihood.

## Differences

Largest relative differences from CAMB {camb}: TT and EE at l of 30 to {l_max}, both below l = 30, TE relative to
sqrt(TT EE), phi phi to l = {l_max}, P(k) at z = 0 and 1 to k = {k_max} h/Mpc. CAMB has `lens_potential_accuracy` 4.
Seconds of one thread, with the background.

| cosmology | TT | EE | l < 30 | TE | phi phi | P(k) | set | seconds | CAMB |
|---|---|---|---|---|---|---|---|---|---|
{rows}

TT is within {tt}% and EE within {ee}% of CAMB at high precision, and within {default_tt}% and {default_ee}% of CAMB
at its default precision. The last row shows how much recombination contributes: {of_tt}% in TT and {of_ee}% in EE. It
compares networks in CLASS, with its HyRec and CAMB's helium, with networks in CAMB.

{measured_with}

`OMP_NUM_THREADS=1 cosmicnet camb --output docs` writes this page.
"""
