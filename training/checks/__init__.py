"""Mistakes in a recipe, found before anything is integrated, and its cost.

Nothing here may change a recipe, or fit.
"""
