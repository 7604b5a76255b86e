"""One run with networks and with full CLASS: `cosmicnet check`, `cosmicnet reweight` and its report.

Reads chains and runs, and evaluates likelihoods at their points; it samples nothing and trains nothing.
"""
