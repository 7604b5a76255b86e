"""`cosmicnet demo`: Planck's best fit in both modes, figures and a posterior."""
