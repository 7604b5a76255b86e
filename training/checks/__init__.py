"""Errors in a recipe, found before anything is integrated, and its cost.

Nothing here changes a recipe, or fits.
"""
