"""A sampler for posteriors that are roughly known: independent draws from a wide proposal, with weights."""
from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from cobaya import mpi
from cobaya.collection import SampleCollection
from cobaya.log import LoggedError
from cobaya.sampler import CovmatSampler
from numpy.typing import NDArray
from scipy import stats

from cosmicnet.files import write_whole

from .proposal import Proposal, effective_samples, gelman_rubin

__all__ = ["ImportanceSampler"]

Array = NDArray[np.float64]

FEW_EFFECTIVE_SAMPLES = 50
DRAWS_FOR_CENTER = 1000
# Stop if fewer than one draw in this many becomes a sample: the proposal is wrong.
DRAWS_PER_SAMPLE = 100
# Effective samples per parameter to learn a covariance from.
LEAST_TO_LEARN = 4
# ln of the largest weight: larger ones would overflow in sums and files, and mean nothing so far from the posterior.
LARGEST_LOG_WEIGHT = 600.0
# Ends of names of files: the proposal, and how many points of its sequence a process has evaluated.
PROPOSAL, DRAWS = "proposal", "draws"


class ImportanceSampler(CovmatSampler):  # type: ignore[misc]  # Cobaya has no types
    """
    Importance sampling: independent draws around the reference point, with weights posterior/proposal. Where the
    posterior is nearly Gaussian and its covariance is known, some hundred draws do the work of thousands of MCMC
    steps. With `learn`, first draws find center and covariance.
    """

    _at_resume_prefer_new: ClassVar[list[str]] = [
        *CovmatSampler._at_resume_prefer_new, "samples", "max_seconds", "report_every", "seed"]

    sampler_type: str
    samples: int
    learn: int
    max_seconds: float | None
    covmat: Any
    covmat_params: Any
    widen: float
    degrees_of_freedom: float
    report_every: float
    seed: Any

    def initialize(self) -> None:
        self._require_sensible_options()
        covariance, _ = self._load_covmat(prefer_load_old=False)
        try:
            scale = self.widen * np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError as error:
            raise LoggedError(self.log, "covmat: the matrix is not positive definite") from error
        self.proposal = Proposal(_reference_center(self.model), scale, self.degrees_of_freedom)
        # the log-posterior of weight 1; None until it is known
        self._zero = self._read_kept()
        self.collection = SampleCollection(self.model, self.output, name=str(1 + mpi.rank()),
                                           resuming=bool(self.output) and self.output.is_resuming())
        self._drawn = self._read_drawn() if len(self.collection) else 0

    def _set_rng(self) -> None:
        # Cobaya calls this before initialize()
        try:
            np.random.SeedSequence(self.seed)
        except (TypeError, ValueError) as error:
            raise LoggedError(self.log, f"seed: {self.seed!r}: must be a whole number from 0 on, or a list of them"
                              ) from error
        super()._set_rng()

    def _require_sensible_options(self) -> None:
        for name, least in (("samples", 1), ("learn", 0)):
            value = getattr(self, name)
            # Cobaya reads 1e4 as a float
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= least or value % 1:
                raise LoggedError(self.log, f"{name}: {value!r}: must be a whole number from {least} on")
            setattr(self, name, int(value))
        for name in ("widen", "degrees_of_freedom", "report_every", "max_seconds"):
            value = getattr(self, name)
            if name == "max_seconds" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < np.inf:
                raise LoggedError(self.log, f"{name}: {value!r}: must be a number above 0")

    def run(self) -> None:
        """Draw and evaluate until there are enough samples or the time is over."""
        started = time.monotonic()
        have = len(self.collection)
        # made before _learn() draws: a resumed run does not learn again, and must draw the same points
        cube = self._even_points()
        if self._zero is None:
            if self.learn and not any(mpi.allgather(have)):
                self._learn(started)
            self._zero = self._log_posterior_at_center()
            if self.output and mpi.is_main_process():
                self.proposal.write(self._kept_file(), self._zero)
        zero = self._zero
        wanted = -(-self.samples // mpi.size()) - have
        # a resumed run with the same seed goes on behind its draws
        if self._drawn:
            cube.fast_forward(self._drawn)

        def add(point: Array) -> bool:
            posterior, log_weight = self._weighted(point)
            if log_weight - zero > LARGEST_LOG_WEIGHT:
                raise LoggedError(
                    self.log, "the posterior of a draw is e^%.0f times that of the reference point: the proposal is "
                    "too far away. Give a reference point (ref) or a covariance (covmat) nearer to the posterior, or "
                    "learn them from more draws (learn).", log_weight - zero)
            # one that underflows carries no information
            weight = float(np.exp(log_weight - zero))
            if weight > 0.0:
                self.collection.add(point, logpost=posterior, weight=weight)
            self._drawn += 1
            return weight > 0.0

        try:
            self._draw(cube, wanted, add, started)
        finally:
            # save finished draws even after an error
            self._write()
        self._report()

    def _even_points(self) -> stats.qmc.Sobol:
        """Points that fill the unit cube evenly, for smoother contours than random ones; different at each call."""
        return stats.qmc.Sobol(self.proposal.center.size + 1, seed=self._rng)

    def _learn(self, started: float) -> None:
        """Learn center and covariance of the proposal from first draws of all processes, which are not samples."""
        cube = self._even_points()
        points, log_weights = [], []

        def add(point: Array) -> bool:
            log_weight = self._weighted(point)[1]
            if np.isfinite(log_weight):
                points.append(point)
                log_weights.append(log_weight)
            return bool(np.isfinite(log_weight))

        self._draw(cube, -(-self.learn // mpi.size()), add, started, "draws to learn the proposal")
        gathered = mpi.allgather((np.reshape(points, (-1, self.proposal.center.size)), np.array(log_weights)))
        all_points, all_logs = (np.concatenate(part) for part in zip(*gathered, strict=True))
        all_weights = np.exp(all_logs - all_logs.max(initial=-np.inf))
        effective, least = effective_samples(all_weights), LEAST_TO_LEARN * self.proposal.center.size
        if not effective >= least:
            self.log.warning("The first draws are worth %.0f independent ones, and learning needs %d: the proposal "
                             "stays. Take more (learn), or a nearer reference point.", effective, least)
        else:
            self.log.info("Learned center and covariance from %d draws, worth %.0f.", len(all_weights), effective)
            self.proposal = self.proposal.learned(all_points, all_weights, self.widen)

    def _kept_file(self) -> Path:
        return Path(self.output.add_suffix(PROPOSAL, separator="."))

    def _read_kept(self) -> float | None:
        """Read the proposal of a resumed run, and return its log-posterior of weight 1; None if there is none.

        Options are then ignored, since all samples of a chain need the same proposal and the same scale.
        """
        if not (self.output and self.output.is_resuming() and self._kept_file().exists()):
            return None
        try:
            self.proposal, zero = self.proposal.read(self._kept_file())
        except (OSError, ValueError) as error:
            raise LoggedError(self.log, f"{self._kept_file()} is damaged ({error}): start anew with --force"
                              ) from error
        return zero

    def _draws_file(self) -> Path:
        return Path(self.output.add_suffix(f"{DRAWS}.{1 + mpi.rank()}", separator="."))

    def _read_drawn(self) -> int:
        """Number of draws behind the samples on disk."""
        try:
            return int(self._draws_file().read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise LoggedError(self.log, f"{self._draws_file()} is damaged or missing ({error}), so that draws would be "
                              "repeated: start anew with --force") from error

    def _write(self) -> None:
        """Write the samples, and the number of draws before them: a kill in between loses draws, but repeats none."""
        if self.output:
            write_whole({self._draws_file(): f"{self._drawn}\n"})
        self.collection.out_update()

    def _draw(self, cube: stats.qmc.Sobol, wanted: int, add: Callable[[Array], bool], started: float,
              what: str = "samples") -> None:
        """Draw until `add` has accepted `wanted` points, at most until `max_seconds` after `started`."""
        begun = reported = time.monotonic()
        done = drawn = 0
        while done < wanted:
            done += add(self.proposal.from_uniform(cube.random(1))[0])
            drawn += 1
            if drawn >= DRAWS_PER_SAMPLE * wanted:
                self.log.warning("Stopped with %d of %d %s after %d draws, most of which have no posterior. Narrow the "
                                 "proposal (covmat, widen).", done, wanted, what, drawn)
                break
            now = time.monotonic()
            if self.max_seconds is not None and now - started > self.max_seconds:
                self.log.info("max_seconds reached: %d of %d %s", done, wanted, what)
                break
            if now - reported > self.report_every:
                reported = now
                self.log.info("%d of %d %s, %.2f per second", done, wanted, what, done / (now - begun))
                self._write()

    def _log_posterior_at_center(self) -> float:
        """Weights are relative to the proposal's center, so that those of all processes agree."""
        logpost = float(self.model.logpost(self.proposal.center))
        if not np.isfinite(logpost):
            raise LoggedError(self.log, "the posterior is zero at the reference point")
        return logpost

    def _weighted(self, point: Array) -> tuple[Any, float]:
        """Cobaya's result at a draw, and ln of posterior over proposal, up to a constant."""
        posterior = self.model.logposterior(point)
        return posterior, float(posterior.logpost) - float(self.proposal.log_density(point[None])[0])

    def _report(self) -> None:
        """Log the effective number of samples of all processes, and how well these agree."""
        names = list(self.model.parameterization.sampled_params())
        chains = mpi.allgather((self.collection.data[names].to_numpy(dtype=float),
                                np.asarray(self.collection["weight"], dtype=float)))
        weights = np.concatenate([weights for _, weights in chains])
        effective = effective_samples(weights)
        if mpi.is_main_process():
            self.log.info("%d samples, worth %.0f independent ones", len(weights), effective)
            # written so that NaN warns
            if not effective >= FEW_EFFECTIVE_SAMPLES:
                self.log.warning("few effective samples: take more, or a reference point nearer to the posterior")
            elif len(chains) > 1:
                self.log.info("R-1 = %.4f between the %d processes", gelman_rubin(chains), len(chains))

    def products(self, **kwargs: Any) -> dict[str, Any]:
        """`sample`: Cobaya's collection, or with to_getdist=True an MCSamples of getdist."""
        if not kwargs.get("to_getdist"):
            return {"sample": self.collection}
        samples = self.collection.to_getdist()
        samples.setSampler(self.sampler_type)
        return {"sample": samples}

    @classmethod
    def output_files_regexps(cls, output: Any, info: Any = None, minimal: bool = False) -> list[tuple[Any, Any]]:
        return [(output.collection_regexp(name=None), None),
                (re.compile(rf"{output.prefix_regexp_str}({PROPOSAL}|{DRAWS}\.\d+)$"), None)]


def _reference_center(model: Any) -> Array:
    """Mean of the reference density, shape (n,)."""
    random = np.random.default_rng(0)
    draws = [model.prior.reference(random_state=random, warn_if_no_ref=False) for _ in range(DRAWS_FOR_CENTER)]
    center: Array = np.mean(draws, axis=0)
    return center
