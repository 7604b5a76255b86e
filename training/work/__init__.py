"""Tools of every step: parallel workers, files written whole, digests of code, Keras set up, spectra from classy.

Nothing here knows a recipe or a network.
"""
