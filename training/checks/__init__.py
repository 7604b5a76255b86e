"""What can be wrong with a recipe, found before anything is integrated, and what it will cost."""
