"""The paper's networks as named arrays, and back."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.emulator import Emulator
from cosmicnet.normalization import Normalization

from .architecture import Architecture, Convolution, layers
from .emulator import PaperEmulator
from .inputs import COSMOLOGY, SCALES, TIMES
from .network import Rescaling, SourceNetwork

__all__ = ["paper_arrays", "read_paper", "specifications"]

Arrays = Mapping[str, NDArray[Any]]

K, FIRST_TIME = "k", "first_time"
MAPS = ("times", "cosmology", "scales", "source")


def paper_arrays(emulator: PaperEmulator) -> dict[str, NDArray[Any]]:
    """Weights in single precision, everything else in double."""
    arrays: dict[str, NDArray[Any]] = {K: emulator.k, FIRST_TIME: np.array(emulator.first_time)}
    for source, network in emulator.networks.items():
        for name in MAPS:
            normalization: Normalization = getattr(network.rescaling, name)
            arrays |= {f"{source}/{name}/offset": np.asarray(normalization.offset),
                       f"{source}/{name}/scale": np.asarray(normalization.scale)}
        for name, (weight, bias) in network.weights.items():
            arrays |= {f"{source}/{name}/weight": weight, f"{source}/{name}/bias": bias}
    return arrays


def read_paper(specifications: Sequence[Mapping[str, Any]], arrays: Arrays, companion: Emulator) -> PaperEmulator:
    """Build the emulator; KeyError, TypeError or ValueError where arrays and specifications do not fit together."""
    k = arrays[K]
    if k.ndim != 1 or not np.all(np.diff(k) > 0):
        raise ValueError(f"{K}: must be an increasing row of wavenumbers")
    networks = [_network(_architecture(specification), arrays, k.size) for specification in specifications]
    sources = sorted(network.architecture.source for network in networks)
    if sources != sorted(TIMES):
        raise ValueError(f"networks for {', '.join(sources)}, must be for {', '.join(TIMES)}")
    return PaperEmulator(networks, k, float(arrays[FIRST_TIME]), companion)


def _architecture(data: Mapping[str, Any]) -> Architecture:
    """The inverse of dataclasses.asdict, whose tuples JSON has made lists."""
    def channel(name: str) -> tuple[Convolution, ...]:
        return tuple(Convolution(**c) for c in data[name])

    return Architecture(**{**data, "times": tuple(data["times"]), "central": tuple(data["central"]),
                           "oscillations": channel("oscillations"), "damping": channel("damping")})


def specifications(emulator: PaperEmulator) -> list[dict[str, Any]]:
    """What the manifest says of the networks."""
    return [asdict(network.architecture) for network in emulator.networks.values()]


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
