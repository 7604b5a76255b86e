"""The likelihood `cosmicnet.EmbeddedCMB`, which needs no data files."""
