"""Mistakes in a recipe, found before anything is integrated, and what it will cost.

Nothing here may change a recipe, or fit.
"""
