"""From a SourceRequest to filled tables with the paper's networks, one row per time of CLASS's own."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline

from cosmicnet.emulator import Emulator
from cosmicnet.pieces import PIECES
from cosmicnet.request import Request

from .inputs import physical_inputs
from .network import SourceNetwork

__all__ = ["COMPANION_SOURCES", "PaperEmulator"]

Array = NDArray[np.float64]

# What the paper has no networks for.
COMPANION_SOURCES = ("phi_plus_psi", "delta_m", "delta_cb")

CUBIC = 3
# CLASS's last wavenumber of the CMB sources goes as 1/tau_0; so far beyond the fixed ones the last of them stands in.
K_MARGIN = 1.06
# Times may begin so much (relative) before those of the training: the universe is opaque.
TAU_MARGIN = 0.05


class PaperEmulator:
    """S_T0, S_T1, S_T2 from the paper's networks on fixed k (1/Mpc); lensing and matter from a companion.

    first_time: the first tau/tau_rec that training saw.
    """

    def __init__(
        self, networks: Sequence[SourceNetwork], k: Array, first_time: float, companion: Emulator
    ) -> None:
        self.networks = {network.architecture.source: network for network in networks}
        self.k = k
        self.first_time = first_time
        self.companion = Emulator([f for f in companion.fields if PIECES[f.field.piece].source in COMPANION_SOURCES])
        # the output layer is linear, and so are splines: it gives the coefficients of those through the sources
        spline = make_interp_spline(k, np.eye(k.size), k=CUBIC)
        self._knots = spline.t
        self._splined = {name: network.with_output(spline.c) for name, network in self.networks.items()}

    @property
    def sources(self) -> list[str]:
        """The tables that can be filled."""
        return ["t0", "t1", "t2", "p", *(name for name in COMPANION_SOURCES if name in self.companion.sources)]

    def out_of_reach(self, request: Request, k_max: float) -> Iterator[str]:
        """Yield one sentence for each end of the request's grids that training did not see."""
        last = float(request.k[request.k_size_cmb - 1])
        if last > K_MARGIN * self.k[-1]:
            yield f"the CMB sources need k up to {last:.4g}/Mpc, but the networks reach {self.k[-1]:.4g}/Mpc"
        start = (1.0 - TAU_MARGIN) * self.first_time * request.cosmology["tau_rec"]
        if not request.tau[0] >= start:
            yield (f"sources from tau = {float(request.tau[0]):.4g} Mpc on are needed, but the networks start at "
                   f"{start:.4g} Mpc")

    def of_companion(self, request: Request) -> Request:
        """The request with those tables only that the companion fills, which may be none."""
        others = copy(request)
        others.tables = {name: request.tables[name] for name in request.tables if name in COMPANION_SOURCES}
        return others

    def fill(self, request: Request) -> dict[str, float]:
        """Write every table of `request`; return the seconds spent per step. Nothing is checked here."""
        start = perf_counter()
        others = self.of_companion(request)
        if others.tables:
            self.companion.fill(others)
        seconds = {"lensing and matter": perf_counter() - start, "inputs": 0.0, "networks": 0.0, "interpolation": 0.0}
        wanted = {"t2" if name == "p" else name for name in request.tables if name not in COMPANION_SOURCES}
        physical = physical_inputs(request.cosmology, request.setup["T_cmb"], request.tau, request.history)
        design = BSpline.design_matrix(np.clip(request.k, self.k[0], self.k[-1]), self._knots, CUBIC)
        for name in sorted(wanted):
            network, times = self._splined[name], [perf_counter()]
            inputs = network.rescaling.apply(name, physical, self.k)
            times.append(perf_counter())
            coefficients = network(inputs)
            times.append(perf_counter())
            table = request.tables[name if name in request.tables else "p"]
            table[...] = (design @ coefficients.T).T
            # wavenumbers of lensing and matter alone
            table[:, request.k_size_cmb:] = 0.0
            times.append(perf_counter())
            for step, used in zip(("inputs", "networks", "interpolation"), np.diff(times), strict=True):
                seconds[step] += float(used)
        if "p" in request.tables:
            np.multiply(request.tables.get("t2", request.tables["p"]), np.sqrt(6.0), out=request.tables["p"])
        return seconds
