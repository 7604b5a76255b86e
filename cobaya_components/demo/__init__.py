"""`cosmicnet demo`: Planck's best fit in both modes, plots and a posterior.

It uses the other rooms; only the command line imports it.
"""
