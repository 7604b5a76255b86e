"""From models to networks, one field at a time: resample, reduce, fit. All kinds of sets use this.

Nothing here runs CLASS or knows a recipe.
"""
