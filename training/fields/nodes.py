"""The nodes of the fields' coordinates, on which the tables of all models lie."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coordinates import WAVENUMBER_COORDINATES, Scales
from cosmicnet.fields import Field

from ..models.grids import stretched

__all__ = ["KNOTS", "NODES", "node_times", "node_wavenumbers"]

Array = NDArray[np.float64]

# Free streaming is a function of x v with x v up to 45: steps of 0.01 in ln x and 0.005 in x resolve it.
_LN_X = np.log(np.concatenate([
    np.geomspace(0.0009, 0.02, 14)[:-1],
    stretched([0.02, 0.45, 3.0, 8.0, 60.0, 80.0, 150.0], [0.005, 0.005, 0.035, 0.4, 0.45, 0.55, 0.6]),
    np.geomspace(150.0, 3400.0, 24)[1:],
]))
# to k of 130/Mpc with the largest sound horizon
_LN_X_FAR = np.concatenate([_LN_X, np.log(np.geomspace(3400.0, 23000.0, 11)[1:])])

# Fields are quintic splines through these nodes. The ranges of v are those of its regions with a margin; the shorter
# ranges of x end where all later times stream: k tau < 45.
NODES: dict[str, Array] = {
    "tau_over_tau_rec": stretched([0.79, 0.93, 1.15, 1.315], [0.006, 0.0035, 0.0045, 0.0065]),
    # from the first time of any helium fraction and density of baryons at converged settings
    "tau_over_tau_rec_wide": stretched([0.6, 0.75, 0.93, 1.15, 1.315, 1.82],
                                       [0.02, 0.009, 0.0035, 0.0045, 0.0065, 0.009]),
    "ln_u": np.linspace(np.log(0.0047), 0.0, 380),
    "ln_v_dark": np.linspace(np.log(0.52), np.log(13.0), 246),
    # reaches beyond today in every cosmology of the largest domain
    "ln_v_reionized": np.linspace(np.log(11.5), np.log(125.0), 184),
    "ln_x": _LN_X,
    "ln_x_far": _LN_X_FAR,
    "ln_x_dark": _LN_X[np.log(20.0) > _LN_X],
    "ln_x_reionized": _LN_X[np.log(4.0) > _LN_X],
}

# Knots of the splines that smooth the early tables, as far apart as physics allows. Acoustic oscillations have a period
# of 2 pi in x = k r_s(rec), and of 2 pi tau_rec/x in time.
KNOTS: dict[str, Array] = {
    "tau_over_tau_rec": stretched([0.79, 0.93, 1.15, 1.315], [0.016, 0.009, 0.012, 0.017]),
    "ln_x": np.log(np.concatenate([
        np.geomspace(0.0009, 0.02, 8)[:-1],
        stretched([0.02, 0.45, 1.0, 3.0, 8.0, 60.0, 150.0], [0.01, 0.03, 0.08, 0.4, 0.65, 0.9, 1.2]),
        np.geomspace(150.0, 3400.0, 24)[1:],
    ])),
}
KNOTS["tau_over_tau_rec_wide"] = stretched([0.6, 0.75, 0.93, 1.15, 1.315, 1.82],
                                           [0.04, 0.024, 0.009, 0.012, 0.017, 0.02])
KNOTS["ln_x_far"] = np.concatenate([KNOTS["ln_x"], _LN_X_FAR[_LN_X.size:]])


def node_times(field: Field, scales: Scales) -> Array:
    """tau (Mpc) of the field's time nodes."""
    nodes = NODES[field.time]
    # inverses of TIME_COORDINATES
    if field.time.startswith("tau_over_tau_rec"):
        return nodes * scales.tau_rec
    if field.time.startswith("ln_v"):
        return scales.tau_rec + np.exp(nodes) * scales.sound_horizon_rec
    return scales.tau_rec + np.exp(nodes) * (scales.tau_0 - scales.tau_rec)


def node_wavenumbers(field: Field, scales: Scales) -> Array:
    """k (1/Mpc) of the field's wavenumber nodes."""
    unit = np.exp(WAVENUMBER_COORDINATES[field.wavenumber](np.ones(1), scales))[0]
    return np.asarray(np.exp(NODES[field.wavenumber]) / unit)
