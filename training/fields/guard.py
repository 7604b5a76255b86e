"""The guard of a network set: polynomials that predict numbers which CLASS computes before the perturbations.

A request whose numbers differ from the prediction by more than a relative tolerance has other physics than the models.
The tolerance is three times the largest leave-one-out error, and at least a floor: networks take all scales from CLASS,
so smaller shifts of a scale do not make a spectrum wrong.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from cosmicnet.network import Network, monomials

from .polynomial import all_exponents, polynomial_network
from .relevance import fit_with_relevances

__all__ = ["GUARDED", "fit_guard", "fit_guard_with_relevances"]

Array = NDArray[np.float64]

MARGIN = 3.0

# The numbers that fit_guard() predicts.
GUARDED = ("YHe", "N_eff", "z_rec", "tau_rec", "sound_horizon_rec", "conformal_age")
DEGREE, FLOOR = 3, 2e-4
ROUNDING = 1e-9


def fit_guard(
    names: tuple[str, ...], cosmologies: Sequence[Mapping[str, float]], guarded: Sequence[str] = GUARDED
) -> tuple[Network, dict[str, float]]:
    """Least squares of the numbers `guarded` from the parameters `names`, and the relative tolerances of a request."""
    inputs = np.array([[c[name] for name in names] for c in cosmologies])
    outputs = np.array([[c[name] for name in guarded] for c in cosmologies])
    # at most half as many terms as models, or the fit would show no error
    degree = max(d for d in range(1, DEGREE + 1) if d == 1 or 2 * comb(len(names) + d, d) <= len(cosmologies))
    network = polynomial_network(inputs, outputs, all_exponents(len(names), degree))
    # leave-one-out errors, by the influence of each model on its own prediction
    orthonormal, _ = np.linalg.qr(monomials(network.input_map.apply(inputs), network.exponents))
    influence = (orthonormal**2).sum(axis=1)
    error = (network(inputs) / outputs - 1.0) / np.maximum(1.0 - influence, ROUNDING)[:, None]
    return network, _tolerances(guarded, error, FLOOR)


def fit_guard_with_relevances(
    inputs: Array, outputs: Array, names: Sequence[str], degree: int, floor: float
) -> tuple[Network, dict[str, float]]:
    """A polynomial up to `degree` of many inputs (models, n) that predicts outputs (models, len(names)), and the
    relative tolerances of a request, of `floor` at least."""
    middle = outputs.mean(axis=0)
    fit = fit_with_relevances(inputs, outputs / middle - 1.0, degree)
    outer = fit.network.output_map
    network = replace(fit.network, output_map=replace(outer, offset=middle * (1.0 + outer.offset),
                                                      scale=middle * outer.scale))
    return network, _tolerances(names, fit.residuals * middle / outputs, floor)


def _tolerances(names: Sequence[str], errors: Array, floor: float) -> dict[str, float]:
    """errors: relative leave-one-out errors (models, len(names))."""
    worst = np.abs(errors).max(axis=0)
    return {name: max(MARGIN * float(error), floor) for name, error in zip(names, worst, strict=True)}
