"""Errors and warnings, by the action that they require from the user."""
from __future__ import annotations

__all__ = ["CosmicnetError", "CosmicnetWarning", "NetworkFileError", "NeverCovered", "NotCovered"]


class CosmicnetError(Exception):
    """Base of all errors raised by cosmicnet.

    By `this_cosmology_only` the shim in classy decides whether to raise CosmoComputationError (a
    sampler may go on to the next point) or CosmoSevereError (the run has to stop).
    """

    this_cosmology_only = False


class NotCovered(CosmicnetError):
    """The networks do not cover this request: a parameter, a setting or an output is outside."""

    this_cosmology_only = True


class NeverCovered(NotCovered):
    """No cosmology brings this set-up into the domain of any set: a run has to stop."""

    this_cosmology_only = False


class NetworkFileError(CosmicnetError):
    """A network folder is missing, incomplete, damaged, or written by another format version."""


class CosmicnetWarning(UserWarning):
    """The networks were switched on but CLASS integrated the equations instead."""

    # read where warnings are turned into errors
    this_cosmology_only = True
