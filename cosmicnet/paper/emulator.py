"""From a SourceRequest to filled tables with the paper's networks, one row per time of CLASS's own."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline

from ..emulator import Emulator, require_finite
from ..manifest import PAPER_ARCHITECTURE, Manifest
from ..network import Normalization
from ..pieces import fill_p, tables_but_p
from ..request import Request
from ..threads import run_together, threads_of_products
from .architecture import Architecture, Convolution, layers
from .inputs import COSMOLOGY, SCALES, TIMES, Waves, physical_inputs
from .network import Rescaling, SourceNetwork

__all__ = ["COMPANION_SOURCES", "PaperEmulator"]

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]

# Sources for which the paper has no networks.
COMPANION_SOURCES = ("phi_plus_psi", "delta_m", "delta_cb")

CUBIC = 3
# CLASS's last wavenumber of the CMB sources is proportional to 1/tau_0. Up to this factor beyond the last fixed
# wavenumber, sources are those at the last one.
K_MARGIN = 1.06
# Times may begin earlier than in the training by this share: the universe is opaque.
TAU_MARGIN = 0.05

# So many times are computed together: their intermediate results stay in the processor's cache.
TIMES_AT_ONCE = 300

# Names of arrays.
K, FIRST_TIME = "k", "first_time"
MAPS = ("times", "cosmology", "scales", "source")


class PaperEmulator:
    """S_T0, S_T1, S_T2 from the paper's networks on fixed k (1/Mpc); lensing and matter from a companion.

    first_time: the first tau/tau_rec of the training.
    """

    architecture: ClassVar[str] = PAPER_ARCHITECTURE

    def __init__(
        self, networks: Sequence[SourceNetwork], k: Array, first_time: float, companion: Emulator
    ) -> None:
        self.networks = {network.architecture.source: network for network in networks}
        self.k = k
        self.first_time = first_time
        self.companion = companion
        # output layer and splines are linear: the layer can give the coefficients of splines through the sources
        spline = make_interp_spline(k, np.eye(k.size), k=CUBIC)
        self._knots = spline.t
        self._splined = {name: network.with_output(spline.c) for name, network in self.networks.items()}

    @property
    def sources(self) -> list[str]:
        return ["t0", "t1", "t2", "p", *(name for name in COMPANION_SOURCES if name in self.companion.sources)]

    def why_out_of_reach(self, request: Request, k_max: float) -> Iterator[str]:
        last = float(request.k[request.k_size_cmb - 1])
        if last > K_MARGIN * self.k[-1]:
            yield f"the CMB sources need k up to {last:.4g}/Mpc, but the networks reach {self.k[-1]:.4g}/Mpc"
        start = (1.0 - TAU_MARGIN) * self.first_time * request.cosmology["tau_rec"]
        if not request.tau[0] >= start:
            yield (f"sources from tau = {float(request.tau[0]):.4g} Mpc on are needed, but the networks start at "
                   f"{start:.4g} Mpc")

    def for_companion(self, request: Request) -> Request | None:
        others = copy(request)
        others.tables = {name: request.tables[name] for name in request.tables if name in COMPANION_SOURCES}
        return others if others.tables else None

    def fill(self, request: Request) -> dict[str, float]:
        start = perf_counter()
        others = self.for_companion(request)
        if others is not None:
            self.companion.fill(others)
        seconds = {"lensing and matter": perf_counter() - start, "inputs": 0.0, "networks": 0.0, "interpolation": 0.0}
        tables = {name: table for name, table in tables_but_p(request.tables).items() if name not in COMPANION_SOURCES}
        start = perf_counter()
        # beyond the CMB's own wavenumbers are those of lensing and matter alone
        size = request.k_size_cmb
        inside = np.clip(request.k[:size], self.k[0], self.k[-1])
        design = BSpline.design_matrix(inside, self._knots, CUBIC).astype(np.float32)
        networks = {name: self._splined[name].with_output(design) for name in tables}
        seconds["interpolation"] = perf_counter() - start
        start = perf_counter()
        physical = physical_inputs(request.cosmology, request.setup["T_cmb"], request.tau, request.history)
        seconds["inputs"] = perf_counter() - start
        durations: list[tuple[float, float]] = []

        def fill_rows(rows: slice) -> None:
            start = perf_counter()
            waves = Waves(physical.at(rows), self.k)
            inputs = {name: network.rescaling.apply(name, waves) for name, network in networks.items()}
            between = perf_counter()
            for name, network in networks.items():
                tables[name][rows, :size] = network(inputs[name])
                tables[name][rows, size:] = 0.0
            fill_p(request.tables, rows)
            durations.append((between - start, perf_counter() - between))

        batches = max(round(request.tau.size / TIMES_AT_ONCE), 1)
        ends = np.linspace(0, request.tau.size, batches + 1).astype(int).tolist()
        with threads_of_products() as threads:
            run_together([partial(fill_rows, slice(*rows)) for rows in pairwise(ends)], threads)
        for of_inputs, of_networks in durations:
            seconds["inputs"] += of_inputs
            seconds["networks"] += of_networks
        require_finite(tables)
        return seconds

    def specifications(self) -> list[dict[str, Any]]:
        return [asdict(network.architecture) for network in self.networks.values()]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights in single precision, everything else in double."""
        arrays: dict[str, NDArray[Any]] = {K: self.k, FIRST_TIME: np.array(self.first_time)}
        for source, network in self.networks.items():
            for name in MAPS:
                normalization: Normalization = getattr(network.rescaling, name)
                arrays |= {f"{source}/{name}/offset": np.asarray(normalization.offset),
                           f"{source}/{name}/scale": np.asarray(normalization.scale)}
            for name, (weight, bias) in network.weights.items():
                arrays |= {f"{source}/{name}/weight": weight, f"{source}/{name}/bias": bias}
        return arrays

    @classmethod
    def from_arrays(cls, manifest: Manifest, arrays: Arrays, companion: Emulator | None) -> PaperEmulator:
        if companion is None:
            raise ValueError("companion = '': must name the set that gives lensing and matter")
        k = arrays[K]
        if k.ndim != 1 or not np.all(np.diff(k) > 0):
            raise ValueError(f"{K}: must be an increasing row of wavenumbers")
        networks = [_network(_architecture(entry), arrays, k.size) for entry in manifest.fields]
        sources = sorted(network.architecture.source for network in networks)
        if sources != sorted(TIMES):
            raise ValueError(f"networks for {', '.join(sources)}, must be for {', '.join(TIMES)}")
        return cls(networks, k, float(arrays[FIRST_TIME]), companion)


def _architecture(data: Mapping[str, Any]) -> Architecture:
    """The inverse of dataclasses.asdict, whose tuples JSON has made lists."""
    def channel(name: str) -> tuple[Convolution, ...]:
        return tuple(Convolution(**c) for c in data[name])

    return Architecture(**{**data, "times": tuple(data["times"]), "central": tuple(data["central"]),
                           "oscillations": channel("oscillations"), "damping": channel("damping")})


def _network(architecture: Architecture, arrays: Arrays, k_size: int) -> SourceNetwork:
    source = architecture.source
    shapes = {"times": (len(TIMES[source]),), "cosmology": (len(COSMOLOGY),), "scales": (len(SCALES),), "source": ()}

    def get(name: str, shape: tuple[int, ...], kind: type) -> NDArray[Any]:
        array = arrays[f"{source}/{name}"]
        if array.shape != shape:
            raise ValueError(f"{source}/{name} has the shape {array.shape}, must have {shape}")
        return np.asarray(array, dtype=kind)

    rescaling = Rescaling(**{name: Normalization(get(f"{name}/offset", shape, np.float64),
                                                 get(f"{name}/scale", shape, np.float64))
                             for name, shape in shapes.items()})
    weights = {layer.name: (get(f"{layer.name}/weight", layer.weight, np.float32),
                            get(f"{layer.name}/bias", layer.weight[-1:], np.float32))
               for layer in layers(architecture, k_size) if layer.weight}
    return SourceNetwork(architecture, rescaling, weights)
