"""Where networks are tested on unseen cosmologies: the whole domain of a set, and common boxes and posteriors."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from cosmicnet.manifest import Manifest

from ..recipe.schema import EVALUATE_SEED
from .domain_box import domain_bounds, unseen_points

__all__ = [
    "COMMON_BOXES", "FIXED_PARAMETERS", "HYPERCUBE_SIZE", "LCDM_DOMAIN", "PLANCK_5_SIGMA", "PLANCK_POSTERIOR",
    "WHOLE_DOMAIN", "Box", "DomainBox", "Posterior", "domain_of",
]

WHOLE_DOMAIN = "domain"
"""The name of the box of a set's whole domain."""

FIXED_PARAMETERS: Mapping[str, float | int] = MappingProxyType(
    {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "A_s": 2.1e-9, "n_s": 0.966})
"""Planck's baseline of one massive neutrino, and a primordial spectrum, which networks do not depend on."""

Bounds = Mapping[str, tuple[float, float]]

DOMAIN: Bounds = MappingProxyType({
    "omega_b": (0.0198, 0.0250),
    "omega_cdm": (0.095, 0.145),
    "H0": (58.0, 80.0),
    "tau_reio": (0.01, 0.13),
})

# mean and standard deviation, Planck 2018 TT,TE,EE+lowE+lensing+BAO (arXiv:1807.06209, table 2)
PLANCK_2018_BAO = {
    "omega_b": (0.02242, 0.00014),
    "omega_cdm": (0.11933, 0.00091),
    "H0": (67.66, 0.42),
    "tau_reio": (0.0561, 0.0071),
}


HYPERCUBE_SIZE = 100


@dataclass(frozen=True)
class Box:
    """Bounds of each parameter (H0 in km/s/Mpc) and the seed of the points; title: a heading."""

    name: str
    title: str
    bounds: Bounds
    seed: int

    @property
    def description(self) -> str:
        return ", ".join(f"{name} {low:.5g} to {high:.5g}" for name, (low, high) in self.bounds.items())

    def points(self, number: int) -> list[dict[str, Any]]:
        """The first `number` cosmologies of one hypercube over the box, the same at every call.

        It has at least HYPERCUBE_SIZE points, so that a later evaluation of more models repeats none.
        """
        lower, upper = zip(*self.bounds.values(), strict=True)
        unit = qmc.LatinHypercube(d=len(self.bounds), seed=self.seed).random(max(number, HYPERCUBE_SIZE))[:number]
        points = qmc.scale(unit, lower, upper)
        return [{**dict(zip(self.bounds, map(float, point), strict=True)), **FIXED_PARAMETERS}
                for point in points]


@dataclass(frozen=True)
class DomainBox(Box):
    """The domain of a network set, of any shape, with all its parameters varied."""

    manifest: Manifest

    def points(self, number: int) -> list[dict[str, Any]]:
        return unseen_points(self.manifest, number, self.seed)


@dataclass(frozen=True)
class Posterior(Box):
    """A Gaussian posterior, cut where it leaves `bounds`.

    mean: by name. covariance: a file as Cobaya writes it, a line '# name name ...', then the matrix.
    """

    mean: Mapping[str, float]
    covariance: Path

    @property
    def description(self) -> str:
        names, covariance = self._covariance()
        return ", ".join(f"{name} {self.mean[name]:.5g} ± {deviation:.2g}"
                         for name, deviation in zip(names, np.sqrt(np.diag(covariance)), strict=True))

    def points(self, number: int) -> list[dict[str, Any]]:
        names, covariance = self._covariance()
        normal = qmc.MultivariateNormalQMC(np.array([self.mean[name] for name in names]), covariance, seed=self.seed)
        # powers of two, of which each begins with the smaller one
        drawn = normal.random(2 ** (max(2 * number, 256) - 1).bit_length())
        points = [dict(zip(names, row.tolist(), strict=True)) for row in drawn]
        inside = [p for p in points if all(low <= p[name] <= high for name, (low, high) in self.bounds.items())]
        return [{**FIXED_PARAMETERS, "A_s": 1e-10 * math.exp(p.pop("logA")), **p} for p in inside[:number]]

    def _covariance(self) -> tuple[list[str], NDArray[np.float64]]:
        header = self.covariance.read_text(encoding="utf-8").splitlines()[0]
        return header.strip("# ").split(), np.loadtxt(self.covariance)


def domain_of(manifest: Manifest) -> DomainBox:
    """The whole domain of a set."""
    return DomainBox(WHOLE_DOMAIN, "whole domain", domain_bounds(manifest), EVALUATE_SEED, manifest)


def _around_planck(sigmas: float) -> Bounds:
    """Planck's means +- so many standard deviations, cut to the domain."""
    return MappingProxyType({
        name: (max(mean - sigmas * sigma, DOMAIN[name][0]), min(mean + sigmas * sigma, DOMAIN[name][1]))
        for name, (mean, sigma) in PLANCK_2018_BAO.items()
    })


# Seeds have no other use.
PLANCK_5_SIGMA = Box("planck_5_sigma", "±5 sigma of Planck 2018 + BAO", _around_planck(5.0), seed=180706209)
"""The box of the first paper."""

LCDM_DOMAIN = Box("lcdm_domain", "flat LCDM with Planck's neutrinos", DOMAIN, seed=EVALUATE_SEED)
"""The domain of the networks lcdm with Planck's neutrinos, for timings."""

PLANCK_POSTERIOR = Posterior(
    "planck_posterior", "posterior of Planck 2018", DOMAIN, seed=180706210,
    # TT,TE,EE+lowE (arXiv:1807.06209, table 2)
    mean=MappingProxyType({"omega_b": 0.02236, "omega_cdm": 0.1202, "H0": 67.27, "tau_reio": 0.0544, "logA": 3.045,
                           "n_s": 0.9649}),
    # of a chain of these likelihoods, at the calibration A_planck = 1
    covariance=Path(str(files("cosmicnet.training"))) / "recipes/planck_2018.covmat")
"""Where chains are."""

COMMON_BOXES: tuple[Box, ...] = (PLANCK_5_SIGMA, PLANCK_POSTERIOR)
"""Measured for each set that covers them."""
