"""CLASS's lensed spectra, written out in NumPy as in astro-ph/0502425 and astro-ph/0601594."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# CLASS integrates up to pi/16 where accurate_lensing is off
BOUNDARY = np.pi / 16
# angles at once, for the memory's sake
TOGETHER = 500


@dataclass(frozen=True)
class Orders:
    """Highest powers of Cgl and Cgl2: lensing_C0_order and lensing_C2_order."""

    c0: int = 0
    c2: int = 2


DEFAULT = Orders()


def angles(l_max: int, accurate: bool) -> tuple[Array, Array]:
    """Cosines, and weights of an integral over them."""
    if accurate:
        return gauss_legendre(l_max + l_max % 2 - 1)
    size = int(2 * l_max * BOUNDARY / np.pi + 1e-9) - 1
    theta = np.arange(1, size + 1) * BOUNDARY / size
    return np.cos(theta), np.sin(theta) * BOUNDARY / size


def gauss_legendre(size: int) -> tuple[Array, Array]:
    """Roots and weights by Newton's steps; weights of NumPy and SciPy are good to a few 1e-9 only."""
    mu = -np.cos(np.pi * (np.arange(size) + 0.75) / (size + 0.5))
    slope = np.ones(size)
    for _ in range(6):
        before, value = np.ones(size), mu
        for ell in range(2, size + 1):
            before, value = value, ((2 * ell - 1) * mu * value - (ell - 1) * before) / ell
        slope = size * (mu * value - before) / (mu**2 - 1)
        mu = mu - value / slope
    return mu, 2 / ((1 - mu**2) * slope**2)


def wigner(m: int, n: int, l_max: int, mu: Array) -> Array:
    """d^l_{m n}(mu), m >= abs(n), shape (l_max + 1, mu.size)."""
    d = np.zeros((l_max + 1, mu.size))
    binomial = factorial(2 * m) / factorial(m + n) / factorial(m - n)
    d[m] = np.sqrt(binomial) * ((1 + mu) / 2) ** ((m + n) / 2) * ((1 - mu) / 2) ** ((m - n) / 2)
    if m == 0:
        d[1] = mu
    for ell in range(max(m, 1), l_max):
        before = (ell + 1) * np.sqrt((ell**2 - m**2) * (ell**2 - n**2)) * d[ell - 1]
        after = ell * np.sqrt(((ell + 1) ** 2 - m**2) * ((ell + 1) ** 2 - n**2))
        d[ell + 1] = ((2 * ell + 1) * (ell * (ell + 1) * mu - m * n) * d[ell] - before) / after
    return d


def lensed(raw: dict[str, Array], accurate: bool = False, orders: Orders = DEFAULT,
           oversampling: float = 1.0) -> dict[str, Array]:
    """TT, TE, EE and BB from what raw_cl() returns, at every multipole; if accurate, `oversampling` angles for each."""
    ell = np.arange(raw["ell"][-1] + 1.0)
    mu, weight = angles(int(oversampling * (ell.size - 1)), accurate)
    total = {name: np.zeros(ell.size) for name in ("tt", "te", "ee", "bb")}
    for some in np.array_split(np.arange(mu.size), mu.size // TOGETHER + 1):
        for name, part in lensed_part(raw, ell, mu[some], weight[some], accurate, orders).items():
            total[name] += part
    if not accurate:
        for name in raw.keys() & total.keys():
            total[name] += raw[name]
    return total


def lensed_part(
    raw: dict[str, Array], ell: Array, mu: Array, weight: Array, accurate: bool, orders: Orders
) -> dict[str, Array]:
    """Contributions of these angles to the integrals, Eqs. 48 and 49 of astro-ph/0502425."""
    l_max = ell.size - 1

    def function(m: int, n: int) -> Array:
        return wigner(m, n, l_max, mu)

    xi = correlations(raw, ell, accurate, orders, function)
    integral = {
        name: 2 * np.pi * function(m, n) @ (weight * xi[name])
        for name, (m, n) in {"tt": (0, 0), "te": (2, 0), "plus": (2, 2), "minus": (2, -2)}.items()
    }
    return {"tt": integral["tt"], "te": integral["te"], "ee": (integral["plus"] + integral["minus"]) / 2,
            "bb": (integral["plus"] - integral["minus"]) / 2}


def correlations(
    raw: dict[str, Array], ell: Array, accurate: bool, orders: Orders, function: Callable[[int, int], Array]
) -> dict[str, Array]:
    """Lensed correlation functions, less the unlensed ones unless `accurate`; X as in astro-ph/0502425."""
    density = (2 * ell + 1) / (4 * np.pi)
    phi = density * ell * (ell + 1) * raw["pp"]
    cgl, cgl2 = phi @ function(1, 1), phi @ function(1, -1)
    sigma2 = phi.sum() - cgl
    with np.errstate(invalid="ignore"):
        l_, root = ell[:, None], [np.nan_to_num(np.sqrt(x))[:, None] for x in (
            (ell + 2) * (ell + 1) * ell * (ell - 1), (ell + 2) * (ell - 1), (ell + 3) * (ell - 2),
            (ell + 4) * (ell + 3) * (ell - 2) * (ell - 3))]
    quarter = l_ * (l_ + 1) / 4
    x000 = np.exp(-quarter * sigma2)
    xp000 = -quarter * x000
    x220 = root[0] / 4 * x000 * (1 + sigma2 / 2)
    x022 = x000 * (1 + sigma2 * (1 + sigma2 / 2))
    xp022 = -(quarter - 1) * x022
    x242 = root[3] / 4 * x000 * (1 + 5 / 2 * sigma2)
    x121 = -root[1] / 2 * x000 * (1 + 2 / 3 * sigma2)
    x132 = -root[2] / 2 * x000 * (1 + 5 / 3 * sigma2)
    x = 2 * quarter * cgl2
    over_root = 1 / np.sqrt(np.maximum(l_ * (l_ + 1), 1))
    d00, d11, d1m1, d2m2, d20, d22 = (function(*mn) for mn in ((0, 0), (1, 1), (1, -1), (2, -2), (2, 0), (2, 2)))
    d31, d3m1, d3m3, d40, d4m2, d4m4 = (function(*mn) for mn in ((3, 1), (3, -1), (3, -3), (4, 0), (4, -2), (4, -4)))
    over_quarter = 1 / np.maximum(quarter, 0.5)
    # of each correlation function: the terms of first, second ... order in Cgl2
    terms: dict[str, list[Callable[[], Array]]] = {
        "tt": [lambda: x000**2 * d00,
               lambda: 2 * over_quarter * xp000**2 * d1m1 * cgl2,
               lambda: (xp000**2 * d00 + x220**2 * d2m2) * cgl2**2,
               lambda: x000**2 * x**3 * (d1m1 / 8 + d3m3 / 24),
               lambda: x000**2 * x**4 * (d00 / 64 + d2m2 / 48 + d4m4 / 192)],
        "te": [lambda: x022 * x000 * d20,
               lambda: 2 * xp000 * over_root * (x121 * d11 + x132 * d3m1) * cgl2,
               lambda: ((2 * xp022 * xp000 + x220**2) * d20 + x220 * x242 * d4m2) * cgl2**2 / 2,
               lambda: x000**2 * x**3 * (d11 / 16 + d3m1 / 12 + function(5, -3) / 48),
               lambda: x000**2 * x**4 * (10 * d20 + 5 * d4m2) / 384],
        "plus": [lambda: x022**2 * d22,
                 lambda: 2 * x132 * x121 * d31 * cgl2,
                 lambda: (xp022**2 * d22 + x242 * x220 * d40) * cgl2**2,
                 lambda: x000**2 * x**3 * (d31 / 8 + function(5, -1) / 24),
                 lambda: x000**2 * x**4 * (d22 / 64 + d40 / 48 + function(6, -2) / 192)],
        "minus": [lambda: x022**2 * d2m2,
                  lambda: (x121**2 * d1m1 + x132**2 * d3m3) * cgl2,
                  lambda: (2 * xp022**2 * d2m2 + x220**2 * d00 + x242**2 * d4m4) * cgl2**2 / 2,
                  lambda: x000**2 * x**3 * (d1m1 / 12 + d3m3 / 16),
                  lambda: x000**2 * x**4 * (4 * d00 + 7 * d2m2 + 4 * d4m4) / 384],
    }
    first_in_cgl: dict[str, Callable[[], Array]] = {
        "tt": lambda: 2 * x000 * xp000 * d00 + 2 * over_quarter * xp000**2 * d11,
        "te": lambda: (x022 * xp000 + xp022 * x000) * d20 + 2 * over_root * xp000 * (x132 * d31 + x121 * d1m1),
        "plus": lambda: 2 * x022 * xp022 * d22 + x132**2 * function(3, 3) + x121**2 * d11,
        "minus": lambda: 2 * x022 * xp022 * d2m2 + 2 * x121 * x132 * d3m1,
    }
    zero = np.zeros(ell.size)
    e, b = raw.get("ee", zero), raw.get("bb", zero)
    spectra = {"tt": raw.get("tt", zero), "te": raw.get("te", zero), "plus": e + b, "minus": e - b}
    xi = {}
    for name, bare in {"tt": d00, "te": d20, "plus": d22, "minus": d2m2}.items():
        lensing = sum((term() for term in terms[name][:orders.c2 + 1]), np.zeros_like(bare))
        if orders.c0 == 1:
            lensing += first_in_cgl[name]() * cgl
        if not accurate:
            lensing -= bare
        xi[name] = density * spectra[name] @ lensing
    return xi
