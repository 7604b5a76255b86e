"""Interpolate the pieces of every training model to the nodes of the fields, without CLASS's integration noise.

Between its steps CLASS interpolates what it integrates. The error oscillates from step to step (1e-4 of a source, steps
of a few Mpc) and differs at each wavenumber. It averages out along the line of sight, but a principal component
analysis finds many strong components in it, which hide the weak ones that matter for C_l. Least-squares splines remove
it from the early tables.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline

from cosmicnet.coordinates import Scales
from cosmicnet.fields import Field
from cosmicnet.pieces import PIECES, time_factor

from ..models.dataset import TrainingModel
from .continuation import extend
from .nodes import KNOTS, NODES, node_times, node_wavenumbers

__all__ = ["Resampled", "distinct_times", "falling_slope", "resample", "smooth"]

Array = NDArray[np.float64]

# Sources whose early tables are smoothed: the fields must be known better than CLASS's integration noise.
CMB_SOURCES = ("t0", "t1", "t2")
MATTER_SOURCES = ("delta_m", "delta_cb")
# Their pieces fall as 1/k^2 in the end.
SOURCES_OF_MATTER = (*MATTER_SOURCES, "phi_plus_psi")
FALLING_FROM = 50.0
# degree of the smoothing splines
DEGREE = 5

# kappa' (1/Mpc) with all electrons free, at the 1 + z of a typical reionisation, and the range of 1 + z in which it may
# happen. A late reionisation scatters less but is the only signal then, so all times of the range count alike.
SCATTERING = 3e-5
EARLY_1_PLUS_Z, LATE_1_PLUS_Z = 18.0, 3.0
# duration of reionisation, Mpc
REIONIZATION_TIME = 150.0


@dataclass(frozen=True)
class Resampled:
    """One model's field on the nodes: values (time nodes, wavenumber nodes), and the weight of each time, shape
    (time nodes,): sqrt(d tau) times the time factor; one for matter."""

    values: NDArray[np.float32]
    weight: Array


def resample(
    field: Field, piece_table: Array, k: Array, tau: Array, history: Mapping[str, Array], scales: Scales
) -> Resampled:
    """Interpolate a piece, given on k (1/Mpc) by tau (Mpc), to the nodes of a field."""
    node_tau, node_k = node_times(field, scales), node_wavenumbers(field, scales)
    rows = make_interp_spline(np.log(tau), extend(field, piece_table, k, tau, scales), k=3, axis=0)
    inside_tau = np.clip(node_tau, tau[0], tau[-1])
    inside_k = np.clip(node_k, k[0], k[-1])
    is_of_matter = PIECES[field.piece].source in SOURCES_OF_MATTER
    slope, node_slope = (falling_slope(at * scales.sound_horizon_rec) if is_of_matter else 1.0 for at in (k, inside_k))
    values = make_interp_spline(np.log(k), rows(np.log(inside_tau)) / slope, k=5, axis=1)(np.log(inside_k)) * node_slope
    if field.region == "early" and PIECES[field.piece].source in CMB_SOURCES:
        values = smooth(values, field.time, NODES[field.time], field.wavenumber, NODES[field.wavenumber])
    columns = {name: np.interp(node_tau, tau, column) for name, column in _as_if_reionized(history).items()}
    return Resampled(values.astype(np.float32), _weight(field, node_tau, columns))


def falling_slope(x: Array) -> Array:
    """What pieces of matter and the potential are divided by before a spline in ln x, x = k r_s(rec).

    Its steps are wide where the pieces fall as 1/x^2: 0.3% of matter would be lost between the last two.
    """
    return np.asarray(1.0 / (1.0 + (x / FALLING_FROM) ** 2))


def _weight(field: Field, node_tau: Array, history: Mapping[str, Array]) -> Array:
    if PIECES[field.piece].source in MATTER_SOURCES:
        # P(k) must be equally accurate at all times
        return np.ones(node_tau.size)
    return np.asarray(np.abs(time_factor(PIECES[field.piece], history)) * np.sqrt(np.gradient(node_tau)))


def distinct_times(model: TrainingModel) -> TrainingModel:
    """Drop times that nearly coincide, where two grids meet: splines through them oscillate."""
    apart = np.concatenate([[True], np.diff(np.log(model.tau)) > 2e-4])
    return replace(model, tau=model.tau[apart], integrated={n: a[apart] for n, a in model.integrated.items()})


def _as_if_reionized(history: Mapping[str, Array]) -> dict[str, Array]:
    """The history that weights are made of: late photons scatter in any universe like ours."""
    a = history["scale_factor"]
    scattering = (SCATTERING * np.minimum(1.0, 1.0 / (LATE_1_PLUS_Z * a)) ** 2
                  / (1.0 + (1.0 / (EARLY_1_PLUS_Z * a)) ** 16))
    return {**history, "visibility": history["visibility"] + scattering,
            "visibility_prime": np.abs(history["visibility_prime"]) + scattering / REIONIZATION_TIME}


def smooth(table: Array, time: str, nodes_time: Array, wavenumber: str, nodes_wavenumber: Array) -> Array:
    """The least-squares spline through a table (time nodes, wavenumber nodes), on the same nodes.

    time, wavenumber: names of coordinates in KNOTS.
    """
    in_time = _projection(time, tuple(nodes_time))
    in_wavenumber = _projection(wavenumber, tuple(nodes_wavenumber))
    return np.asarray(in_time @ table @ in_wavenumber.T)


@cache
def _projection(coordinate: str, nodes: tuple[float, ...]) -> Array:
    """The matrix (nodes, nodes) from values to the values of the least-squares spline."""
    inner = KNOTS[coordinate]
    inner = inner[(inner > nodes[0]) & (inner < nodes[-1])]
    knots = np.concatenate([np.full(DEGREE + 1, nodes[0]), inner, np.full(DEGREE + 1, nodes[-1])])
    design = BSpline.design_matrix(np.array(nodes), knots, DEGREE).toarray()
    return np.asarray(design @ np.linalg.pinv(design))
