"""The command line: one module per group of sub-commands of `cosmicnet`.

The only room that may import every other one. Arguments, messages and the order of steps live here, no physics.
"""
