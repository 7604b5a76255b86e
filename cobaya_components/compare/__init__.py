"""One run with networks and with full CLASS: `cosmicnet check`, `cosmicnet reweight` and its report.

Reads chains and runs, and evaluates likelihoods at their points; nothing here may sample or train.
"""
