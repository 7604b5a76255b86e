"""From the models of a chain to a network set: which numbers vary, the fields as polynomials of them, the domain."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cosmicnet.class_parameters import acts_on_sources
from cosmicnet.emulator import FieldsEmulator
from cosmicnet.evaluation import FittedField
from cosmicnet.manifest import Manifest
from cosmicnet.network import Network
from cosmicnet.pieces import PIECES
from cosmicnet.region import Ellipsoid
from cosmicnet.splines import SplineBasis
from cosmicnet.store import NetworkSet

from ..fields.nodes import NODES
from ..fields.reduce import keep_components, reduce_field
from ..fields.relevance import fit_with_relevances
from ..fields.tables import FieldTables, ResampledModel, read_field
from ..wide.tables import K_LAST, filled
from .calibration import Calibration, calibrated
from .model import Identity
from .tables import K_CMB, boundaries_of, fields_of

__all__ = ["Inputs", "TooFew", "fit_models", "inputs_of_models"]

Array = NDArray[np.float64]

DEGREE = 3
# Relative rms error of the compression, as in the recipe of the set lcdm, but finer where that costs little;
# MEAN_ACCURACY times finer for the mean, whose error is that of every model.
TOLERANCE, TOLERANCE_OF_PHOTONS, MEAN_ACCURACY = 1e-4, 5e-4, 0.1
FINE = {"early.monopole": 1e-5, "early.doppler": 1e-5, "early.polarization": 1e-5, "early.isw": 3e-5,
        "early.shear": 3e-5}
# Sources that are needed up to the last wavenumber, others to that of the CMB; what lies beyond counts this much less.
MATTER, UNNEEDED = ("phi_plus_psi", "delta_m", "delta_cb"), 1e4
# A component is noise if the fit leaves more than this fraction of its rms.
UNPREDICTABLE = 0.95

# A number is constant below this relative spread, and a function of others if a polynomial leaves less than this
# fraction of its spread on models that were left out, or less than this fraction of itself: CLASS's table of helium
# has six digits.
CONSTANT, DEPENDENT, NEGLIGIBLE = 1e-9, 1e-3, 2e-5
# Results that follow smoothly from the inputs; others than those that coverage.py compares with an expansion it knows.
GUARDED = ("angular_distance_rec", "visibility_max")
# Relative tolerance of the guard: this times the largest leave-one-out error, and at least the other.
GUARD_MARGIN, GUARD_FLOOR = 3.0, 1e-7

# Tables go on a little beyond a model's last wavenumber (tables.py).
REACH, TABLES_REACH = 1.02, 1.25

# The fields on which the spectra of the CMB depend most; errors of points are theirs.
LEADING = ("early.monopole", "early.doppler", "early.isw", "early.polarization", "late.isw")


# Models for each input without which nothing is fitted.
PER_INPUT = 3


class TooFew(Exception):
    """There are not enough models for their inputs yet."""


@dataclass(frozen=True)
class Inputs:
    """names: of the numbers that vary by themselves; constant: numbers with one value; dependent: functions of the
    others."""

    names: tuple[str, ...]
    constant: dict[str, float]
    dependent: tuple[str, ...]


def inputs_of_models(models: Sequence[ResampledModel], names: Sequence[str]) -> Inputs:
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
            left = fit_with_relevances(others, column[:, None] - column.mean(), DEGREE).residuals
            if np.sqrt((left**2).mean()) < max(DEPENDENT * spread, NEGLIGIBLE * np.abs(column).min()):
                dependent.append(name)
                continue
        independent.append(name)
    return Inputs(tuple(independent), constant, tuple(dependent))


def fit_models(models: Sequence[ResampledModel], identity: Identity, name: str) -> tuple[NetworkSet, Calibration]:
    """Fit all fields; TooFew if there are not enough models."""
    inputs = inputs_of_models(models, _in_order(identity.names))
    if not inputs.names or len(models) < PER_INPUT * len(inputs.names):
        raise TooFew(f"{len(models)} models, in which {', '.join(inputs.names) or 'nothing'} varies")
    fields, errors, relevances = [], np.zeros(len(models)), []
    for field in fields_of(identity, inputs.names):
        table = filled(read_field(field, models), models)
        fitted, of_models, relevance = _fit_field(table, _floor(table, models))
        fields.append(fitted)
        if field.name in LEADING:
            errors += of_models**2
            relevances.append(relevance)
    emulator = FieldsEmulator(fields, boundaries_of(identity))
    points = np.array([[{**m.setup, **m.cosmology}[n] for n in inputs.names] for m in models])
    guard, tolerances = _guard(models, points, (*inputs.dependent, *GUARDED))
    manifest = _manifest(models, identity, inputs, tolerances, points, name)
    candidates = [*relevances, np.median(relevances, axis=0), np.max(relevances, axis=0)]
    return NetworkSet(manifest, emulator, guard), calibrated(inputs.names, points, errors, candidates)


def _in_order(names: Sequence[str]) -> list[str]:
    """Numbers that others usually follow from first."""
    last = ("omega_ncdm", "N_eff", "YHe", "omega_dcdmdr", "N_idr", "stat_f_idr")
    first = ("omega_b", "omega_cdm", "H0")
    return sorted(names, key=lambda name: (name in last, name not in first, name))


def _floor(table: FieldTables, models: Sequence[ResampledModel]) -> Array:
    """The size to which errors at each wavenumber are relative at least.

    Beyond the wavenumbers of the CMB, CLASS does not resolve acoustic oscillations, and no spectrum needs photons.
    Beyond the last wavenumbers there is nothing to learn.
    """
    of, reach = (K_LAST, TABLES_REACH) if PIECES[table.field.piece].source in MATTER else (K_CMB, 1.0)
    end = reach * min(m.cosmology[of] * m.cosmology["sound_horizon_rec"] for m in models)
    largest = float(np.abs(table.values * table.weight[:, None]).max())
    return np.where(np.exp(NODES[table.field.wavenumber]) > end, UNNEEDED * largest, table.floor)


def _fit_field(table: FieldTables, floor: Array) -> tuple[FittedField, Array, Array]:
    """The field, the leave-one-out relative error of each model, and the relevances for its largest component."""
    usual = TOLERANCE if table.field.region in ("early", "late") else TOLERANCE_OF_PHOTONS
    tolerance = FINE.get(table.field.name, usual)
    reduced = reduce_field(table.values, table.weight, floor, tolerance)
    fit = fit_with_relevances(table.inputs, reduced.coefficients, DEGREE)
    kept = np.sqrt((fit.residuals**2).mean(axis=0)) < UNPREDICTABLE * np.sqrt((reduced.coefficients**2).mean(axis=0))
    # arrays keep their shapes if there is at least one
    kept[0] = True
    whole = np.sqrt((reduced.mean_core**2).sum() + (reduced.coefficients**2).sum(axis=1).mean())
    errors = np.sqrt((np.where(kept, fit.residuals, reduced.coefficients) ** 2).sum(axis=1)) / (whole or 1.0)
    errors = np.hypot(errors, reduced.error)
    reduced = keep_components(reduced, kept, MEAN_ACCURACY * tolerance)
    network = replace(fit.network, skip=fit.network.skip[:, kept], output_map=replace(
        fit.network.output_map, offset=fit.network.output_map.offset[kept], scale=fit.network.output_map.scale[kept]))
    shape = reduced.time_basis.shape[1], reduced.wavenumber_basis.shape[1]
    fitted = FittedField(
        field=table.field, network=network, mean_core=reduced.mean_core.reshape(shape),
        components=reduced.components.astype(np.float32),
        time_basis=SplineBasis.through(NODES[table.field.time], reduced.time_basis),
        wavenumber_basis=SplineBasis.through(NODES[table.field.wavenumber], reduced.wavenumber_basis))
    return fitted, errors, fit.relevances[0]


def _guard(
    models: Sequence[ResampledModel], points: Array, names: Sequence[str]
) -> tuple[Network, dict[str, float]]:
    """Polynomials of the inputs that give these numbers, and the relative tolerances of a request."""
    outputs = np.array([[{**m.setup, **m.cosmology}[name] for name in names] for m in models])
    middle = outputs.mean(axis=0)
    fit = fit_with_relevances(points, outputs / middle - 1.0, DEGREE)
    outer = fit.network.output_map
    network = replace(fit.network, output_map=replace(outer, offset=middle * (1.0 + outer.offset),
                                                      scale=middle * outer.scale))
    worst = np.abs(fit.residuals * middle / outputs).max(axis=0)
    return network, {name: max(GUARD_MARGIN * float(error), GUARD_FLOOR)
                     for name, error in zip(names, worst, strict=True)}


def _manifest(models: Sequence[ResampledModel], identity: Identity, inputs: Inputs, tolerances: dict[str, float],
              points: Array, name: str) -> Manifest:
    ellipsoid = _ellipsoid(inputs.names, points)
    half = ellipsoid.sigmas * np.sqrt(np.diag(ellipsoid.covariance))
    sound = np.array([m.cosmology["sound_horizon_rec"] for m in models])
    last, cmb = (np.array([m.cosmology[of] for m in models]) for of in (K_LAST, K_CMB))
    return Manifest(
        name=name, description=f"learned from {len(models)} models of a chain", class_version=identity.class_version,
        source_digest=identity.source_digest,
        domain={n: (float(m - h), float(m + h)) for n, m, h in zip(inputs.names, ellipsoid.mean, half, strict=True)},
        setup={**identity.setup, **inputs.constant},
        precision={n: value for n, value in identity.precision.items() if acts_on_sources(n)},
        derived=tolerances, derived_inputs=list(inputs.names),
        k_max=float(min(REACH * last.max(), TABLES_REACH * (last * sound).min() / sound.max())),
        k_max_cmb_times_sound_horizon=REACH * float((cmb * sound).max()), fields=[], dense_layers=0, sha256="",
        recipe={"learned": len(models)}, ellipsoid=ellipsoid.to_json(),
        boundaries=vars(boundaries) if (boundaries := boundaries_of(identity)) else {})


def _ellipsoid(names: tuple[str, ...], points: Array) -> Ellipsoid:
    """Around all points, with their mean and covariance."""
    mean, covariance = points.mean(axis=0), np.atleast_2d(np.cov(points.T))
    unlimited = Ellipsoid(names, mean, covariance, np.inf)
    return replace(unlimited, sigmas=max(unlimited.distance(dict(zip(names, p, strict=True))) for p in points))
