"""Tools of every step: parallel workers, files written whole, digests, Keras set up, CLASS run and its spectra kept.

Nothing here may know a recipe, a field or a network.
"""
