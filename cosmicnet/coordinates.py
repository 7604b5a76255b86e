"""Coordinates in which the sources of different cosmologies look alike.

Early times (until the photons stream freely): tau/tau_rec and x = k r_s(rec), in which recombination and the
acoustic oscillations are at the same place in every cosmology. Late times: x and v = (tau-tau_rec)/r_s(rec), in which
the same holds for free streaming, a function of k (tau-tau_rec) = x v; or u = (tau-tau_rec)/(tau_0-tau_rec) for fields
that dark energy changes. Logarithms of x, v, u are used.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EARLIEST_REIONIZATION", "SPEED_OF_LIGHT", "TIME_COORDINATES", "WAVENUMBER_COORDINATES", "Boundaries", "Scales",
    "angular_distance", "curvature_of",
]

Array = NDArray[np.float64]

# (tau - tau_rec)/r_s(rec) at z of about 58: CLASS lets no reionisation begin before z = 50.
EARLIEST_REIONIZATION = 12.0

# km/s
SPEED_OF_LIGHT = 299792.458


def curvature_of(values: Mapping[str, float]) -> float:
    """K in 1/Mpc^2, positive in closed space, from a SourceRequest's `setup` and `cosmology` together."""
    return -values["Omega0_k"] * (values["H0"] / SPEED_OF_LIGHT) ** 2


def angular_distance(distance: float, curvature: float) -> float:
    """The comoving angular diameter distance of a comoving distance (Mpc); curvature: K in 1/Mpc^2."""
    root = np.sqrt(abs(curvature))
    if root * distance < 1e-6:
        return distance
    return float((np.sin if curvature > 0.0 else np.sinh)(root * distance) / root)


@dataclass(frozen=True)
class Boundaries:
    """Ends of a set's photon fields that differ from the start of CLASS's streaming approximation.

    free_streaming: the first time of late fields in tau/tau_rec; streaming: k tau beyond which photons stream.
    """

    free_streaming: float
    streaming: float


@dataclass(frozen=True)
class Scales:
    """Times and lengths of one cosmology that the coordinates are made of, all comoving Mpc.

    `tau_free_streaming` is CLASS's: from then on its radiation streaming approximation is used
    where k tau exceeds radiation_streaming_trigger_tau_over_tau_k (`streaming_trigger`).
    """

    tau_rec: float
    tau_0: float
    sound_horizon_rec: float
    tau_free_streaming: float
    streaming_trigger: float

    @classmethod
    def of(
        cls, cosmology: Mapping[str, float], precision: Mapping[str, float], boundaries: Boundaries | None = None
    ) -> Scales:
        """Pick the scales from a SourceRequest's `cosmology` and `precision`; boundaries: of a set that has its own."""
        trigger = "radiation_streaming_trigger_tau_over_tau_k"
        return cls(
            tau_rec=cosmology["tau_rec"],
            tau_0=cosmology["conformal_age"],
            sound_horizon_rec=cosmology["sound_horizon_rec"],
            tau_free_streaming=boundaries.free_streaming * cosmology["tau_rec"] if boundaries
            else cosmology["tau_free_streaming"],
            streaming_trigger=boundaries.streaming if boundaries else precision[trigger],
        )

    @property
    def tau_dark_end(self) -> float:
        """The conformal time (Mpc) until which only electrons left over from recombination scatter."""
        return self.tau_rec + EARLIEST_REIONIZATION * self.sound_horizon_rec

    def is_streaming(self, k: Array, tau: Array) -> NDArray[np.bool_]:
        """True where CLASS uses the radiation streaming approximation; shape (tau.size, k.size).

        Source: perturbations_approximations() in CLASS.
        """
        started = (tau > self.tau_free_streaming)[:, None]
        streaming: NDArray[np.bool_] = started & (np.outer(tau, k) > self.streaming_trigger)
        return streaming

    def free_columns(self, k: Array, tau: float) -> int:
        """How many of the wavenumbers do not stream at tau (Mpc), a late time."""
        return int(np.searchsorted(k, self.streaming_trigger / tau, side="right"))


def _t(tau: Array, s: Scales) -> Array:
    return tau / s.tau_rec


def _ln_v(tau: Array, s: Scales) -> Array:
    return np.asarray(np.log((tau - s.tau_rec) / s.sound_horizon_rec))


def _ln_x(k: Array, s: Scales) -> Array:
    return np.asarray(np.log(k * s.sound_horizon_rec))


# One coordinate has several names where fields use different ranges of it.
TIME_COORDINATES: dict[str, Callable[[Array, Scales], Array]] = {
    "tau_over_tau_rec": _t,
    "tau_over_tau_rec_wide": _t,
    "ln_v_dark": _ln_v,
    "ln_v_reionized": _ln_v,
    "ln_u": lambda tau, s: np.log((tau - s.tau_rec) / (s.tau_0 - s.tau_rec)),
}

WAVENUMBER_COORDINATES: dict[str, Callable[[Array, Scales], Array]] = {
    "ln_x": _ln_x,
    "ln_x_far": _ln_x,
    "ln_x_dark": _ln_x,
    "ln_x_reionized": _ln_x,
}
