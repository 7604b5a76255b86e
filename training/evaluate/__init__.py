"""Accuracy on cosmologies that training never saw: measures, boxes, targets, likelihoods, noise, pages.

Nothing here trains.
"""
