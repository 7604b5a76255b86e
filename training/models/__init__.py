"""Training models: where they lie in parameter space, the grids on which CLASS integrates them, and their files.

Nothing here knows fields or networks.
"""
