"""The networks of CosmicNet I by the paper's own recipe: models, fits, the search over hyperparameters, docs/paper.md.

The rest of training does not know them.
"""
