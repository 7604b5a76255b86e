"""`cosmicnet demo`: Planck's best fit in both modes, plots and a posterior.

Only the command line may import this room.
"""
