"""A sampler for posteriors that are known roughly: independent draws from a wide proposal, weighted."""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from cobaya import mpi
from cobaya.collection import SampleCollection
from cobaya.log import LoggedError
from cobaya.sampler import CovmatSampler
from numpy.typing import NDArray
from scipy import stats

__all__ = ["ImportanceSampler", "Proposal", "effective_samples"]

Array = NDArray[np.float64]

FEW_EFFECTIVE_SAMPLES = 50
DRAWS_FOR_CENTER = 1000
# a proposal of which fewer than one in so many draws have a posterior is the wrong one
DRAWS_PER_SAMPLE = 100


def effective_samples(weights: Array) -> float:
    """How many independent samples of equal weight are worth these: (sum w)^2 / sum w^2."""
    total = weights.sum()
    return float(total**2 / (weights**2).sum()) if total > 0.0 else 0.0


@dataclass(frozen=True)
class Proposal:
    """Multivariate t distribution. center: shape (n,); scale: Cholesky factor of its matrix, (n, n)."""

    center: Array
    scale: Array
    degrees_of_freedom: float

    def from_uniform(self, uniform: Array) -> Array:
        """Draws, shape (m, n), from points of the unit cube of one dimension more, shape (m, n + 1)."""
        normal = stats.norm.ppf(uniform[:, :-1])
        stretch = stats.chi2.ppf(uniform[:, -1:], self.degrees_of_freedom) / self.degrees_of_freedom
        draws: Array = self.center + (normal / np.sqrt(stretch)) @ self.scale.T
        return draws

    def log_density(self, points: Array) -> Array:
        """Up to a constant; points of shape (m, n)."""
        distance = np.sum(np.linalg.solve(self.scale, (points - self.center).T)**2, axis=0)
        nu, n = self.degrees_of_freedom, self.center.size
        density: Array = -0.5 * (nu + n) * np.log1p(distance / nu)
        return density


class ImportanceSampler(CovmatSampler):  # type: ignore[misc]  # Cobaya has no types
    """
    Importance sampling: independent draws around the reference point, with weights posterior/proposal. Where the
    posterior is nearly Gaussian and its covariance is known, some hundred draws do what takes MCMC thousands.
    """

    _at_resume_prefer_new: ClassVar[list[str]] = [
        *CovmatSampler._at_resume_prefer_new, "samples", "max_seconds", "report_every", "seed"]

    sampler_type: str
    samples: int
    max_seconds: float | None
    covmat: Any
    covmat_params: Any
    widen: float
    degrees_of_freedom: float
    report_every: float

    def initialize(self) -> None:
        covariance, _ = self._load_covmat(prefer_load_old=False)
        try:
            scale = self.widen * np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError as error:
            raise LoggedError(self.log, "covmat: the matrix is not positive definite") from error
        self.proposal = Proposal(_reference_center(self.model), scale, self.degrees_of_freedom)
        self.collection = SampleCollection(self.model, self.output, name=str(1 + mpi.rank()),
                                           resuming=bool(self.output) and self.output.is_resuming())

    def run(self) -> None:
        """Draw and evaluate until there are enough samples, or the time is over."""
        zero = self._log_weight_at_center()
        have = len(self.collection)
        wanted = -(-self.samples // mpi.size()) - have
        # points that fill the space evenly: smoother contours than random ones
        cube = stats.qmc.Sobol(self.proposal.center.size + 1, seed=self._rng)
        if have:
            # a resumed run with the same seed goes on behind the draws that it has
            cube.fast_forward(self._draws_before(cube, have))
        try:
            self._draw(cube, wanted, zero)
        finally:
            # whatever has stopped us: what was computed is kept
            self.collection.out_update()
        self._report()

    def _draws_before(self, cube: stats.qmc.Sobol, have: int) -> int:
        """How many draws were made up to the last sample that there is; 0 if it is of another sequence."""
        number = 2 ** int(np.ceil(np.log2(DRAWS_PER_SAMPLE * have)))
        draws = self.proposal.from_uniform(cube.random(number))
        cube.reset()
        names = list(self.model.parameterization.sampled_params())
        last = np.asarray(self.collection.data[names].iloc[-1], dtype=float)
        # the file has eight digits
        same = np.flatnonzero(np.all(np.abs(draws - last) <= 1e-6 * np.abs(last) + 1e-12, axis=1))
        return int(same[-1]) + 1 if same.size else 0

    def _draw(self, cube: stats.qmc.Sobol, wanted: int, zero: float) -> None:
        """Draw until so many more have a likelihood and a prior."""
        started = reported = time.monotonic()
        done = drawn = 0
        while done < wanted:
            done += self._add(self.proposal.from_uniform(cube.random(1))[0], zero)
            drawn += 1
            if drawn >= DRAWS_PER_SAMPLE * wanted:
                self.log.warning("%d of %d samples after %d draws, most of which have no posterior: no more are made. "
                                 "Narrow the proposal (covmat, widen).", done, wanted, drawn)
                break
            now = time.monotonic()
            if self.max_seconds is not None and now - started > self.max_seconds:
                self.log.info("max_seconds reached: %d of %d samples", done, wanted)
                break
            if now - reported > self.report_every:
                reported = now
                self.log.info("%d of %d samples, %.2f per second", done, wanted, done / (now - started))
                self.collection.out_update()

    def _log_weight_at_center(self) -> float:
        """Weights are relative to that of the reference point, so that those of all processes agree."""
        logpost = float(self.model.logpost(self.proposal.center))
        if not np.isfinite(logpost):
            raise LoggedError(self.log, "the posterior is zero at the reference point")
        return logpost

    def _add(self, point: Array, zero: float) -> bool:
        """Whether the draw became a sample."""
        posterior = self.model.logposterior(point)
        if not np.isfinite(posterior.logpost):
            return False
        log_weight = posterior.logpost - zero - float(self.proposal.log_density(point[None])[0])
        # a weight that underflows says nothing, and Cobaya takes positive ones only
        if (weight := float(np.exp(log_weight))) <= 0.0:
            return False
        self.collection.add(point, logpost=posterior, weight=weight)
        return True

    def _report(self) -> None:
        weights = np.asarray(self.collection["weight"], dtype=float)
        effective = effective_samples(weights)
        self.log.info("%d samples, worth %.0f independent ones", len(weights), effective)
        if effective < FEW_EFFECTIVE_SAMPLES:
            self.log.warning("few effective samples: take more, or a reference point nearer to the posterior")

    def products(self, **kwargs: Any) -> dict[str, Any]:
        """`sample`: Cobaya's collection, or with to_getdist=True an MCSamples of getdist."""
        if not kwargs.get("to_getdist"):
            return {"sample": self.collection}
        samples = self.collection.to_getdist()
        samples.setSampler(self.sampler_type)
        return {"sample": samples}

    @classmethod
    def output_files_regexps(cls, output: Any, info: Any = None, minimal: bool = False) -> list[tuple[Any, Any]]:
        return [(output.collection_regexp(name=None), None)]


def _reference_center(model: Any) -> Array:
    """Mean of the reference density, shape (n,)."""
    random = np.random.default_rng(0)
    draws = [model.prior.reference(random_state=random, warn_if_no_ref=False) for _ in range(DRAWS_FOR_CENTER)]
    center: Array = np.mean(draws, axis=0)
    return center
