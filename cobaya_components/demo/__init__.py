"""`cosmicnet demo`: Planck's best fit in both modes, plots and a posterior.

It uses the other rooms; none of them imports it.
"""
