"""Boxes of cosmologies on which the networks are tested, and unseen points in them."""
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
from cosmicnet.store import DEFAULT_SET

from ..recipe.schema import EVALUATE_SEED
from .domain_box import domain_bounds, unseen_points

__all__ = [
    "BOXES", "FIXED_PARAMETERS", "HYPERCUBE_SIZE", "PLANCK_POSTERIOR", "Box", "DomainBox", "Posterior", "boxes_of",
]

FIXED_PARAMETERS: Mapping[str, float | int] = MappingProxyType(
    {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "A_s": 2.1e-9, "n_s": 0.966})
"""Planck's baseline of one massive neutrino; the primordial spectrum is applied after the sources."""

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
    """Bounds of each parameter (H0 in km/s/Mpc) and the seed of the points that test this box. title: for people."""

    name: str
    title: str
    bounds: Bounds
    seed: int

    @property
    def description(self) -> str:
        return ", ".join(f"{name} {low:.5g} to {high:.5g}" for name, (low, high) in self.bounds.items())

    def points(self, number: int) -> list[dict[str, Any]]:
        """The first `number` cosmologies of one hypercube over the box, the same ones at every call.

        The hypercube has HYPERCUBE_SIZE points (or `number`, if that is more), so that an evaluation can be
        extended later without computing anything again.
        """
        lower, upper = zip(*self.bounds.values(), strict=True)
        unit = qmc.LatinHypercube(d=len(self.bounds), seed=self.seed).random(max(number, HYPERCUBE_SIZE))[:number]
        points = qmc.scale(unit, lower, upper)
        return [{**dict(zip(self.bounds, map(float, point), strict=True)), **FIXED_PARAMETERS}
                for point in points]


@dataclass(frozen=True)
class DomainBox(Box):
    """The domain of a network set, all its parameters varied, whatever its shape."""

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
        # as many at every call, so that the first ones are the same
        drawn = normal.random(2 ** (max(2 * number, 256) - 1).bit_length())
        points = [dict(zip(names, row.tolist(), strict=True)) for row in drawn]
        inside = [p for p in points if all(low <= p[name] <= high for name, (low, high) in self.bounds.items())]
        return [{**FIXED_PARAMETERS, "A_s": 1e-10 * math.exp(p.pop("logA")), **p} for p in inside[:number]]

    def _covariance(self) -> tuple[list[str], NDArray[np.float64]]:
        header = self.covariance.read_text(encoding="utf-8").splitlines()[0]
        return header.strip("# ").split(), np.loadtxt(self.covariance)


def boxes_of(manifest: Manifest) -> tuple[Box, ...]:
    """The boxes on which a network set is evaluated: its domain, and Planck's and its posterior where it is of that
    cosmology."""
    shipped_kind = manifest.name == DEFAULT_SET
    name = BOXES[1].name if shipped_kind else f"domain_{manifest.name}"
    domain = DomainBox(name, "whole domain", domain_bounds(manifest), BOXES[1].seed, manifest)
    return (BOXES[0], domain, PLANCK_POSTERIOR) if shipped_kind else (domain,)


def _around_planck(sigmas: float) -> Bounds:
    """The hyper-rectangle of Planck's means +- so many standard deviations, cut to the domain."""
    return MappingProxyType({
        name: (max(mean - sigmas * sigma, DOMAIN[name][0]), min(mean + sigmas * sigma, DOMAIN[name][1]))
        for name, (mean, sigma) in PLANCK_2018_BAO.items()
    })


BOXES = (
    Box("planck_5_sigma", "±5 sigma of Planck 2018 + BAO", _around_planck(5.0), seed=180706209),
    Box("domain", "whole domain", DOMAIN, seed=EVALUATE_SEED),
)
"""The box of the first paper, and what the shipped networks accept at Planck's neutrinos. Seeds: no other use."""

PLANCK_POSTERIOR = Posterior(
    "planck_posterior", "posterior of Planck 2018", DOMAIN, seed=180706210,
    # TT,TE,EE+lowE (arXiv:1807.06209, table 2)
    mean=MappingProxyType({"omega_b": 0.02236, "omega_cdm": 0.1202, "H0": 67.27, "tau_reio": 0.0544, "logA": 3.045,
                           "n_s": 0.9649}),
    # of a chain of these likelihoods, at the calibration A_planck = 1
    covariance=Path(str(files("cosmicnet.training"))) / "recipes/planck_2018.covmat")
"""Where chains are: the likelihoods change here by what matters for a result."""
