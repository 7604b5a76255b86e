"""One run with networks and with full CLASS: `cosmicnet check`, `cosmicnet reweight` and its report."""
