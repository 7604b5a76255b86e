"""Cobaya's classy with one more choice: `mode: net` takes the source functions from networks."""
from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
from cobaya import mpi
from cobaya.component import ComponentNotInstalledError
from cobaya.install import pip_install
from cobaya.log import LoggedError, get_logger
from cobaya.theories.classy import classy
from packaging import version

from cosmicnet.class_parameters import SAME_MODULES
from cosmicnet.errors import CosmicnetError, NotCovered
from cosmicnet.provider import FALLBACKS
from cosmicnet.request import IN_PLACE_OF_A_S
from cosmicnet.store import NetworkSet

from .covmats import best_covmat
from .modes import DIGITS, ERROR, USED, named_sets, recorded_networks, with_networks
from .mpi_cores import share_cores
from .prior import NotChecked, coverage_of_prior
from .sources import PRODUCT, Sources, computes, errors_stop_the_run
from .weyl import WEYL, auto_pairs, weyl_grids

__all__ = ["Cosmicnet"]

MODES = ("full", "net", "learn")
OPTION_PREFIX = "neural_network"
# To time a fast step: relative change of the parameters, and number of steps.
NEAR, TIMED_STEPS = 1e-6, 3
# Multipoles of the lensing potential, which is computed with the Weyl potential.
L_MAX_OF_WEYL = 100
# Limber's approximation for the lensing potential at wavenumbers beyond those of the CMB, which is CLASS's default; the
# release from which on CLASS has it beside tensor modes.
FULL_LIMBER, LIMBER_WITH_TENSORS = "want_lcmb_full_limber", (3, 4)
# The last module of CLASS.
LAST_MODULE = ["distortions"]

INSTALL_HINT = "cobaya-install cosmicnet.Cosmicnet"


class Cosmicnet(classy):  # type: ignore[misc]  # Cobaya has no types
    r"""
    CLASS \cite{Blas:2011rf}, whose source functions come from networks (mode `net`), from its own
    equations (mode `full`) \cite{Albers:2019rzt}, or from networks that learn them during the run (mode `learn`).
    Everything else is Cobaya's `classy`.
    """

    mode: str
    networks: str
    fallback: str
    learned: str | None
    input_params: Any
    output_params: Any
    derived_extra: Any

    def initialize(self) -> None:
        """Import classy and check the options."""
        self._refuse_bad_options()
        self._require_classy()
        threads = share_cores()
        if threads is not None:
            self.mpi_info("MPI: CLASS runs with %d thread(s) per process (set OMP_NUM_THREADS to choose)", threads)
        self.network_set: NetworkSet | None = None
        self._candidates: dict[str, NetworkSet] = {}
        super().initialize()
        # already merged into the run's parameters: if they were kept here, Cobaya would pass no others
        self.params: dict[str, Any] = {}
        # the slow half; None with stock classy, which cannot continue from the sources
        self.sources: Sources | None = None
        # keys of the requested grids of the Weyl potential, without the pair of quantities
        self._weyl: set[tuple[Any, ...]] = set()
        self._given_output = set(self.extra_args["output"].split())
        # parameters of the last calculation
        self._values: dict[str, Any] = {}
        if self.mode == "net":
            self._require_patch()
            self._candidates = self._load_networks()
            self._take(next(iter(self._candidates)))
            # for fallbacks too: else the likelihood has a step at the edge of the domain
            for name, value in SAME_MODULES.items():
                self.extra_args.setdefault(name, value)
        elif self.mode == "learn":
            self._require_patch()
            # absolute, since all processes and later runs share it and a process may change its folder
            folder = Path(str(self.learned)).expanduser().absolute()
            self.extra_args |= {OPTION_PREFIX: "yes", f"{OPTION_PREFIX}_path": self.networks,
                                f"{OPTION_PREFIX}_learn": str(folder)}
        elif hasattr(self.classy_module.Class, "neural_network_info"):
            # also where networks are on by default
            self.extra_args[OPTION_PREFIX] = "no"

    def get_helper_theories(self) -> dict[str, Any]:
        """Two components for Cobaya, which then knows which parameters are fast."""
        if not hasattr(self.classy_module.Class, "parameters_of_later_modules"):
            return {}
        self.sources = Sources(self, f"{self.get_name()}.sources")
        return {self.sources.get_name(): self.sources}

    def required_params(self) -> list[str]:
        """Parameters of CLASS that other theory codes give (Cobaya's option `requires`)."""
        return list(super().get_requirements())

    def get_requirements(self) -> Any:
        if self.sources is None:
            return super().get_requirements()
        return {PRODUCT: None, **dict.fromkeys(filter(self.is_fast, self.required_params()))}

    def initialize_with_params(self) -> None:
        self._refuse_options_of_classy([*self.all_input_params(), *self.required_params()], "params")
        if self.sources is not None:
            slow = [name for name in self.input_params if not self.is_fast(name)]
            self.sources.take(slow, self.input_params)
            self.input_params = [name for name in self.input_params if name not in slow]
        super().initialize_with_params()

    def is_fast(self, name: str) -> bool:
        """Does this parameter leave the source functions alone?"""
        later = getattr(self.classy_module.Class, "parameters_of_later_modules", tuple)  # stock classy has none
        return self.translate_param(name) in later()

    def must_provide(self, **requirements: Any) -> None:
        requirements = {name: auto_pairs(wanted) if name in ("Pk_grid", "Pk_interpolator") else wanted
                        for name, wanted in requirements.items()}
        # Cobaya's classy reads input_params for r, and for parameters that are given twice
        own, limber = self.input_params, self.extra_args.get(FULL_LIMBER)
        self.input_params = self.all_input_params()
        try:
            super().must_provide(**requirements)
        finally:
            self.input_params = own
        self._restore_full_limber(limber)
        # the Weyl potential is computed here, from sources that come with the lensing potential
        for key in [key for key in self.collectors if isinstance(key, tuple) and WEYL in key]:
            del self.collectors[key]
            self._weyl.add(key[:2])
        if self._weyl:
            output = (set(self.extra_args["output"].split()) - {"mTk"}) | {"lCl"} | self._given_output
            self.extra_args["output"] = " ".join(output)
            # where no spectrum is wanted up to a larger one
            self.extra_args.setdefault("l_max_scalars", L_MAX_OF_WEYL)

    def _restore_full_limber(self, given: Any) -> None:
        """Undo what Cobaya's classy changes beside tensor modes, which only an older CLASS needs; BB would lack 3%."""
        release = version.parse(str(self.get_version())).release
        if self.extra_args.get(FULL_LIMBER) == given or release < LIMBER_WITH_TENSORS:
            return
        if given is None:
            del self.extra_args[FULL_LIMBER]
        else:
            self.extra_args[FULL_LIMBER] = given
        self.mpi_info("%s is %s after all: this CLASS has it beside tensor modes", FULL_LIMBER, given or "yes")

    def all_input_params(self) -> list[str]:
        """Parameters of CLASS, of both halves."""
        return list(self.get_attr_list_with_helpers("input_params"))

    def new_classy(self, values: dict[str, Any]) -> Any:
        """An object of classy with these parameters and all settings, nothing computed."""
        self.classy = self.classy_module.Class()
        self.set(values)
        return self.classy

    def splits(self) -> bool:
        """Whether CLASS can stop at the sources and go on later: not with vector modes or isocurvature."""
        return bool(self.extra_args.get("output")) and "v" not in str(self.extra_args.get("modes", "s")).lower() \
            and self.extra_args.get("ic", "ad") == "ad"

    def initialize_with_provider(self, provider: Any) -> None:
        """Check the coverage of the prior, as the last step before the first sample."""
        super().initialize_with_provider(provider)
        model = getattr(provider, "model", None)
        if self.network_set is None or model is None:
            return
        try:
            for line in self._coverage(model):
                self.mpi_warning("%s", line)
        except (NotCovered, self.classy_module.CosmoSevereError) as error:
            raise LoggedError(self.log, "the run cannot begin: %s", " ".join(str(error).split())) from error
        given = [name for name in (*self.all_input_params(), *self.required_params(), *self.extra_args)
                 if self.translate_param(name) in IN_PLACE_OF_A_S]
        if given:
            self.mpi_warning("%s is given: outside the networks' coverage CLASS integrates its equations twice, first "
                             "to find A_s. Sample A_s or logA, and derive it.", ", ".join(given))

    def _coverage(self, model: Any) -> list[str]:
        """Take the candidate that covers most of the prior; returns warnings about the rest of the prior."""
        try:
            found = coverage_of_prior(self, model, self._candidates)
        except NotChecked as error:
            return [f"networks are checked at each sample only: {error}"]
        if not found:
            return []
        best, *others = found
        self._take(best.networks)
        if others:
            counts = ", ".join(f"{one.networks} {one.covered}" for one in found)
            self.mpi_info("networks: auto takes '%s'. Points of the prior that are covered, of %d: %s",
                          best.networks, len(best.points), counts)
        return best.warnings(self.fallback)

    def _take(self, name: str) -> None:
        """Use this candidate for the whole run."""
        self.network_set = self._candidates[name]
        self.extra_args |= {OPTION_PREFIX: "yes", f"{OPTION_PREFIX}_path": name,
                            f"{OPTION_PREFIX}_fallback": self.fallback}

    def calculate(self, state: dict[str, Any], want_derived: bool = True, **params_values_dict: Any) -> bool | None:
        """Compute one sample. Errors raise LoggedError and never become zero likelihood."""
        with errors_stop_the_run(self.log, self.classy_module):
            if self.sources is not None:
                self.classy = self.provider.get_cosmicnet_sources()
            self._values = params_values_dict
            # Cobaya's classy does the same, and then finds everything computed
            self.set(params_values_dict)
            if not computes(self, self.classy, LAST_MODULE, self.classy_module):
                return False
            self._require_same_networks()
            for key in self._weyl:
                state |= weyl_grids(self.classy, key)
            return super().calculate(state, want_derived, **params_values_dict)  # type: ignore[no-any-return]

    def set_measured_speed(self, speed: float) -> None:
        """Keep the speed of a fast step, and count the rest of the measured time with the source functions.

        Cobaya measures with all parameters changed, where the later modules take longer.
        """
        if self.sources is None or not self._values:
            super().set_measured_speed(speed)
            return
        # all chains must have the same blocks of parameters
        fast = float(np.mean(mpi.allgather(self._seconds_of_fast_step())))
        # Cobaya lists helper theories first: self.sources has its speed already
        self.sources.set_measured_speed(1.0 / (1.0 / self.sources.get_speed() + max(0.0, 1.0 / speed - fast)))
        super().set_measured_speed(1.0 / fast)

    def _seconds_of_fast_step(self) -> float:
        seconds = []
        for step in range(1, 1 + TIMED_STEPS):
            start = time.perf_counter()
            self.set({name: value * (1.0 + NEAR * step) if isinstance(value, float) else value
                      for name, value in self._values.items()})
            computes(self, self.classy, LAST_MODULE, self.classy_module)
            seconds.append(time.perf_counter() - start)
        # Cobaya keeps this object for the point as it was
        self.set(self._values)
        computes(self, self.classy, LAST_MODULE, self.classy_module)
        return float(np.median(seconds))

    def _require_same_networks(self) -> None:
        """Refuse networks that were replaced during the run: a chain must not mix two sets."""
        if self.network_set is None:
            return
        begun, now = self.network_set.manifest.sha256, self.classy.neural_network_info()["hash"]
        if now not in (begun, None):
            raise LoggedError(
                self.log, "the run cannot go on: the networks '%s' were replaced by others (hash %s, now %s) while it "
                "ran; keep new ones in a folder of their own", self.networks, begun[:12], now[:12])

    def _get_derived_all(self, derived_requested: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
        # CLASS itself does not know these names
        requested, required = self.output_params, self.derived_extra
        self.output_params = [name for name in requested if name not in (USED, ERROR)]
        self.derived_extra = [name for name in required if name not in (USED, ERROR)]
        try:
            derived, extra = super()._get_derived_all(derived_requested)
        finally:
            self.output_params, self.derived_extra = requested, required
        used = {USED: float(self._networks_used())}
        if ERROR in (*requested, *required):
            used[ERROR] = self._stated_error()
        return derived | used, extra | used

    def _stated_error(self) -> float:
        """Stated error of this sample's spectra, a Wishart chi2; NaN where networks do not state one."""
        if not self._networks_used():
            return 0.0
        stated = self.classy.neural_network_info().get("error")
        return float("nan") if stated is None else float(stated)

    def _networks_used(self) -> bool:
        return self.mode != "full" and bool(self.classy.neural_network_info()["used"])

    def get_can_provide_params(self) -> list[str]:
        # not parameters of other theory codes
        required = self.required_params()
        return [*(name for name in super().get_can_provide_params() if name not in required), USED, ERROR]

    def get_version(self) -> Any:
        """CLASS's version, and in mode net the hash of the networks: Cobaya writes it beside the chain."""
        version = super().get_version()
        return version if self.network_set is None else with_networks(version, self.network_set.manifest.sha256)

    def get_auto_covmat(self, params_info: Any, likes_info: Any) -> dict[str, Any] | None:
        """`covmat: auto` knows the covariance matrices of this package too, which have H0."""
        return best_covmat(self.packages_path, params_info, likes_info)

    def _refuse_bad_options(self) -> None:
        for name, value, allowed in (("mode", self.mode, MODES), ("fallback", self.fallback, FALLBACKS)):
            if value not in allowed:
                raise LoggedError(self.log, "%s: %s: allowed are %s", name, value, " and ".join(allowed))
        if self.mode == "learn" and not self.learned:
            raise LoggedError(self.log, "mode: learn needs a folder for models and networks: add `learned: FOLDER`")
        if self.mode == "learn" and self.fallback != "full":
            raise LoggedError(self.log, "mode: learn: CLASS integrates points that the networks do not cover; remove "
                              "`fallback: %s`", self.fallback)
        names = {} if self.extra_args is None else self.extra_args
        if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
            raise LoggedError(self.log, "extra_args: %r must be a mapping of CLASS's settings, such as {N_ncdm: 1}",
                              self.extra_args)
        self._refuse_options_of_classy(names, "extra_args")
        required = getattr(self, "requires", ())
        if not isinstance(required, (str, list, tuple)):
            raise LoggedError(self.log, "requires: %r must be a list of parameters, such as [omega_b]", required)

    def _refuse_options_of_classy(self, names: Iterable[str], where: str) -> None:
        if doubled := [name for name in names if str(name).startswith(OPTION_PREFIX)]:
            raise LoggedError(
                self.log, "%s in %s: remove it; set `mode: full`, `mode: net` or `mode: learn` beside "
                "extra_args", ", ".join(doubled), where)

    def _require_classy(self) -> None:
        if not isinstance(self.path, (str, NoneType)) or (self.path not in (None, "global") \
                and not os.path.isdir(os.path.expanduser(self.path))):
            raise LoggedError(self.log, "path: %r is no folder; leave it out for the classy of this Python", self.path)
        if self.path in (None, "global") and importlib.util.find_spec("classy") is None:
            raise ComponentNotInstalledError(
                self.log, f"There is no classy in this Python. To build and install the patched one (a few "
                          f"minutes, needs a C compiler): {INSTALL_HINT}")

    def _require_patch(self) -> None:
        if not hasattr(self.classy_module.Class, "neural_network_info"):
            raise LoggedError(
                self.log, "mode: net needs the patched classy, but %s is stock classy %s. To replace it: %s (or, for a "
                "CLASS tree of your own: cosmicnet patch-class DIR). mode: full works with both.",
                self.classy_module.__file__, self.get_version(), INSTALL_HINT)

    def _load_networks(self) -> dict[str, NetworkSet]:
        """The set of the run, or all candidates for it, the narrowest domain first."""
        try:
            loaded = named_sets(str(self.networks))
        except CosmicnetError as error:
            raise LoggedError(self.log, "networks: %s: %s", self.networks, error) from error
        found = str(self.get_version())
        usable = {name: one for name, one in loaded.items()
                  if one.manifest.class_version.lstrip("v") == found.lstrip("v")}
        if not usable:
            versions = {one.manifest.class_version for one in loaded.values()}
            raise LoggedError(
                self.log, "the networks '%s' were trained with CLASS %s, but classy is %s. Install that version (%s), "
                "train networks for yours (cosmicnet make), or set mode: full.", ", ".join(loaded), ", ".join(versions),
                found, INSTALL_HINT)
        # recorded by Cobaya, if a chain is resumed
        recorded = recorded_networks(getattr(self, "version", None))
        if recorded is None:
            return usable
        if same := {name: one for name, one in usable.items() if one.manifest.sha256[:DIGITS] == recorded}:
            return same
        raise LoggedError(
            self.log, "this run was made with networks of hash %s, but '%s' now has %s. Begin another run (or "
            "cobaya-run --allow-changes, for a chain with samples of both).", recorded, self.networks,
            ", ".join(one.manifest.sha256[:DIGITS] for one in usable.values()))

    # Installation: the package builds its own CLASS, never the latest of GitHub

    @classmethod
    def is_installed(cls, **kwargs: Any) -> bool:
        """Whether the classy of this Python is patched."""
        return not kwargs.get("code", True) or _patched_classy_is_there()

    @classmethod
    def install(cls, path: str | None = None, code: bool = True, **_kwargs: Any) -> bool:
        """Build the patched classy with pip, into this Python; `path` is left alone."""
        log = get_logger(cls.__name__)
        if not code:
            log.info("Code not requested. Nothing to do.")
            return True
        from cosmicnet import class_patch

        log.info("Building the patched classy from the sources of classy on PyPI (a few minutes)...")
        folder = str(Path(class_patch.__file__).parent)
        return not pip_install([folder], logger=log, options=("--force-reinstall", "--no-deps"))


def _patched_classy_is_there() -> bool:
    # find_spec first: an import that fails for another reason raises
    if importlib.util.find_spec("classy") is None:
        return False
    from classy import Class

    return hasattr(Class, "neural_network_info")


