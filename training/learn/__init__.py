"""Learning while a chain runs: models that CLASS integrated become networks for the next ones.

The chain's processes keep what CLASS integrated, one file per model; a process in the background fits networks. Nothing
here may stop a chain or slow it down, and no recipe is read.
"""
