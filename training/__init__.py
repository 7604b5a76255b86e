"""Networks from nothing: recipes, models, fits, their accuracy and speed, and the command line.

The runtime (`cosmicnet`) imports nothing from here. Only the command line imports Cobaya's components.
"""
