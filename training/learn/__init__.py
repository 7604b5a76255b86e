"""Learning while a chain runs: networks are fitted to the models that CLASS integrated.

The chain's processes keep each integrated model as a file; a process in the background fits networks. Nothing here may
stop a chain or slow it down, and no recipe is read.
"""
