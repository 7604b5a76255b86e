"""The likelihood `cosmicnet.EmbeddedCMB`, whose data come with the package.

Nothing here may download. The spectra may come from any theory component.
"""
