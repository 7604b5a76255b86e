"""All training models as one table per field, with the weights that say what matters."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coordinates import Scales
from cosmicnet.fields import FIELDS, Field, inputs_of
from cosmicnet.network import monomials
from cosmicnet.normalization import Normalization
from cosmicnet.pieces import PIECES, damping, split_sources

from .dataset import read_model
from .parallel import progress, single_threaded_pool
from .reionization import separate
from .resample import NODES, Resampled, node_times, resample
from .train import skip_exponents

__all__ = ["FieldTables", "collect"]

Array = NDArray[np.float64]

# A field is met to an accuracy relative to this fraction of the source that it adds to, where it is
# smaller than that; and the source counts as at least this fraction of its maximum over k.
FRACTION_OF_SOURCE = 0.02
FRACTION_OF_MAXIMUM = 2e-3

# Orders of D_kappa with which reionisation enters (cosmicnet.pieces), by photon piece.
REIONIZATION_ORDERS = {
    "monopole": ("monopole", "monopole_damped"),
    "polarization": ("polarization", "polarization_damped", "polarization_damped_twice"),
}


@dataclass(frozen=True)
class FieldTables:
    """One field in all models: values (models, time nodes, wavenumber nodes), inputs (models, n),
    weight (time nodes,) and floor (wavenumber nodes,) as reduce_field() takes them."""

    field: Field
    values: NDArray[np.float32]
    inputs: Array
    weight: Array
    floor: Array


@dataclass(frozen=True)
class _Model:
    cosmology: dict[str, float]
    fields: dict[str, Resampled]
    sizes: dict[str, Array]
    damping: Array


def collect(paths: Sequence[Path], processes: int) -> list[FieldTables]:
    """Read and resample all models, and separate reionisation; fields in the order of FIELDS."""
    models: dict[Path, _Model] = {}
    with progress("resampling models", len(paths)) as advance, single_threaded_pool(processes) as pool:
        futures = {pool.submit(_resample_model, path): path for path in paths}
        for future in as_completed(futures):
            models[futures[future]] = future.result()
            advance()
    return _assemble([models[path] for path in paths])


def _measured(field: Field) -> bool:
    """Whether a field is read off a model; the damped ones come from separate()."""
    return "damping" not in PIECES[field.piece].times


def _resample_model(path: Path) -> _Model:
    model = read_model(path)
    scales = Scales.of(model.cosmology, model.precision)
    pieces = split_sources(model.integrated, model.k)
    history = {name: a for name, a in model.integrated.items() if a.ndim == 1}
    fields = {f.name: resample(f, pieces[f.piece], model.k, model.tau, history, scales)
              for f in FIELDS if _measured(f)}
    ln_x = np.log(model.k * scales.sound_horizon_rec)
    sizes = {source: np.interp(NODES["ln_x"], ln_x, np.sqrt(np.trapezoid(
        model.integrated[source] ** 2, model.tau, axis=0))) for source in ("t0", "t2")}
    photons = next(f for f in FIELDS if f.time == "ln_v")
    exp_minus_kappa = np.interp(node_times(photons, scales), model.tau, history["exp_minus_kappa"])
    return _Model(model.cosmology, fields, sizes, damping(exp_minus_kappa, model.cosmology["tau_reio"]))


def _assemble(models: list[_Model]) -> list[FieldTables]:
    tables = {f.name: np.array([m.fields[f.name].values for m in models]) for f in FIELDS if _measured(f)}
    weights = {f.name: np.sqrt(np.mean([m.fields[f.name].weight ** 2 for m in models], axis=0))
               for f in FIELDS if _measured(f)}
    damped = np.array([m.damping for m in models])
    for f in FIELDS:
        if f.time == "ln_v" and f.piece in REIONIZATION_ORDERS:
            names = [f.name.replace(f.piece, piece) for piece in REIONIZATION_ORDERS[f.piece]]
            parts = separate(tables[f.name].astype(float), damped, _features(f, models), len(names) - 1)
            for power, (name, part) in enumerate(zip(names, parts, strict=True)):
                tables[name] = part.astype(np.float32)
                weights[name] = weights[f.name] * np.sqrt(np.mean(damped ** (2 * power), axis=0))
    return [FieldTables(f, tables[f.name], _inputs(f, models), weights[f.name], _floor(f, models)) for f in FIELDS]


def _inputs(field: Field, models: list[_Model]) -> Array:
    return np.array([inputs_of(m.cosmology, field.inputs) for m in models])


def _features(field: Field, models: list[_Model]) -> Array:
    """Quadratic monomials of a field's inputs: what reionisation may depend on."""
    inputs = _inputs(field, models)
    return monomials(Normalization.to_unit_box(inputs).apply(inputs), skip_exponents(field.inputs, 2))


def _floor(field: Field, models: list[_Model]) -> Array:
    """The size below which a field does not matter, because of the rest of its source."""
    source = PIECES[field.piece].source
    if source in ("phi_plus_psi", "delta_m", "delta_cb"):
        return np.zeros(NODES[field.wavenumber].size)
    # t1 enters the temperature beside t0, with a factor k that the shear field lacks
    size = np.sqrt(np.mean([m.sizes["t0" if source == "t1" else source] ** 2 for m in models], axis=0))
    if source == "t1":
        horizon = np.mean([m.cosmology["sound_horizon_rec"] for m in models])
        size = size * horizon / np.exp(NODES["ln_x"])
    size = np.maximum(size, FRACTION_OF_MAXIMUM * size.max())
    return np.asarray(FRACTION_OF_SOURCE * size)
