"""Developers' measurements for the docs: seconds and memory of each step, accuracy of the fast modules and of settings.

Of these, `cosmicnet benchmark` alone is in users' help. Accuracy of networks belongs in evaluate/, a user's own input
in side_by_side/.
"""
