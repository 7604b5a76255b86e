"""Boxes of cosmologies on which the networks are tested, and unseen points in them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scipy.stats import qmc

__all__ = ["BOXES", "FIXED_PARAMETERS", "HYPERCUBE_SIZE", "Box"]

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
    """Bounds of each parameter (H0 in km/s/Mpc) and the seed of the points that test this box."""

    name: str
    title: str
    bounds: Bounds
    seed: int

    def latin_hypercube(self, number: int) -> list[dict[str, float | int]]:
        """The first `number` cosmologies of one hypercube over the box, the same ones at every call.

        The hypercube has HYPERCUBE_SIZE points (or `number`, if that is more), so that an evaluation can be
        extended later without computing anything again.
        """
        lower, upper = zip(*self.bounds.values(), strict=True)
        unit = qmc.LatinHypercube(d=len(self.bounds), seed=self.seed).random(max(number, HYPERCUBE_SIZE))[:number]
        points = qmc.scale(unit, lower, upper)
        return [{**dict(zip(self.bounds, map(float, point), strict=True)), **FIXED_PARAMETERS}
                for point in points]


def _around_planck(sigmas: float) -> Bounds:
    """The hyper-rectangle of Planck's means +- so many standard deviations, cut to the domain."""
    return MappingProxyType({
        name: (max(mean - sigmas * sigma, DOMAIN[name][0]), min(mean + sigmas * sigma, DOMAIN[name][1]))
        for name, (mean, sigma) in PLANCK_2018_BAO.items()
    })


BOXES = (
    Box("planck_5_sigma", "±5 sigma of Planck 2018 + BAO", _around_planck(5.0), seed=180706209),
    Box("domain", "whole domain", DOMAIN, seed=190705764),
)
"""The box of the first paper, and everything that the shipped networks accept. Seeds: no other use."""
