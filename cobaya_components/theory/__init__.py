"""The theory component `cosmicnet.Cosmicnet`: its two halves, covariance matrices, the check of a run's prior.

It knows no likelihood, and no sampler.
"""
