"""Training models of any neutrinos, helium, dark energy, temperature and curvature, at two levels of fidelity."""
