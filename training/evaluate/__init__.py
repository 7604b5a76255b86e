"""Accuracy on cosmologies that training never saw: figures, boxes, likelihoods, noise, reports.

Nothing here trains.
"""
