"""Developers' measurements for the docs: seconds and memory of each step, accuracy of the fast modules and of settings.

What a user measures belongs in evaluate/ or side_by_side/.
"""
