"""From models to networks, one field at a time: resample, reduce, fit.

Nothing here runs CLASS.
"""
