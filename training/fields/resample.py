"""Bring the pieces of every training model onto the nodes of the fields' coordinates."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from cosmicnet.coordinates import WAVENUMBER_COORDINATES, Scales
from cosmicnet.fields import Field
from cosmicnet.pieces import PIECES, time_factor

from ..models.dataset import TrainingModel
from ..models.grids import stretched
from .extend import extend
from .smooth import smooth

__all__ = ["NODES", "Resampled", "distinct_times", "resample"]

Array = NDArray[np.float64]

# free streaming, a function of x v with x v up to 45, asks for steps of 0.01 in ln x and 0.005 in x
_LN_X = np.log(np.concatenate([
    np.geomspace(0.0009, 0.02, 14)[:-1],
    stretched([0.02, 0.45, 3.0, 8.0, 60.0, 80.0, 150.0], [0.005, 0.005, 0.035, 0.4, 0.45, 0.55, 0.6]),
    np.geomspace(150.0, 3400.0, 24)[1:],
]))

# Nodes of each coordinate; between them, fields are quintic splines. The ranges of v are those of its regions with a
# margin, and those of x what does not yet stream there: k tau < 45.
NODES: dict[str, Array] = {
    "tau_over_tau_rec": stretched([0.79, 0.93, 1.15, 1.315], [0.006, 0.0035, 0.0045, 0.0065]),
    "ln_u": np.linspace(np.log(0.0047), 0.0, 380),
    "ln_v_dark": np.linspace(np.log(0.52), np.log(13.0), 246),
    # reaches beyond today in every cosmology of a wide box
    "ln_v_reionized": np.linspace(np.log(11.5), np.log(125.0), 184),
    "ln_x": _LN_X,
    "ln_x_dark": _LN_X[np.log(20.0) > _LN_X],
    "ln_x_reionized": _LN_X[np.log(4.0) > _LN_X],
}


# In these, CLASS's integration noise is above what the fields have to be known to.
CMB_SOURCES = ("t0", "t1", "t2")
MATTER_SOURCES = ("delta_m", "delta_cb")

# kappa' (1/Mpc) where all electrons are free, at the 1 + z of a typical reionisation, and the range of 1 + z in which
# it may happen: a late one scatters less, but then it is all there is, so that all times of the range count alike.
SCATTERING = 3e-5
EARLY_1_PLUS_Z, LATE_1_PLUS_Z = 18.0, 3.0
# how long it takes to reionise the universe, Mpc
REIONIZATION_TIME = 150.0


@dataclass(frozen=True)
class Resampled:
    """One model's field on the nodes: values (time nodes, wavenumber nodes), and the weight of each time, shape
    (time nodes,): sqrt(d tau) times the time factor, or one for matter."""

    values: NDArray[np.float32]
    weight: Array


def resample(
    field: Field, piece_table: Array, k: Array, tau: Array, history: Mapping[str, Array], scales: Scales
) -> Resampled:
    """Interpolate a piece, given on k (1/Mpc) by tau (Mpc), to the nodes of a field."""
    node_tau, node_k = node_times(field, scales), node_wavenumbers(field, scales)
    rows = make_interp_spline(np.log(tau), extend(field, piece_table, k, tau, scales), k=3, axis=0)
    inside_tau = np.clip(node_tau, tau[0], tau[-1])
    values = make_interp_spline(np.log(k), rows(np.log(inside_tau)), k=5, axis=1)(
        np.log(np.clip(node_k, k[0], k[-1])))
    if field.region == "early" and PIECES[field.piece].source in CMB_SOURCES:
        values = smooth(values, field.time, NODES[field.time], field.wavenumber, NODES[field.wavenumber])
    columns = {name: np.interp(node_tau, tau, column) for name, column in _as_if_reionized(history).items()}
    return Resampled(values.astype(np.float32), _weight(field, node_tau, columns))


def _weight(field: Field, node_tau: Array, history: Mapping[str, Array]) -> Array:
    if PIECES[field.piece].source in MATTER_SOURCES:
        # P(k) is asked for at one time or another, and has to be as accurate then as today
        return np.ones(node_tau.size)
    return np.asarray(np.abs(time_factor(PIECES[field.piece], history)) * np.sqrt(np.gradient(node_tau)))


def distinct_times(model: TrainingModel) -> TrainingModel:
    """Without times that nearly coincide, being from two grids, which a spline does not like."""
    apart = np.concatenate([[True], np.diff(np.log(model.tau)) > 2e-4])
    return replace(model, tau=model.tau[apart], integrated={n: a[apart] for n, a in model.integrated.items()})


def _as_if_reionized(history: Mapping[str, Array]) -> dict[str, Array]:
    """The history that weights are made of: at late times, photons scatter in any universe in which we are."""
    a = history["scale_factor"]
    scattering = (SCATTERING * np.minimum(1.0, 1.0 / (LATE_1_PLUS_Z * a)) ** 2
                  / (1.0 + (1.0 / (EARLY_1_PLUS_Z * a)) ** 16))
    return {**history, "visibility": history["visibility"] + scattering,
            "visibility_prime": np.abs(history["visibility_prime"]) + scattering / REIONIZATION_TIME}


def node_times(field: Field, scales: Scales) -> Array:
    """tau (Mpc) of the field's time nodes."""
    nodes = NODES[field.time]
    # the coordinates are monotonic and simple enough to be inverted by two points
    if field.time == "tau_over_tau_rec":
        return nodes * scales.tau_rec
    if field.time.startswith("ln_v"):
        return scales.tau_rec + np.exp(nodes) * scales.sound_horizon_rec
    return scales.tau_rec + np.exp(nodes) * (scales.tau_0 - scales.tau_rec)


def node_wavenumbers(field: Field, scales: Scales) -> Array:
    """k (1/Mpc) of the field's wavenumber nodes."""
    unit = np.exp(WAVENUMBER_COORDINATES[field.wavenumber](np.ones(1), scales))[0]
    return np.asarray(np.exp(NODES[field.wavenumber]) / unit)

