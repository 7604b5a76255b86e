"""Training models: points and cosmologies, grids, integration by CLASS, files; and the plan, the steps that every kind
of recipe has. Nothing here may resample or fit.
"""
