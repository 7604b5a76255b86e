"""Recipes of two levels of fidelity: any neutrinos, helium, dark energy, temperature and curvature, from many models of
low precision and a few converged ones.

The other kind of recipe is in one_level/; what both share is in models/ and fields/.
"""
