"""The grids on which a training model is integrated, aligned to each cosmology's own scales.

Times are t = tau/tau_rec around recombination and u = (tau-tau_rec)/(tau_0-tau_rec) after it;
wavenumbers are y = k (tau_0-tau_rec) on large scales, x = k r_s(rec) on acoustic scales, and k
itself on small ones. CLASS integrates on the union, so that no training value is interpolated in
time, and values of different cosmologies meet at the same phase of the acoustic oscillations.
"""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["AlignedGrids", "Integration", "stretched"]

Array = NDArray[np.float64]

def stretched(edges: list[float], steps: list[float]) -> Array:
    """Increasing values from edges[0] to edges[-1]; near edges[i] they lie steps[i] apart."""
    position = np.array(edges)
    fine = np.concatenate([np.linspace(a, b, 400, endpoint=False) for a, b in
                           pairwise(position)] + [position[-1:]])
    density = 1.0 / np.interp(fine, position, steps)
    count = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(fine))])
    return np.asarray(np.interp(np.linspace(0.0, count[-1], round(count[-1]) + 1), count, fine))


@dataclass(frozen=True)
class Integration:
    """The union of the grids for one cosmology: k in 1/Mpc, tau in Mpc, and the rows of each grid in tau."""

    k: Array
    tau: Array
    early: NDArray[np.intp]
    late: NDArray[np.intp]


@dataclass(frozen=True)
class AlignedGrids:
    """Grid settings; the defaults resolve every acoustic oscillation and free streaming by 10 points or more."""

    t_edges: tuple[float, ...] = (0.79, 0.93, 1.15, 1.4, 2.15)
    t_steps: tuple[float, ...] = (0.006, 0.0035, 0.0045, 0.008, 0.02)
    u_first: float = 0.0145
    u_log_step: float = 0.0145
    y_edges: tuple[float, ...] = (0.08, 1.0, 50.0, 210.0)
    y_steps: tuple[float, ...] = (0.06, 0.3, 0.55, 1.6)
    x_edges: tuple[float, ...] = (2.2, 60.0, 80.0, 150.0)
    x_steps: tuple[float, ...] = (0.4, 0.45, 0.55, 0.6)
    k_last: float = 26.0
    k_per_decade: int = 14

    def t(self) -> Array:
        return stretched(list(self.t_edges), list(self.t_steps))

    def u(self) -> Array:
        number = round(-np.log(self.u_first) / self.u_log_step) + 1
        return np.geomspace(self.u_first, 1.0, number)

    def integration(self, cosmology: dict[str, float]) -> Integration:
        """Map the aligned grids to the k and tau of one cosmology (names as in SourceRequest)."""
        tau_rec, tau_0 = cosmology["tau_rec"], cosmology["conformal_age"]
        k_large = stretched(list(self.y_edges), list(self.y_steps)) / (tau_0 - tau_rec)
        k_acoustic = (stretched(list(self.x_edges), list(self.x_steps))
                      / cosmology["sound_horizon_rec"])
        number = round(self.k_per_decade * np.log10(self.k_last / k_acoustic[-1]))
        k_small = np.geomspace(k_acoustic[-1], self.k_last, number + 1)[1:]
        # the acoustic grid takes over where the large-scale grid ends
        k = np.concatenate([k_large, k_acoustic[k_acoustic > k_large[-1] * 1.001], k_small])
        early, late = tau_rec * self.t(), tau_rec + self.u() * (tau_0 - tau_rec)
        late[-1] = tau_0
        tau = np.union1d(early, late)
        return Integration(k, tau, np.searchsorted(tau, early), np.searchsorted(tau, late))
