"""The likelihood `cosmicnet.EmbeddedCMB`, whose data come with the package."""
