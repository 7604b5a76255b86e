"""One model that CLASS integrated for a chain: its parameters, and its source functions on CLASS's own grids."""
from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmicnet.class_parameters import OF_REIONIZATION, acts_on_sources, parameter_of
from cosmicnet.combinations import COMBINATIONS
from cosmicnet.pieces import SOURCES
from cosmicnet.running_class import RunningClass

from ..models.dataset import reading, writing
from ..work.digest import json_digest

__all__ = [
    "RESULTS",
    "ChainModel",
    "Identity",
    "NotLearned",
    "all_numbers",
    "identity_of",
    "is_continuous",
    "numbers_of",
    "read_chain_model",
    "unreported",
    "write_chain_model",
]

Array = NDArray[np.float64]

# Numbers that CLASS computes from the others of a request.
RESULTS = ("conformal_age", "z_rec", "tau_rec", "sound_horizon_rec", "angular_distance_rec", "tau_free_streaming",
           "visibility_max", "diffusion_length_rec", *OF_REIONIZATION)

# The temperature of interacting dark radiation follows from N_idr and stat_f_idr, and is no smooth function of N_idr at
# 0.
REDUNDANT = ("xi_idr",)

# Sources that audits compare.
NEEDED = ("t0", "t1", "t2")

GROUPS = ("cosmology", "setup", "precision")
KINDS_WITHOUT_SOURCES = ("reionization", "output", "network", "precision")


class NotLearned(Exception):
    """Nothing can be learned from a request; the text gives the reason."""


@dataclass(frozen=True)
class Identity:
    """Models of one identity are learned together: they differ in continuous numbers alone.

    setup: choices, such as which species exist; precision: parameters that act on the sources; texts: parameters that
    are not numbers and that the other entries do not show, and those of the reach; names: of the numbers.
    """

    class_version: str
    source_digest: str
    tables: list[str]
    setup: dict[str, float]
    precision: dict[str, float]
    texts: dict[str, str]
    names: list[str]

    @property
    def key(self) -> str:
        return json_digest(vars(self))[:16]


def identity_of(request: Any, running: RunningClass) -> Identity:
    """The identity of a SourceRequest's model; NotLearned where networks cannot be fitted to its sources."""
    if missing := [name for name in NEEDED if name not in request.tables]:
        raise NotLearned(f"the output has no temperature and polarization spectra (tCl, pCl), whose sources "
                         f"({', '.join(missing)}) are needed")
    if unknown := [name for name in request.tables if name not in (*SOURCES, *COMBINATIONS)]:
        raise NotLearned(f"the output needs sources for which there are no fields ({', '.join(unknown)}; mTk and vTk, "
                         f"for instance)")
    return Identity(
        running.version, running.source_digest, sorted(request.tables),
        {name: value for name, value in request.setup.items() if not is_continuous(name) and not _is_later(name)},
        {name: value for name, value in request.precision.items() if acts_on_sources(name)},
        {name: str(value) for name, value in request.parameters.items()
         if _sets_reach(name) or (_is_unseen(name) and _as_number(value) is None)},
        sorted(numbers_of(request.cosmology, request.setup, request.parameters)))


def is_continuous(setting: str) -> bool:
    """Whether networks may interpolate between values of a setting; else it is a choice."""
    known = parameter_of(setting)
    return known is not None and known.kind == "number"


def numbers_of(
    cosmology: Mapping[str, float], setup: Mapping[str, float], parameters: Mapping[str, Any]
) -> dict[str, float]:
    """All numbers on which the sources of a model may depend: those that CLASS reports, and parameters that it reads
    but does not report, such as those of a modified CLASS."""
    unseen = {name: _as_number(value) for name, value in parameters.items() if _is_unseen(name)}
    return {**{name: value for name, value in unseen.items() if value is not None},
            **{name: value for name, value in setup.items() if is_continuous(name)},
            **{name: value for name, value in cosmology.items() if name not in (*RESULTS, *REDUNDANT)}}


def all_numbers(
    cosmology: Mapping[str, float], setup: Mapping[str, float], parameters: Mapping[str, Any]
) -> dict[str, float]:
    """The numbers of a SourceRequest's cosmology, and parameters that CLASS reads but does not report."""
    return {**numbers_of(cosmology, setup, parameters), **cosmology}


def _is_later(name: str) -> bool:
    """Whether a parameter acts after the sources only, or is computed at run time, as reionisation is."""
    known = parameter_of(name)
    return known is not None and (known.kind in KINDS_WITHOUT_SOURCES or not known.acts_on_sources)


def _sets_reach(name: str) -> bool:
    """Whether a parameter decides the largest wavenumber of the sources."""
    known = parameter_of(name)
    return known is not None and known.sets_reach


def _is_unseen(name: str) -> bool:
    """Whether a parameter may act on the sources without being reported."""
    known = parameter_of(name)
    return not _is_later(name) and not name.endswith("_verbose") \
        and (known is None or known.kind == "closure" or not known.is_reported)


def unreported(model: ChainModel) -> list[str]:
    """Parameters of a model that may act on its sources and that CLASS did not report."""
    reported = {**model.setup, **model.cosmology}
    return sorted(name for name in model.parameters if _is_unseen(name) and not _sets_reach(name)
                  and name not in reported)


def _as_number(value: Any) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class ChainModel:
    """parameters: as CLASS read them. cosmology, setup, precision: as in SourceRequest. k (1/Mpc), tau (Mpc): CLASS's
    own. k_size_cmb: how many wavenumbers enter the spectra of the CMB. integrated: as SourceRequest.record() hands it
    over: tables (tau, k), theta_b, phi_prime, and the columns of history (tau)."""

    parameters: dict[str, Any]
    cosmology: dict[str, float]
    setup: dict[str, float]
    precision: dict[str, float]
    k: Array
    tau: Array
    k_size_cmb: int
    integrated: dict[str, Array]

    @property
    def key(self) -> str:
        """A name that depends on the model alone, not on the process that integrated it."""
        numbers = numbers_of(self.cosmology, self.setup, self.parameters)
        late = {name: self.cosmology[name] for name in OF_REIONIZATION if name in self.cosmology}
        grids = [self.k.size, self.tau.size, float(self.k[-1])]
        return json_digest([numbers, late, grids])[:24]


def write_chain_model(path: Path, model: ChainModel) -> None:
    """Write one model, whole or not at all; OSError if it cannot be written."""
    with writing(path, model, "source functions of one model of a chain by CLASS", GROUPS,
                 parameters=json.dumps(model.parameters, default=str), k_size_cmb=model.k_size_cmb):
        pass


def read_chain_model(path: Path) -> ChainModel:
    """Read one model; DatasetError if the file is damaged or of another version."""
    with reading(path, GROUPS, "it is left out") as (file, entries):
        return ChainModel(parameters=json.loads(file.attrs["parameters"]), k_size_cmb=int(file.attrs["k_size_cmb"]),
                         **entries)
