"""Training models: the plan of a recipe, points of parameter space, grids, integration by CLASS, files.

Nothing here may know fields, networks, or one kind of recipe.
"""
