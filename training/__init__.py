"""Networks from nothing: recipes, models, fits, their accuracy and speed, and the command line.

The runtime (`cosmicnet`) imports nothing from here. Physics that networks need at run time belongs there, and code for
Cobaya in `cobaya_components`.
"""
