"""From models to networks, one field at a time: resample, reduce, fit; and the manifest and the guard of a set.

Used for all kinds of sets. Nothing here may integrate CLASS's equations or read a recipe.
"""
