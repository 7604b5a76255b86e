"""`cosmicnet compare`: a user's own input by networks, by full CLASS with the same fast modules, and by full CLASS
alone, on one page.

Reads the input, computes and times the three modes, and writes the page. Only the command line imports this room.
"""
