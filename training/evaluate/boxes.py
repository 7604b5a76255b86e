"""Boxes of unseen cosmologies for tests of networks: a set's domain, its corners and edges, and families of models."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import qmc

from cosmicnet.manifest import Manifest
from cosmicnet.store import DEFAULT_SET, read_manifest

from ..recipe.schema import EVALUATE_SEED, TAU_REIO
from ..work.numbers import MASS_SPLITTINGS
from .domain import Draw, domain_bounds, domain_of

__all__ = [
    "FAMILIES", "FIXED_PARAMETERS", "HYPERCUBE_SIZE", "LCDM_DOMAIN", "PLANCK_5_SIGMA", "PLANCK_POSTERIOR",
    "WHOLE_DOMAIN", "Box", "DomainBox", "HierarchyBox", "Posterior", "boxes_of_domain",
]

WHOLE_DOMAIN = "domain"
"""The name of the box of a set's whole domain."""

FIXED_PARAMETERS: Mapping[str, float | int] = MappingProxyType(
    {"N_ur": 2.0308, "N_ncdm": 1, "m_ncdm": 0.06, "A_s": 2.1e-9, "n_s": 0.966})
"""Planck's baseline of one massive neutrino, and a primordial spectrum, which networks do not depend on."""

Bounds = Mapping[str, tuple[float, float]]

# mean and standard deviation, Planck 2018 TT,TE,EE+lowE+lensing+BAO (arXiv:1807.06209, table 2)
PLANCK_2018_BAO = {
    "omega_b": (0.02242, 0.00014),
    "omega_cdm": (0.11933, 0.00091),
    "H0": (67.66, 0.42),
    "tau_reio": (0.0561, 0.0071),
}


HYPERCUBE_SIZE = 100
# The most corners of a domain, and points on the edge of a constraint.
EXTREME_POINTS = 40

SUM = "sum of m_ncdm"


@dataclass(frozen=True)
class Box:
    """Bounds of each parameter (H0 in km/s/Mpc) and the seed of the points; title: a heading; fixed: all other CLASS
    parameters."""

    name: str
    title: str
    bounds: Bounds
    seed: int
    fixed: Mapping[str, str | float] = field(default_factory=lambda: FIXED_PARAMETERS)

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
        return [{**dict(zip(self.bounds, map(float, point), strict=True)), **self.fixed}
                for point in points]


@dataclass(frozen=True)
class HierarchyBox(Box):
    """Three massive neutrinos in the normal hierarchy, with their summed mass (eV) as the parameter SUM."""

    def points(self, number: int) -> list[dict[str, Any]]:
        return [{**{name: value for name, value in point.items() if name != SUM},
                 "m_ncdm": ",".join(f"{mass:.6f}" for mass in _normal_hierarchy(point[SUM]))}
                for point in super().points(number)]


def _normal_hierarchy(total: float) -> tuple[float, float, float]:
    """Masses in eV that add up to `total`."""
    def masses(lightest: float) -> tuple[float, float, float]:
        solar, atmospheric = MASS_SPLITTINGS
        return lightest, math.sqrt(lightest**2 + solar), math.sqrt(lightest**2 + atmospheric)

    return masses(brentq(lambda lightest: sum(masses(lightest)) - total, 0.0, total))


@dataclass(frozen=True, kw_only=True)
class DomainBox(Box):
    """Points of a set's domain, of any shape: throughout, or at most `most` of its corners or of an edge."""

    draw: Draw
    most: float = math.inf

    def points(self, number: int) -> list[dict[str, Any]]:
        return self.draw(int(min(number, self.most)), self.seed)


@dataclass(frozen=True, kw_only=True)
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
        return [{**self.fixed, "A_s": 1e-10 * math.exp(p.pop("logA")), **p} for p in inside[:number]]

    def _covariance(self) -> tuple[list[str], NDArray[np.float64]]:
        header = self.covariance.read_text(encoding="utf-8").splitlines()[0]
        return header.strip("# ").split(), np.loadtxt(self.covariance)


def boxes_of_domain(manifest: Manifest) -> tuple[Box, ...]:
    """The whole domain of a set, its corners, and the edges of its constraints that are not among the corners."""
    bounds, domain = domain_bounds(manifest), domain_of(manifest)
    edges = [DomainBox(f"edge_{number}", f"edge of {text}", bounds, EVALUATE_SEED + 10 + number, draw=draw,
                       most=EXTREME_POINTS) for number, (text, draw) in enumerate(domain.edges.items(), 1)]
    return (DomainBox(WHOLE_DOMAIN, "whole domain", bounds, EVALUATE_SEED, draw=domain.points),
            DomainBox("corners", "corners of the domain", bounds, EVALUATE_SEED + 1, draw=domain.corners,
                      most=EXTREME_POINTS), *edges)


def _around_planck(sigmas: float) -> Bounds:
    """Planck's means +- so many standard deviations."""
    return MappingProxyType({name: (mean - sigmas * sigma, mean + sigmas * sigma)
                             for name, (mean, sigma) in PLANCK_2018_BAO.items()})


def _shipped_domain(network: str) -> Bounds:
    """The ranges of a shipped set for the parameters of a flat LCDM."""
    return MappingProxyType({name: ends for name, ends in domain_bounds(read_manifest(network)).items()
                             if name in PLANCK_2018_BAO})


# Seeds have no other use.
PLANCK_5_SIGMA = Box("planck_5_sigma", "±5 sigma of Planck 2018 + BAO", _around_planck(5.0), seed=180706209)
"""The box of the first paper."""

LCDM_DOMAIN = Box("lcdm_domain", "flat LCDM with Planck's neutrinos", _shipped_domain(DEFAULT_SET), EVALUATE_SEED)
"""The domain of the networks lcdm with Planck's neutrinos, for timings."""

PLANCK_POSTERIOR = Posterior(
    "planck_posterior", "posterior of Planck 2018", {"tau_reio": TAU_REIO}, seed=180706210,
    # TT,TE,EE+lowE (arXiv:1807.06209, table 2)
    mean=MappingProxyType({"omega_b": 0.02236, "omega_cdm": 0.1202, "H0": 67.27, "tau_reio": 0.0544, "logA": 3.045,
                           "n_s": 0.9649}),
    # of a chain of these likelihoods, at the calibration A_planck = 1
    covariance=Path(str(files("cosmicnet.training"))) / "recipes/planck_2018.covmat")
"""The part of parameter space in which chains are."""

_LCDM = {**_around_planck(5.0), "omega_cdm": (0.110, 0.130)}
# w0 and wa within about 5 sigma of DESI DR2 + CMB + DES Y5 (arXiv:2503.14738)
_W0WA = {**_LCDM, "H0": (62.0, 72.0), "w0_fld": (-1.05, -0.45), "wa_fld": (-2.0, 0.2)}
_FLUID = {**FIXED_PARAMETERS, "Omega_Lambda": 0.0, "fluid_equation_of_state": "CLP", "use_ppf": "yes"}
# H0 follows from the acoustic scale, of which most combinations of H0 and Omega_k are far from any data
_CURVED = {name: ends for name, ends in _LCDM.items() if name != "H0"}
_THREE_MASSIVE = {"N_ur": 0.00441, "N_ncdm": 3, "A_s": 2.1e-9, "n_s": 0.966}

FAMILIES: tuple[Box, ...] = (
    PLANCK_5_SIGMA, PLANCK_POSTERIOR,
    HierarchyBox("normal_hierarchy", "LCDM + sum of masses, normal hierarchy",
                 {**_LCDM, "H0": (60.0, 72.0), SUM: (0.06, 0.5)}, 190705765, _THREE_MASSIVE),
    Box("neff_yhe", "LCDM + N_eff + YHe", {**_LCDM, "H0": (58.0, 80.0), "N_ur": (1.0, 3.5), "YHe": (0.20, 0.30)},
        190705766),
    Box("w0wa", "w0wa around DESI's posterior", _W0WA, 190705767, _FLUID),
    Box("curvature", "LCDM + Omega_k", {**_CURVED, "100*theta_s": (1.0396, 1.0426), "Omega_k": (-0.04, 0.02)},
        190705768),
)
"""Families of models; measured for each set that covers them. Seeds have no other use."""
