"""Recipes of one level of fidelity: flat space, a box or an ellipsoid of CLASS's parameters, dense layers.

Code that recipes of two levels need as well belongs in models/ or fields/.
"""
