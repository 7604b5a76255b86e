"""The sampler `cosmicnet.ImportanceSampler`: independent draws with weights.

It knows neither CLASS nor networks: any likelihood of Cobaya will do.
"""
