"""Quantities that CLASS derives before the perturbations and that a recipe limits, such as the acoustic scale.

A domain in H0 and dark energy alone would reach to acoustic scales that nobody has measured, and the networks would
have to learn a sky on which everything lies elsewhere. 100*theta_s is known to 0.0003.
"""
from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cosmicnet.running_class import running_class

from ..work.files import read_json, write_json
from ..work.parallel import progress

__all__ = ["within"]

Point = Mapping[str, Any]
Limits = Mapping[str, tuple[float, float]]

# The file is written after so many new values, and at the end.
VALUES_PER_WRITE = 100


def within(points: Sequence[Point], settings: Point, limits: Limits, cache: Path | None) -> list[bool]:
    """Whether the derived quantities of each point lie within their limits; True where CLASS cannot tell, so that who
    integrates the point says why. Values are kept in the file `cache`, 0.1 s each."""
    if not limits:
        return [True] * len(points)
    known = _read(cache)
    # CLASS's equations may be the user's own
    digest = running_class().source_digest
    keys = [json.dumps([sorted(limits), settings, point, digest], sort_keys=True) for point in points]
    new = [i for i, key in enumerate(keys) if key not in known]
    if new:
        with progress("choosing models", len(new)) as advance:
            for count, i in enumerate(new, start=1):
                known[keys[i]] = _derive({**settings, **points[i]}, sorted(limits))
                if count % VALUES_PER_WRITE == 0 or count == len(new):
                    _write(cache, known)
                advance()
    bounds = [limits[name] for name in sorted(limits)]
    return [all(math.isnan(value) or low <= value <= high
                for value, (low, high) in zip(known[key], bounds, strict=True)) for key in keys]


def _derive(parameters: Point, names: list[str]) -> list[float]:
    from classy import Class, CosmoComputationError

    cosmology = Class()
    cosmology.set(dict(parameters))
    try:
        cosmology.compute(["thermodynamics"])
        values = cosmology.get_current_derived_parameters(names)
    except CosmoComputationError:
        return [math.nan] * len(names)
    finally:
        cosmology.struct_cleanup()
    return [float(values[name]) for name in names]


def _read(cache: Path | None) -> dict[str, list[float]]:
    # a damaged file costs its values once more
    with suppress(OSError, ValueError, KeyError, TypeError):
        if cache is not None:
            return dict(read_json(cache)["values"])
    return {}


def _write(cache: Path | None, values: Mapping[str, list[float]]) -> None:
    if cache is None:
        return
    cache.parent.mkdir(parents=True, exist_ok=True)
    write_json(cache, {"values": values})
