"""The likelihood `cosmicnet.EmbeddedCMB`, whose data come with the package.

Nothing is downloaded, and the spectra may come from any theory component.
"""
