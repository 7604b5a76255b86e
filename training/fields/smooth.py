"""Take CLASS's integration noise out of early tables: least-squares splines with knots as far apart as physics allows.

Between its steps CLASS interpolates what it integrates, with an error that oscillates from one step to the next (1e-4
of a source, steps of a few Mpc) and is different at each wavenumber. It averages out along the line of sight, but not
in a principal component analysis: there its many strong components hide the weak ones that matter for C_l.
"""
from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from ..models.grids import stretched

__all__ = ["KNOTS", "smooth"]

Array = NDArray[np.float64]

DEGREE = 5

# Acoustic oscillations have a period of 2 pi in x = k r_s(rec), and of 2 pi tau_rec/x in time.
KNOTS: dict[str, Array] = {
    "tau_over_tau_rec": stretched([0.79, 0.93, 1.15, 1.315], [0.016, 0.009, 0.012, 0.017]),
    "ln_x": np.log(np.concatenate([
        np.geomspace(0.0009, 0.02, 8)[:-1],
        stretched([0.02, 0.45, 1.0, 3.0, 8.0, 60.0, 150.0], [0.01, 0.03, 0.08, 0.4, 0.65, 0.9, 1.2]),
        np.geomspace(150.0, 3400.0, 24)[1:],
    ])),
}


def smooth(table: Array, time: str, nodes_time: Array, wavenumber: str, nodes_wavenumber: Array) -> Array:
    """A table (time nodes, wavenumber nodes) as the splines through its knots see it, on the same nodes.

    time, wavenumber: coordinates, of which KNOTS must know both.
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
