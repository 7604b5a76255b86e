"""Learning while a chain runs: models that CLASS integrates become networks for the next ones.

The chain's processes keep what CLASS integrated, one file per model; a process in the background fits networks.
"""
