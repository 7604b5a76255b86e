"""Accuracy on cosmologies that training never saw: measures, boxes, targets, likelihoods, noise, pages.

Nothing here may train, and no cosmology of a training set may be used.
"""
