"""One run in both modes: `cosmicnet check`, `cosmicnet reweight`, and their reports."""
