"""The command line: one module per group of sub-commands of `cosmicnet`.

The only room that may import every other one; only `python -m cosmicnet` imports it.
"""
