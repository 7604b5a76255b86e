"""`cosmicnet demo`: Planck's best fit in both modes, plots and a posterior."""
