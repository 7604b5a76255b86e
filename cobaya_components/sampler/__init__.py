"""The sampler `cosmicnet.ImportanceSampler`: independent draws with weights."""
