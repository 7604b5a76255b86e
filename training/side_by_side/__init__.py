"""`cosmicnet compare`: a user's own input by networks, by full CLASS with the same fast modules, and by full CLASS
alone, on one page.

Accuracy over a domain belongs in evaluate/, that of a run's likelihoods in cobaya_components/compare/.
"""
