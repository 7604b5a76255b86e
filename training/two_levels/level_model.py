"""A model of one level: a cosmology integrated on the aligned grids, with all that inputs of networks may need."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.dataset import REMEDY, get_tables, reading, writing
from ..work.files import put
from ..work.run_class import Recorder, new_class
from .curved_grids import CurvedSpaceGrids

__all__ = ["LevelModel", "integrate_level_model", "read_level_model", "write_level_model"]

Array = NDArray[np.float64]
Numbers = dict[str, float]

# Rows of CLASS's tables that are kept: background, so many for each decade of 1 + z; thermodynamics, every fourth below
# the redshift at which helium has recombined.
PER_DECADE, EVERY, Z_MAX = 60, 4, 2500.0

# Quantities that CLASS derives, by its own names.
RECORDED = ("100*theta_s", "z_rec", "tau_rec", "rs_rec", "ds_rec", "ra_rec", "da_rec", "z_star", "tau_star", "rs_star",
            "rd_star", "da_star", "z_d", "tau_d", "rs_d", "conformal_age", "Neff", "age", "YHe", "n_e", "Omega_m",
            "Omega_Lambda", "Omega0_fld")

GROUPS = ("cosmology", "setup", "precision", "derived")
# CLASS's tables, besides the integrated ones.
TABLES = ("background", "thermodynamics")


@dataclass(frozen=True)
class LevelModel:
    """One integrated cosmology.

    settings: the cosmology's parameters as given to CLASS. cosmology, setup, precision: as in SourceRequest. derived:
    RECORDED, the first and last values of CLASS's own grids (own_*), and the seconds of one core. k (1/Mpc), tau (Mpc).
    integrated: what SourceRequest.integrate_on() returned. background, thermodynamics: CLASS's tables, by its titles.
    """

    settings: dict[str, Any]
    cosmology: Numbers
    setup: Numbers
    precision: Numbers
    derived: Numbers
    k: Array
    tau: Array
    integrated: dict[str, Array]
    background: dict[str, Array]
    thermodynamics: dict[str, Array]


def integrate_level_model(
    settings: Mapping[str, Any], cosmology: Mapping[str, Any], is_far: bool = True
) -> LevelModel:
    """Integrate one cosmology, to the largest wavenumbers if `is_far`.

    Raises CosmoComputationError if CLASS cannot compute it, CosmoSevereError if it does not accept the settings.
    """
    own: Numbers = {}

    def grids(request: Any) -> tuple[Array, Array]:
        own.update(own_k_first=float(request.k[0]), own_k_last=float(request.k[-1]),
                   own_k_last_cmb=float(request.k[request.k_size_cmb - 1]), own_tau_first=float(request.tau[0]))
        return CurvedSpaceGrids().of(dict(request.cosmology), dict(request.setup), is_far)

    recorder, universe, start = Recorder(grids), new_class({**settings, **cosmology}), process_time()
    universe.set_source_provider(recorder)
    universe.compute(["perturbations"])
    seconds = process_time() - start
    model = LevelModel(
        dict(cosmology), recorder.cosmology, recorder.setup, recorder.precision,
        {**universe.get_current_derived_parameters(list(RECORDED)), **own, "seconds": seconds},
        recorder.k, recorder.tau, recorder.integrated(),
        _thinned_background(universe.get_background()), _thinned_thermodynamics(universe.get_thermodynamics()))
    universe.struct_cleanup()
    return model


def _thinned_background(table: Mapping[str, Array]) -> dict[str, Array]:
    decades = np.log10(1.0 + table["z"]) * PER_DECADE
    rows = np.flatnonzero(np.diff(np.floor(decades), prepend=np.inf, append=-np.inf)[:-1])
    rows = np.union1d(rows, decades.size - 1)
    return {name: np.asarray(column)[rows] for name, column in table.items()}


def _thinned_thermodynamics(table: Mapping[str, Array]) -> dict[str, Array]:
    rows = np.flatnonzero((table["z"] > 0.0) & (table["z"] < Z_MAX))[::EVERY]
    return {name: np.asarray(column)[rows] for name, column in table.items()}


def write_level_model(path: Path, model: LevelModel) -> None:
    """Write one model; OSError if it cannot be written."""
    with writing(path, model, "source functions of one cosmology by CLASS", GROUPS,
                 settings=json.dumps(model.settings)) as file:
        for table in TABLES:
            for title, column in getattr(model, table).items():
                # a slash would be a folder
                put(file, f"{table}/{title.replace('/', ' over ')}", column)


def read_level_model(path: Path) -> LevelModel:
    """Read one model; DatasetError if the file is damaged or of another version."""
    with reading(path, GROUPS, REMEDY) as (file, entries):
        entries |= {table: get_tables(file, table) for table in TABLES}
        return LevelModel(settings=json.loads(file.attrs["settings"]), **entries)
