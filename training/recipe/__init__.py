"""What a user writes: the schema of a recipe, its TOML with line numbers, and CLASS's parameter names.

Nothing here computes.
"""
