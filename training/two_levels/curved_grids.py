"""The grids on which a model is integrated in curved space as in flat space, aligned to its scales.

They differ from models/grids.py in three ways. q = sqrt(k^2 + K) takes the place of k, which has a smallest value in
open and closed space. k reaches 100 h/Mpc at every H0, with CLASS's last step. Times resolve the free streaming of
photons up to k tau = 120, so that fields may reach beyond the 45 of CLASS's default radiation streaming approximation.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coordinates import curvature_of

from ..models.grids import stretched

__all__ = ["CurvedSpaceGrids"]

Array = NDArray[np.float64]

# Times of two grids that are closer than this (relative) are one: a spline through both would oscillate.
DISTINCT = 2e-4


@dataclass(frozen=True)
class CurvedSpaceGrids:
    """t = tau/tau_rec; u = (tau - tau_rec)/(tau_0 - tau_rec); y = q (tau_0 - tau_rec); x = q r_s(rec); k in 1/Mpc.

    Wavenumbers beyond k_most take a third of the time of a model, and sources there depend on little: only some models
    have them. nu_squared: the smallest q^2/K; in closed space q^2 = 9 K is the first with a quadrupole, and a spline
    needs a point beyond.
    """

    t_edges: tuple[float, ...] = (0.57, 0.75, 0.93, 1.15, 1.4, 2.15)
    t_steps: tuple[float, ...] = (0.02, 0.009, 0.0035, 0.0042, 0.005, 0.008)
    u_edges: tuple[float, ...] = (0.0145, 0.12, 1.0)
    ln_u_steps: tuple[float, ...] = (0.009, 0.007, 0.005)
    y_edges: tuple[float, ...] = (0.08, 1.0, 50.0, 130.0, 330.0)
    y_steps: tuple[float, ...] = (0.06, 0.3, 0.5, 0.7, 1.6)
    x_edges: tuple[float, ...] = (2.2, 60.0, 80.0, 150.0)
    x_steps: tuple[float, ...] = (0.4, 0.45, 0.55, 0.6)
    k_middle: float = 10.0
    k_most: float = 28.0
    k_last: float = 130.0
    per_decade: int = 14
    per_decade_last: int = 5
    nu_squared: float = 4.4

    def of(
        self, cosmology: Mapping[str, float], setup: Mapping[str, float], is_far: bool = True
    ) -> tuple[Array, Array]:
        """k (1/Mpc), up to k_last or k_most, and tau (Mpc) for one cosmology (names as in SourceRequest)."""
        curvature = curvature_of({"H0": cosmology["H0"], "Omega0_k": setup["Omega0_k"]})
        q = self._q(cosmology)
        q = q[q**2 > self.nu_squared * curvature]
        if not is_far:
            q = q[q <= self.k_most]
        return np.sqrt(q**2 - curvature), self._tau(cosmology)

    def _q(self, cosmology: Mapping[str, float]) -> Array:
        large = stretched(list(self.y_edges), list(self.y_steps)) / (cosmology["conformal_age"] - cosmology["tau_rec"])
        acoustic = stretched(list(self.x_edges), list(self.x_steps)) / cosmology["sound_horizon_rec"]
        small = _geometric(acoustic[-1], self.k_middle, self.per_decade)
        last = _geometric(self.k_middle, self.k_last, self.per_decade_last)
        # the acoustic grid takes over where the large-scale grid ends
        return np.concatenate([large, acoustic[acoustic > large[-1] * 1.001], small, last])

    def _tau(self, cosmology: Mapping[str, float]) -> Array:
        tau_rec, tau_0 = cosmology["tau_rec"], cosmology["conformal_age"]
        early = tau_rec * stretched(list(self.t_edges), list(self.t_steps))
        u = np.exp(stretched(np.log(self.u_edges).tolist(), list(self.ln_u_steps)))
        tau = np.union1d(early, tau_rec + u * (tau_0 - tau_rec))
        tau = tau[np.concatenate([[True], np.diff(np.log(tau)) > DISTINCT])]
        tau[-1] = tau_0
        return np.asarray(tau)


def _geometric(first: float, last: float, per_decade: int) -> Array:
    """From `first`, which is left out, to `last`."""
    return np.geomspace(first, last, round(per_decade * np.log10(last / first)) + 1)[1:]
