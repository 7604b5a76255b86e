"""The sampler `cosmicnet.ImportanceSampler`: independent draws with weights.

Nothing here may know CLASS or networks: any likelihood of Cobaya will do.
"""
