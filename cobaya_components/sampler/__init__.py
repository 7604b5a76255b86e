"""The sampler `cosmicnet.ImportanceSampler`: weighted independent draws."""
