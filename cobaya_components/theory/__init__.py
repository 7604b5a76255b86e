"""The theory component `cosmicnet.Cosmicnet`, its defaults, proposal covariances and checks of a run's prior."""
