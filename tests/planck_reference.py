"""chi2 of Planck's likelihoods at the best fit of Cobaya's own test of them, with tolerances.

By CAMB at Planck precision (Cobaya 3.6, tests/test_cosmo_planck_2018.py); lite: 584.9 with another version of CLASS,
whose recombination and non-linear lensing differ.
"""
from __future__ import annotations

REFERENCE_CHI2 = {
    "planck_2018_lowl.TT": (23.16, 0.1),
    "planck_2018_lowl.EE": (396.05, 0.1),
    "planck_2018_highl_plik.TTTEEE_lite_native": (584.24, 1.0),
    "planck_2018_lensing.native": (8.86, 0.1),
}
