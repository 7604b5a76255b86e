"""`cosmicnet compare`: a user's own input by networks, by full CLASS and with CLASS's own line of sight, on one page.

Reads the input, computes and times the three modes, and writes the page. Nothing else imports this room.
"""
