"""A user's recipe: the schema of one level, TOML with line numbers, and CLASS's parameter names. Recipes of two levels
and of the paper have their schemas in their own rooms.

Nothing here may run CLASS, or read a model.
"""
