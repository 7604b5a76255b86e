"""The source provider of a chain that learns: an installed set, the learned one, or CLASS, whose model is kept."""
from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from cosmicnet.choice import AUTO, sets_by_domain
from cosmicnet.coverage import why_not_covered
from cosmicnet.errors import CosmicnetError, CosmicnetWarning, NetworkFileError
from cosmicnet.pieces import tables_but_p
from cosmicnet.provider import COMPARE_WITH, NetworkProvider
from cosmicnet.running_class import RunningClass, running_class
from cosmicnet.store import NetworkSet, load_network_set

from .calibration import Calibration
from .chain_model import ChainModel, NotLearned, all_numbers, identity_of
from .folder import CALIBRATION, IDENTITY, Learned, others

__all__ = ["TOLERANCE", "Learner", "open_learner"]

# Answer a point if the stated error, a chi2 of its spectra, is below this.
TOLERANCE = 0.1
# Of the points that networks could answer, this share is integrated for audits.
AUDITED = 0.01


@dataclass
class _Process:
    """The state of a folder, which all Class objects of this process share."""

    student: subprocess.Popen[bytes] | None = None
    kept: int = 0
    answered: int = 0
    audits_drawn: int = 0
    is_writable: bool = True
    said: set[str] = field(default_factory=set)
    # parts of the folder that were opened, by the keys of their identities
    parts: dict[str, Learned] = field(default_factory=dict)


_processes: dict[Path, _Process] = {}


def open_learner(
    neural_network_learn: str | os.PathLike[str] | None, neural_network_path: str | os.PathLike[str] = AUTO,
    neural_network_fallback: str = "full", *, running: RunningClass | None = None,
) -> Learner:
    """Check the options; called by classy at each compute(). Raises CosmicnetError for a wrong option."""
    if str(neural_network_fallback).strip().lower() != "full":
        raise CosmicnetError(f"neural_network_fallback = {neural_network_fallback}: to learn, CLASS has to integrate; "
                          f"leave it out")
    name = "" if neural_network_learn is None else str(neural_network_learn).strip()
    if not name:
        raise CosmicnetError("neural_network_learn: must name a folder for models and learned networks")
    try:
        folder = Path(name).expanduser().absolute()
    except RuntimeError as error:
        raise CosmicnetError(f"neural_network_learn = {name}: {error}") from error
    path = str(neural_network_path).strip()
    sets = (networks for _, networks in sets_by_domain()) if path == AUTO else [load_network_set(path)]
    return Learner(folder, sets, running or running_class())


class Learner:
    """Gives the sources of one compute(), or leaves them to CLASS and keeps the model.

    sets: trained before, in the order of preference.
    """

    def __init__(self, folder: Path, sets: Iterable[NetworkSet], running: RunningClass) -> None:
        # more than one request comes where CLASS has to find an amplitude
        self._folder, self._sets, self._running = folder, tuple(sets), running
        self._process = _processes.setdefault(folder, _Process())
        self._learned: Learned | None = None
        self._kept: ChainModel | None = None
        self._used: NetworkSet | None = None
        self._trained: NetworkProvider | None = None
        self._error: float | None = None
        self._reason = ""
        self._seconds: dict[str, float] = {}

    def provide(self, request: Any) -> bool:
        """Fill request.tables and return True, or return False to have CLASS integrate."""
        start = perf_counter()
        self._kept = self._used = self._error = self._trained = None
        for networks in self._sets:
            if next(why_not_covered(request, networks, self._running), None) is None:
                self._trained = NetworkProvider([networks], "full", 0.0, self._running)
                return self._trained.provide(request)
        try:
            self._learned = self._part(request)
            if self._answers(request, self._learned):
                self._seconds["learned"] = perf_counter() - start
                self._process.answered += 1
                return True
        except NotLearned as error:
            self._reason = str(error)
            return False
        except (OSError, ValueError) as error:
            self._reason = f"the folder of neural_network_learn cannot be used: {error}"
            self._warn(self._reason)
            return False
        if self._process.is_writable and request.record():
            self._kept = ChainModel(
                request.parameters, dict(request.cosmology), dict(request.setup), dict(request.precision),
                request.k.copy(), request.tau.copy(), request.k_size_cmb, {})
        return False

    def integrated(self, recorded: dict[str, Any]) -> None:
        """Keep the model that CLASS integrated; a full disk stops the learning, not the chain."""
        assert self._kept is not None and self._learned is not None
        model = ChainModel(**{**vars(self._kept), "integrated": {
            name: np.array(table) for name, table in recorded.items() if name != "p"}})
        try:
            self._learned.keep(model)
        except OSError as error:
            self._process.is_writable = False
            self._warn(f"nothing more is learned in this process, since the model cannot be written: {error}. CLASS "
                       f"integrates what the networks do not cover.")
            return
        self._process.kept += 1
        try:
            self._start_student(self._learned)
        except OSError as error:
            self._warn(f"no networks are fitted by this process, since no other one can be started for it: {error}")

    def info(self) -> dict[str, Any]:
        """The result of Class.neural_network_info(); the keys are documented there."""
        if self._trained is not None:
            return self._trained.info()
        manifest = self._used and self._used.manifest
        return {
            "used": manifest is not None, "reason": None if manifest else self._reason,
            "name": manifest and manifest.name, "hash": manifest and manifest.sha256, "others": {},
            "seconds": dict(self._seconds), "fallbacks": self._process.kept, "compare_with": COMPARE_WITH,
            # learned networks have the precision of the request
            "precision": {}, "error": self._error, "learned": str(self._folder),
        }

    def _part(self, request: Any) -> Learned:
        identity = identity_of(request, self._running)
        key = identity.key
        known = self._process.parts.get(key)
        if known is not None and (known.folder / IDENTITY).exists():
            return known
        learned = self._process.parts[key] = Learned.open(self._folder, identity)
        if not learned.models():
            for sentence in others(self._folder, identity):
                self._warn(f"{self._folder} has no models of this kind yet, but others, which are not used: "
                           f"{sentence}")
        return learned

    def _answers(self, request: Any, learned: Learned) -> bool:
        """Whether the learned networks filled the tables."""
        folder = learned.newest_networks()
        if folder is None:
            self._reason = f"too few models have been learned yet: {len(learned.models())}"
            return False
        try:
            networks, calibration = load_network_set(folder), _calibration(folder, _stamp(folder / CALIBRATION))
        except (NetworkFileError, ValueError) as error:
            self._warn(f"learned networks are not used: {error}")
            self._reason = str(error)
            return False
        request.cosmology = all_numbers(request.cosmology, request.setup, request.parameters)
        if reasons := list(why_not_covered(request, networks, self._running)):
            self._reason = "; ".join(reasons)
            return False
        stated = calibration.chi2({**request.setup, **request.cosmology})
        # written so that NaN is too large
        if not stated <= TOLERANCE:
            self._reason = f"the error of the learned networks here may be {stated:.2g} in chi2, more than {TOLERANCE}"
            return False
        if self._is_audit():
            self._reason = "this point is an audit of the learned networks"
            return False
        networks.emulator.fill(request)
        if not all(np.isfinite(table.sum()) for table in tables_but_p(request.tables).values()):
            self._reason = "the learned networks give sources that are not finite"
            return False
        self._used, self._error = networks, stated
        return True

    def _is_audit(self) -> bool:
        process = self._process
        is_due = process.answered * AUDITED >= process.audits_drawn + 1
        process.audits_drawn += is_due
        return is_due

    def _start_student(self, learned: Learned) -> None:
        """Start the process that resamples models and fits networks, unless it is running."""
        student = self._process.student
        if student is not None and student.poll() is None:
            return
        command = [sys.executable, "-m", "cosmicnet.training.learn.student", str(learned.folder)]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        log = learned.folder / "student.log"
        with open(log, "ab") as output:
            self._process.student = subprocess.Popen(command, env={**os.environ, **threads}, stdin=subprocess.DEVNULL,
                                                     stdout=output, stderr=output, start_new_session=True)

    def _warn(self, message: str) -> None:
        if message not in self._process.said:
            self._process.said.add(message)
            warnings.warn(message, CosmicnetWarning, stacklevel=5)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _calibration(folder: Path, stamp: tuple[int, int]) -> Calibration:
    """`stamp` is part of the cache's key: a calibration that changed is read again."""
    del stamp
    return Calibration.read(folder / CALIBRATION)
