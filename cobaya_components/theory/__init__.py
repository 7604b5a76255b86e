"""The theory component `cosmicnet.Cosmicnet`: its two halves, covariance matrices, the check of a run's prior.

Nothing here may know a likelihood or a sampler.
"""
