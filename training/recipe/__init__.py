"""A user's recipe: its schema, its TOML with line numbers, and CLASS's parameter names.

Nothing here may run CLASS, or read a model.
"""
