"""Models of a chain on the nodes of the fields."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosmicnet.coordinates import Boundaries, Scales, curvature_of
from cosmicnet.fields import DEFAULT_BOUNDARIES, FIELDS, Field
from cosmicnet.pieces import PIECES, split_sources

from ..fields.gaps import FIRST_X, K_LAST, OF_MATTER, continued_to
from ..fields.tables import write_tables
from .chain_model import ChainModel, Identity, all_numbers
from .neutral import without_reionization

__all__ = ["K_CMB", "boundaries_of", "fields_of", "resample_chain_model"]

Array = NDArray[np.float64]

# The name of a model's last wavenumber (1/Mpc) of the CMB among its numbers; K_LAST is that of all sources.
K_CMB = "k_last_cmb"

# Tables are continued to these wavenumbers, in units of a model's last one, since other models reach further: by a step
# of 1.26 at CLASS's default of 10 wavenumbers a decade, and by the spread of sound horizons.
BEYOND_LAST = np.linspace(1.02, 1.56, 21)
# The continuation is fitted to so many of the last wavenumbers: a third of a decade by default.
FITTED = 4

# CLASS's default of this trigger begins the streaming of photons within the early fields; a finer one begins it later.
TRIGGER, DEFAULT = "radiation_streaming_trigger_tau_c_over_tau", 5.0


def boundaries_of(identity: Identity) -> Boundaries | None:
    """The boundaries of the photon fields; None for those of CLASS."""
    return DEFAULT_BOUNDARIES if identity.precision[TRIGGER] > DEFAULT else None


def fields_of(identity: Identity, inputs: tuple[str, ...] = ()) -> tuple[Field, ...]:
    """The fields of these sources, on the nodes that reach furthest, all with the same inputs."""
    return tuple(replace(
        field, inputs=inputs, wavenumber="ln_x_far" if field.wavenumber == "ln_x" else field.wavenumber,
        time="tau_over_tau_rec_wide" if field.region == "early" else field.time)
        for field in FIELDS if PIECES[field.piece].source in identity.tables)


def resample_chain_model(model: ChainModel, target: Path, identity: Identity) -> None:
    """Write all fields of one model on their nodes."""
    scales = Scales.of(model.cosmology, model.precision, boundaries_of(identity))
    numbers = {**all_numbers(model.cosmology, model.setup, model.parameters),
               K_LAST: float(model.k[-1]), K_CMB: float(model.k[model.k_size_cmb - 1])}
    k, pieces = _continued(model, _pieces(model, scales), FIRST_X / scales.sound_horizon_rec)
    _, integrated = _continued(model, model.integrated, FIRST_X / scales.sound_horizon_rec)
    write_tables(target, replace(model, k=k, cosmology=numbers, integrated=integrated), pieces, scales,
                 fields_of(identity))


def _pieces(model: ChainModel, scales: Scales) -> dict[str, Array]:
    """Pieces of the recorded sources, without reionisation."""
    # split_sources() divides all
    zero = np.zeros_like(model.integrated["t0"])
    integrated = {**dict.fromkeys(("phi_plus_psi", "delta_m", "delta_cb"), zero), **model.integrated}
    pieces = split_sources(integrated, model.k, model.tau, curvature_of({**model.setup, **model.cosmology}))
    history = {name: column for name, column in model.integrated.items() if column.ndim == 1}
    return without_reionization(pieces, model.k, model.tau, history, scales)


def _continued(model: ChainModel, tables: Mapping[str, Array], first: float) -> tuple[Array, dict[str, Array]]:
    """Tables from the wavenumber `first` (1/Mpc) on, to some beyond the last one."""
    k, longer = continued_to(first, model.k, tables)
    beyond = model.k[-1] * BEYOND_LAST
    return np.concatenate([k, beyond]), {
        name: np.concatenate([table, _beyond(name, table, k, beyond)], axis=1) if table.ndim == 2 else table
        for name, table in longer.items()}


def _beyond(name: str, table: Array, k: Array, beyond: Array) -> Array:
    """Pieces of matter go on nearly as powers of k, all else stays as it is: photons have diffused there."""
    end = table[:, -FITTED:]
    if name not in OF_MATTER or not ((end > 0.0).all() or (end < 0.0).all()):
        return np.repeat(table[:, -1:], beyond.size, axis=1)
    design, wanted = (np.log(at / k[-1])[:, None] ** np.arange(3) for at in (k[-FITTED:], beyond))
    return np.asarray(np.sign(end[:, -1:]) * np.exp(np.log(np.abs(end)) @ (wanted @ np.linalg.pinv(design)).T))


