"""The networks of CosmicNet I by the paper's own recipe: plan, fits, the search over hyperparameters, docs/paper.md.

Only the command line may import this room; the runtime of these networks is in `cosmicnet/paper`.
"""
