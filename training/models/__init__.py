"""Training models: the plan of a recipe, points of parameter space and cosmologies, grids, integration by CLASS, files.

Nothing here may know fields or networks; only the ellipsoid of a domain is of one kind of recipe.
"""
