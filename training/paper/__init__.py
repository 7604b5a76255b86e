"""The networks of CosmicNet I by the paper's own recipe: models, fits, the search over hyperparameters, docs/paper.md.

Only the command line imports this room.
"""
