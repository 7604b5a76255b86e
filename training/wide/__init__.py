"""Training models of any neutrinos, helium, dark energy, temperature and curvature, at two levels of fidelity.

Models, recipe and fits of such sets live here; what they share with others is in models/ and fields/. Evaluation,
learning and the command line use this room.
"""
