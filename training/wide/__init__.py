"""Training models of any neutrinos, helium, dark energy, temperature and curvature, at two levels of fidelity.

The rest of training but the cost and the command line does not know them.
"""
