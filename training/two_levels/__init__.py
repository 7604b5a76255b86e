"""Recipes of two levels of fidelity: many models of low precision and a few converged ones, of any neutrinos, helium,
dark energy, temperature and curvature.

Code that recipes of one level need as well belongs in models/ or fields/.
"""
