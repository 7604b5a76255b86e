"""From the models of a chain to a network set: which numbers vary, the fields as polynomials of them, the domain."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from cosmicnet.emulator import FieldsEmulator
from cosmicnet.fields import Field
from cosmicnet.manifest import Manifest
from cosmicnet.pieces import PIECES
from cosmicnet.region import Ellipsoid
from cosmicnet.running_class import RunningClass
from cosmicnet.store import NetworkSet

from ..fields.describe import describe
from ..fields.gaps import K_LAST, filled
from ..fields.guard import fit_guard_with_relevances
from ..fields.nodes import NODES
from ..fields.polynomial_field import fit_polynomial_field
from ..fields.relevance import fit_with_relevances
from ..fields.tables import FieldTables, ResampledModel, read_field
from .chain_model import Identity
from .chain_tables import K_CMB, boundaries_of, fields_of

__all__ = ["Fitted", "TooFew", "VariedNumbers", "degree_for", "fit_models", "inputs_of_models"]

Array = NDArray[np.float64]

# Polynomials have the largest of these degrees with which they have at most so many terms. Relevances keep high degrees
# from overfitting. Effects that move through the wavenumbers need them: of interacting neutrinos whose coupling varies
# by a factor of 300, a cubic leaves four times the residual of degree 7.
DEGREES, MOST_TERMS = (3, 4, 5, 6, 7), 350
# The least relative residual of coefficients that are left out: none are, so that residuals show the whole error.
ALL = np.inf
# Relative rms error of the compression, finer where that costs little.
TOLERANCE, TOLERANCE_OF_PHOTONS = 1e-4, 5e-4
TIGHT = {"early.monopole": 1e-5, "early.doppler": 1e-5, "early.polarization": 1e-5, "early.isw": 3e-5,
         "early.shear": 3e-5}
# These sources are needed up to the last wavenumber, others up to that of the CMB; values beyond count this much less.
MATTER, UNNEEDED = ("phi_plus_psi", "delta_m", "delta_cb"), 1e4

# A number is constant below the first relative spread. It is a function of others if the leave-one-out residual of a
# polynomial is below the second fraction of its spread, or the third of itself: CLASS's table of helium has six digits.
CONSTANT, DEPENDENT, NEGLIGIBLE = 1e-9, 1e-3, 2e-5
# Results that follow smoothly from the inputs and that coverage.py does not compute from the parameters itself.
GUARDED = ("angular_distance_rec", "visibility_max")
# The least relative tolerance of the guard. Networks take all scales from CLASS: smaller shifts of them do no harm.
GUARD_FLOOR = 1e-5

# Networks reach this much further than the last wavenumber of their models, and the tables (chain_tables.py) this much.
REACH, TABLES_REACH = 1.02, 1.5

# The fewest models for each input.
PER_INPUT = 3


class TooFew(Exception):
    """There are not enough models for their inputs yet."""


@dataclass(frozen=True)
class VariedNumbers:
    """names: of the numbers that vary by themselves; constant: numbers with one value; dependent: functions of the
    others."""

    names: tuple[str, ...]
    constant: dict[str, float]
    dependent: tuple[str, ...]


@dataclass(frozen=True)
class Fitted:
    """Networks and what tells their error: inputs of the models (N, n), leave-one-out residuals of the networks'
    outputs (N, outputs), and relevances (n,), both by field."""

    networks: NetworkSet
    names: tuple[str, ...]
    points: Array
    residuals: dict[str, Array]
    relevances: dict[str, Array]


def degree_for(inputs: int) -> int:
    """The degree of polynomials of so many inputs."""
    return max(degree for degree in DEGREES if degree == DEGREES[0] or comb(inputs + degree, degree) <= MOST_TERMS)


def inputs_of_models(models: Sequence[ResampledModel], names: Sequence[str]) -> VariedNumbers:
    """Sort the numbers of models into those that vary by themselves and those that do not."""
    constant, dependent, independent = {}, [], list[str]()
    values = {name: np.array([{**m.setup, **m.cosmology}[name] for m in models]) for name in names}
    for name, column in values.items():
        spread = np.ptp(column)
        if spread <= CONSTANT * np.abs(column).max():
            constant[name] = float(column[0])
            continue
        if independent and np.abs(column).min() > 0.1 * spread:
            others = np.stack([values[other] for other in independent], axis=1)
            degree = degree_for(len(independent))
            left = fit_with_relevances(others, column[:, None] - column.mean(), degree).residuals
            if np.sqrt((left**2).mean()) < max(DEPENDENT * spread, NEGLIGIBLE * np.abs(column).min()):
                dependent.append(name)
                continue
        independent.append(name)
    return VariedNumbers(tuple(independent), constant, tuple(dependent))


def fit_models(models: Sequence[ResampledModel], identity: Identity, name: str) -> Fitted:
    """Fit all fields; TooFew if there are not enough models."""
    inputs = inputs_of_models(models, _in_order(identity.names))
    if not inputs.names or len(models) < PER_INPUT * len(inputs.names):
        raise TooFew(f"{len(models)} models, in which {', '.join(inputs.names) or 'nothing'} varies")
    fields, residuals, relevances, degree = [], {}, {}, degree_for(len(inputs.names))
    for field in fields_of(identity, inputs.names):
        table = filled(read_field(field, models), models)
        fit = fit_polynomial_field(table, _floor(table, models), _tolerance(field), degree, ALL)
        fields.append(fit.fitted)
        residuals[field.name], relevances[field.name] = fit.residuals, fit.relevances
    emulator = FieldsEmulator(fields, boundaries_of(identity))
    points = np.array([[{**m.setup, **m.cosmology}[n] for n in inputs.names] for m in models])
    predicted = (*inputs.dependent, *GUARDED)
    outputs = np.array([[{**m.setup, **m.cosmology}[n] for n in predicted] for m in models])
    guard, tolerances = fit_guard_with_relevances(points, outputs, predicted, degree, GUARD_FLOOR)
    manifest = _manifest(models, identity, inputs, tolerances, points, name)
    return Fitted(NetworkSet(manifest, emulator, guard), inputs.names, points, residuals, relevances)


def _in_order(names: Sequence[str]) -> list[str]:
    """Sorted so that numbers come before those that usually follow from them."""
    last = ("omega_ncdm", "N_eff", "YHe", "omega_dcdmdr")
    first = ("omega_b", "omega_cdm", "H0")
    return sorted(names, key=lambda name: (name in last, name not in first, name))


def _tolerance(field: Field) -> float:
    """Of the compression."""
    usual = TOLERANCE if field.region in ("early", "late") else TOLERANCE_OF_PHOTONS
    return TIGHT.get(field.name, usual)


def _floor(table: FieldTables, models: Sequence[ResampledModel]) -> Array:
    """The size to which errors at each wavenumber are relative at least.

    Beyond the wavenumbers of the CMB, CLASS does not resolve acoustic oscillations, and no spectrum needs photons.
    Beyond the last wavenumbers there is nothing to learn.
    """
    of, reach = (K_LAST, TABLES_REACH) if PIECES[table.field.piece].source in MATTER else (K_CMB, 1.0)
    end = reach * min(m.cosmology[of] * m.cosmology["sound_horizon_rec"] for m in models)
    largest = float(np.abs(table.values * table.weight[:, None]).max())
    return np.where(np.exp(NODES[table.field.wavenumber]) > end, UNNEEDED * largest, table.floor)


def _manifest(models: Sequence[ResampledModel], identity: Identity, inputs: VariedNumbers, tolerances: dict[str, float],
              points: Array, name: str) -> Manifest:
    ellipsoid = _ellipsoid(inputs.names, points)
    half = ellipsoid.sigmas * np.sqrt(np.diag(ellipsoid.covariance))
    sound = np.array([m.cosmology["sound_horizon_rec"] for m in models])
    last, cmb = (np.array([m.cosmology[of] for m in models]) for of in (K_LAST, K_CMB))
    return describe(
        name, f"learned from {len(models)} models of a chain",
        RunningClass(identity.class_version, identity.source_digest), identity.precision,
        domain={n: (float(m - h), float(m + h)) for n, m, h in zip(inputs.names, ellipsoid.mean, half, strict=True)},
        setup={**identity.setup, **inputs.constant},
        derived=tolerances, derived_inputs=list(inputs.names),
        k_max=float(min(REACH * last.max(), TABLES_REACH * (last * sound).min() / sound.max())),
        k_max_cmb_times_sound_horizon=REACH * float((cmb * sound).max()),
        recipe={"learned": len(models)}, ellipsoid=ellipsoid.to_json(),
        boundaries=vars(boundaries) if (boundaries := boundaries_of(identity)) else {})


def _ellipsoid(names: tuple[str, ...], points: Array) -> Ellipsoid:
    """Around all points, with their mean and covariance."""
    mean, covariance = points.mean(axis=0), np.atleast_2d(np.cov(points.T))
    unlimited = Ellipsoid(names, mean, covariance, np.inf)
    return replace(unlimited, sigmas=max(unlimited.distance(dict(zip(names, p, strict=True))) for p in points))
