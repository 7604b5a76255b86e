"""CAMB with networks as a theory of Cobaya: background and recombination by CAMB, source functions by networks."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from cobaya.log import LoggedError
from cobaya.theories.cosmo import BoltzmannBase
from numpy.typing import ArrayLike, NDArray

from cosmicnet.camb import get_results
from cosmicnet.errors import NotCovered

__all__ = ["CosmicnetCamb"]

Array = NDArray[np.float64]

LEAST_L_MAX = 100
# Cobaya's names of the fields whose P(k) is there, by that of Results.
FIELDS = {"delta_tot": "pk_m", "delta_nonu": "pk_cb"}
# Cobaya's names of functions of redshift, and CAMB's.
FUNCTIONS = {"Hubble": "h_of_z", "angular_diameter_distance": "angular_diameter_distance",
             "comoving_radial_distance": "comoving_radial_distance"}
# Powers of l(l+1)/2pi, or of the like with the lensing potential.
LENSING = {"pp": 2.0, "tp": 1.5, "ep": 1.5}


class CosmicnetCamb(BoltzmannBase):  # type: ignore[misc]  # Cobaya has no types
    r"""
    CAMB \cite{Lewis:1999bs}, whose source functions come from networks \cite{Albers:2019rzt}.

    Parameters and extra_args are those of camb.set_params().
    """

    networks: str

    def initialize(self) -> None:
        super().initialize()
        try:
            import camb
        except ImportError as error:
            raise LoggedError(self.log, "CAMB is not installed: pip install camb") from error
        self._camb = camb
        self._l_max, self._k_max = LEAST_L_MAX, 0.0
        self._redshifts: list[float] = []
        self._kinds: set[bool] = set()

    def get_can_support_params(self) -> set[str]:
        names = self._camb.get_valid_numerical_params(dark_energy_model=self.extra_args.get("dark_energy_model"))
        return set(names) - set(self.extra_args)

    def get_allow_agnostic(self) -> bool:
        return False

    def get_can_provide_params(self) -> list[str]:
        return ["H0", "omegam", "omegal", "age", "zstar", "rstar", "thetastar", "DAstar", "zdrag", "rdrag", "kd",
                "thetad", "zeq", "keq", "thetaeq", "thetarseq"]

    def must_provide(self, **requirements: Any) -> None:
        super().must_provide(**requirements)
        for name, wanted in self._must_provide.items():
            if name in ("Cl", "unlensed_Cl"):
                unknown = [spectrum for spectrum in wanted if set(spectrum) - set("tebp")]
                if unknown:
                    raise LoggedError(self.log, "%s: no spectrum %s; networks give tt, te, ee, bb, pp", name,
                                      unknown[0])
                self._l_max = max(self._l_max, *wanted.values())
            elif isinstance(name, tuple) and name[0] == "Pk_grid":
                unknown = [field for field in name[2:] if field not in FIELDS]
                if unknown or name[2] != name[3]:
                    raise LoggedError(self.log, "P(k) of %s and %s: networks in CAMB give those of %s", *name[2:],
                                      " and ".join(FIELDS))
                self._kinds.add(name[1])
                self._k_max = max(self._k_max, wanted["k_max"])
                self._redshifts = sorted({*self._redshifts, *map(float, wanted["z"])})
            elif name not in (*FUNCTIONS, *self.get_can_provide_params()):
                raise LoggedError(self.log, "%s is not available with networks in CAMB", name)

    def calculate(self, state: dict[Any, Any], want_derived: bool = True, **parameters: float) -> bool:
        try:
            results = get_results(self._params(parameters), self._l_max, self.networks)
        except (NotCovered, self._camb.CAMBParamRangeError, self._camb.CAMBError) as error:
            self.log.debug("no spectra: %s", error)
            if isinstance(error, NotCovered) and not error.this_cosmology_only:
                raise LoggedError(self.log, str(error)) from error
            return False
        state["results"] = results
        for name in self._must_provide:
            if isinstance(name, tuple):
                of_field = f"{FIELDS[name[2]]}{'' if name[1] else '_linear'}"
                state[name] = results.k, results.z, getattr(results, of_field).T
        if want_derived:
            background = results.background
            own = {"H0": background.Params.H0, "omegam": background.get_Omega("cdm") + background.get_Omega("baryon")
                   + background.get_Omega("nu"), "omegal": background.omega_de}
            found = {**background.get_derived_params(), **own}
            state["derived"] = {name: found[name] for name in self.output_params if name in found}
        return True

    def _params(self, parameters: Mapping[str, float]) -> Any:
        """CAMBparams of a sample."""
        params = self._camb.set_params(**{"lmax": self._l_max, **self.extra_args, **parameters})
        non_linear = params.NonLinear
        if self._redshifts:
            params.set_matter_power(redshifts=self._redshifts, kmax=self._k_max, silent=True)
        has_lensing = non_linear in ("NonLinear_lens", "NonLinear_both")
        params.NonLinear = (("NonLinear_both" if has_lensing else "NonLinear_pk") if True in self._kinds
                            else "NonLinear_lens" if has_lensing else "NonLinear_none")
        return params

    def get_Cl(self, ell_factor: bool = False, units: str = "FIRASmuK2") -> dict[str, Array]:
        return self._scaled(self.current_state["results"].lensed, ell_factor, units)

    def get_unlensed_Cl(self, ell_factor: bool = False, units: str = "FIRASmuK2") -> dict[str, Array]:
        return self._scaled(self.current_state["results"].unlensed, ell_factor, units)

    def _scaled(self, spectra: Mapping[str, Array], ell_factor: bool, units: str) -> dict[str, Array]:
        unit, ell = self._cmb_unit_factor(units, self.current_state["results"].t_cmb), np.arange(spectra["tt"].size)
        scaled: dict[str, Any] = {"ell": ell}
        for name, cl in spectra.items():
            if name == "ell":
                continue
            power = LENSING.get(name, 1.0)
            factor = (ell * (ell + 1.0)) ** power / (2.0 * np.pi) if ell_factor else 1.0
            scaled[name] = cl * factor * unit ** (2 - name.count("p"))
        return scaled

    def _get_z_dependent(self, quantity: str, z: ArrayLike, pool: Any = None) -> Array:
        """By CAMB itself, at any redshift."""
        evaluate = getattr(self.current_state["results"].background, FUNCTIONS[quantity])
        return np.array([float(evaluate(one)) for one in np.atleast_1d(np.asarray(z, dtype=float))])
