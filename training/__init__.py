"""Networks from nothing: recipes, models, fits, their accuracy and speed, and the command line.

The runtime (`cosmicnet`) imports nothing from here; of Cobaya's components, only the command line knows.
"""
