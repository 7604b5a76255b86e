"""Cobaya's classy with one more choice: `mode: net` takes the source functions from networks."""
from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from cobaya.component import ComponentNotInstalledError
from cobaya.install import pip_install
from cobaya.log import LoggedError, get_logger
from cobaya.theories.classy import classy

from cosmicnet.errors import CosmicnetError
from cosmicnet.provider import FALLBACKS
from cosmicnet.store import NetworkSet, load_network_set

from .covmats import best_covmat
from .modes import LINE_OF_SIGHT, USED
from .prior_check import what_to_know_before
from .prior_notes import slow_amplitude
from .recorded import DIGITS, recorded_networks, with_networks
from .sources import PRODUCT, Sources, broken_stops_the_run, computes
from .threads import share_cores

__all__ = ["MODES", "Cosmicnet"]

MODES = ("full", "net")
OPTION_PREFIX = "neural_network"
# relative: a change of parameters that no module can miss
NEAR = 1e-6
# what CLASS searches A_s by, with its own equations
IN_PLACE_OF_A_S = ("sigma8", "S8", "sigma8_cb")
# all that CLASS can do
LAST_MODULE = ["distortions"]

INSTALL_HINT = "cobaya-install cosmicnet.Cosmicnet"


class Cosmicnet(classy):  # type: ignore[misc]  # Cobaya has no types
    r"""
    CLASS \cite{Blas:2011rf}, whose source functions come from networks (mode `net`) or from its own
    equations (mode `full`) \cite{Albers:2019rzt}. Everything else is Cobaya's `classy`.
    """

    mode: str
    networks: str
    fallback: str
    input_params: Any
    output_params: Any
    derived_extra: Any

    def initialize(self) -> None:
        """Import classy and check everything that does not depend on the run's likelihoods and priors."""
        self._refuse_bad_options()
        self._require_classy()
        threads = share_cores()
        if threads is not None:
            self.mpi_info("MPI: CLASS runs with %d thread(s) per process (set OMP_NUM_THREADS to choose)", threads)
        self.network_set: NetworkSet | None = None
        super().initialize()
        # they are in the run's parameters by now; a theory code with a list of its own gets no other parameter
        self.params: dict[str, Any] = {}
        # the helper that computes the source functions; None with stock classy, which cannot go on from there
        self.sources: Sources | None = None
        # what computed when speeds were measured last
        self._timed: Any = None
        if self.mode == "net":
            self._require_patch()
            self.network_set = self._load_networks()
            self.extra_args |= {OPTION_PREFIX: "yes", f"{OPTION_PREFIX}_path": str(self.networks),
                                f"{OPTION_PREFIX}_fallback": self.fallback}
            # also where CLASS integrates its equations: the likelihood must have no step where the domain ends
            self.extra_args.setdefault(LINE_OF_SIGHT, "yes")

    def get_helper_theories(self) -> dict[str, Any]:
        """Two components for Cobaya, so that it sees which parameters are fast."""
        if not hasattr(self.classy_module.Class, "parameters_of_later_modules"):
            return {}
        self.sources = Sources(self, f"{self.get_name()}.sources")
        return {self.sources.get_name(): self.sources}

    def required_params(self) -> list[str]:
        """Parameters of CLASS that other theory codes give: Cobaya's option `requires`."""
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
        # Cobaya's classy looks there for r, and for parameters that are given twice
        own = self.input_params
        self.input_params = self.all_input_params()
        try:
            super().must_provide(**requirements)
        finally:
            self.input_params = own

    def all_input_params(self) -> list[str]:
        """Parameters of CLASS, of both halves."""
        return list(self.get_attr_list_with_helpers("input_params"))

    def new_classy(self, values: dict[str, Any]) -> Any:
        """An object of classy with these parameters and all settings, nothing computed."""
        self.classy = self.classy_module.Class()
        self.set(values)
        return self.classy

    def splits(self) -> bool:
        """Whether CLASS can stop at the sources and go on later; not with tensor modes or isocurvature."""
        return bool(self.extra_args.get("output")) and self.extra_args.get("modes", "s") == "s" \
            and self.extra_args.get("ic", "ad") == "ad"

    def initialize_with_provider(self, provider: Any) -> None:
        """Last step before the first sample: do the networks cover what is asked for, over the whole prior?"""
        super().initialize_with_provider(provider)
        model = getattr(provider, "model", None)
        if self.network_set is None or model is None:
            return
        notes = what_to_know_before(self, model, self.network_set)
        names = [*self.all_input_params(), *self.required_params(), *self.extra_args]
        given = [name for name in names if self.translate_param(name) in IN_PLACE_OF_A_S]
        for line in (*notes.warnings, *slow_amplitude(given)):
            self.mpi_warning("%s", line)
        if notes.error:
            raise LoggedError(self.log, notes.error)

    def calculate(self, state: dict[str, Any], want_derived: bool = True, **params_values_dict: Any) -> bool | None:
        """One sample. Raises LoggedError for all that is broken, which Cobaya never takes as zero likelihood."""
        with broken_stops_the_run(self.log, self.classy_module):
            if self.sources is not None:
                self.classy = self.provider.get_cosmicnet_sources()
                if self.timer and not self._times_a_fast_step(params_values_dict):
                    return False
            # Cobaya's classy does the same, and then finds all of it done
            self.set(params_values_dict)
            if not computes(self, self.classy, LAST_MODULE, self.classy_module):
                return False
            self._require_same_networks()
            return super().calculate(state, want_derived, **params_values_dict)  # type: ignore[no-any-return]

    def _times_a_fast_step(self, values: Mapping[str, Any]) -> bool:
        """While Cobaya measures speeds, which it does where all parameters change: have this half timed in a fast step,
        and the rest counted with the source functions that need it. False where CLASS cannot compute this point."""
        cosmology, before = self.classy, self._timed
        self._timed = cosmology
        near = {name: value * (1.0 + NEAR) for name, value in values.items() if isinstance(value, float) and value}
        if cosmology is before or not near or not self.splits():
            return True
        self.set({**values, **near})
        if not computes(self, cosmology, LAST_MODULE, self.classy_module):
            return False
        all_of_it = self.timer.time_from_start()
        self.timer.start()
        self.set(values)
        if not computes(self, cosmology, LAST_MODULE, self.classy_module):
            return False
        self.sources.also_took(all_of_it - self.timer.time_from_start())  # type: ignore[union-attr]
        return True

    def _require_same_networks(self) -> None:
        """Those of the first sample; a chain of two sets of networks would be no chain."""
        if self.network_set is None:
            return
        begun, now = self.network_set.manifest.sha256, self.classy.neural_network_info()["hash"]
        if now not in (begun, None):
            raise LoggedError(
                self.log, "the run cannot go on: the networks '%s' were replaced by others (hash %s, now %s) while it "
                "ran; give new ones a folder of their own", self.networks, begun[:12], now[:12])

    def _get_derived_all(self, derived_requested: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
        # CLASS itself does not know this name
        requested, required = self.output_params, self.derived_extra
        self.output_params = [name for name in requested if name != USED]
        self.derived_extra = [name for name in required if name != USED]
        try:
            derived, extra = super()._get_derived_all(derived_requested)
        finally:
            self.output_params, self.derived_extra = requested, required
        used = {USED: float(self._networks_used())}
        return derived | used, extra | used

    def _networks_used(self) -> bool:
        return self.mode == "net" and bool(self.classy.neural_network_info()["used"])

    def get_can_provide_params(self) -> list[str]:
        # what another theory code gives is not offered as well
        required = self.required_params()
        return [*(name for name in super().get_can_provide_params() if name not in required), USED]

    def get_version(self) -> Any:
        """CLASS's version, and in mode net the hash of the networks: Cobaya writes it beside the chain."""
        version = super().get_version()
        return version if self.network_set is None else with_networks(version, self.network_set.manifest.sha256)

    def get_auto_covmat(self, params_info: Any, likes_info: Any) -> dict[str, Any] | None:
        """`covmat: auto` looks among the covmats of this package as well, which know H0."""
        return best_covmat(self.packages_path, params_info, likes_info)

    def _refuse_bad_options(self) -> None:
        for name, value, allowed in (("mode", self.mode, MODES), ("fallback", self.fallback, FALLBACKS)):
            if value not in allowed:
                raise LoggedError(self.log, "%s: %s: allowed are %s", name, value, " and ".join(allowed))
        names = {} if self.extra_args is None else self.extra_args
        if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
            raise LoggedError(self.log, "extra_args: %r is no table of CLASS's settings, such as {N_ncdm: 1}",
                              self.extra_args)
        self._refuse_options_of_classy(names, "extra_args")
        required = getattr(self, "requires", ())
        if not isinstance(required, (str, list, tuple)):
            raise LoggedError(self.log, "requires: %r is no list of parameters, such as [omega_b]", required)

    def _refuse_options_of_classy(self, names: Iterable[str], where: str) -> None:
        if doubled := [name for name in names if str(name).startswith(OPTION_PREFIX)]:
            raise LoggedError(
                self.log, "%s in %s: this theory has options of its own for that. Remove it, and set `mode: full` or "
                "`mode: net` (and `networks`, `fallback`) beside extra_args instead.", ", ".join(doubled), where)

    def _require_classy(self) -> None:
        if not isinstance(self.path, (str, NoneType)) or (self.path not in (None, "global") \
                and not Path(self.path).expanduser().is_dir()):
            raise LoggedError(self.log, "path: %r is no folder; leave it out for the classy of this Python", self.path)
        if self.path in (None, "global") and importlib.util.find_spec("classy") is None:
            raise ComponentNotInstalledError(
                self.log, f"There is no classy in this Python. To build and install the one that knows networks "
                          f"(a few minutes, needs a C compiler): {INSTALL_HINT}")

    def _require_patch(self) -> None:
        if not hasattr(self.classy_module.Class, "neural_network_info"):
            raise LoggedError(
                self.log, "mode: net needs the classy that knows networks, but %s is stock classy %s. To replace it: "
                "%s (or, for a CLASS tree of your own: cosmicnet patch-class DIR). mode: full works with both.",
                self.classy_module.__file__, self.get_version(), INSTALL_HINT)

    def _load_networks(self) -> NetworkSet:
        try:
            networks = load_network_set(str(self.networks))
        except CosmicnetError as error:
            raise LoggedError(self.log, "networks: %s: %s", self.networks, error) from error
        trained, found = networks.manifest.class_version, str(self.get_version())
        if trained.lstrip("v") != found.lstrip("v"):
            raise LoggedError(
                self.log, "the networks '%s' were trained with CLASS %s, but classy is %s. Install that version (%s), "
                "train networks for yours (cosmicnet make), or set mode: full.",
                networks.manifest.name, trained, found, INSTALL_HINT)
        # what Cobaya recorded, where a chain goes on
        recorded, sha256 = recorded_networks(getattr(self, "version", None)), networks.manifest.sha256
        if recorded not in (None, sha256[:DIGITS]):
            raise LoggedError(
                self.log, "this run was made with networks of hash %s, but '%s' has %s by now. Begin another run (or "
                "cobaya-run --allow-changes, and the chain has samples of both).", recorded, self.networks,
                sha256[:DIGITS])
        return networks

    # Installation: CLASS comes from the package's own build, never from the latest CLASS on GitHub

    @classmethod
    def is_installed(cls, **kwargs: Any) -> bool:
        """Whether the classy of this Python is patched; `cobaya-install` asks before it installs."""
        return not kwargs.get("code", True) or _patched_classy_is_there()

    @classmethod
    def install(cls, path: str | None = None, code: bool = True, **_kwargs: Any) -> bool:
        """Build the patched classy with pip, into this Python; `path` is left alone."""
        log = get_logger(cls.__name__)
        if not code:
            log.info("Code not requested. Nothing to do.")
            return True
        from cosmicnet import class_patch

        log.info("Building classy with the hook for networks, from the sources of classy on PyPI (a few minutes)...")
        folder = str(Path(class_patch.__file__).parent)
        return not pip_install([folder], logger=log, options=("--force-reinstall", "--no-deps"))


def _patched_classy_is_there() -> bool:
    # find_spec first: an import that fails for another reason has to be seen
    if importlib.util.find_spec("classy") is None:
        return False
    from classy import Class

    return hasattr(Class, "neural_network_info")


