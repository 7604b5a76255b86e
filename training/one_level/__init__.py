"""Recipes of one level of fidelity: flat space, a box or an ellipsoid of CLASS's parameters, dense layers.

The other kind of recipe is in two_levels/; what both share is in models/ and fields/.
"""
