"""A named set from what runs have learned, for use without an error of every point.

The networks stay as they are. Their domain becomes the part in which the stated error is below the limit to which
learning runs hold themselves; the audits tell what the error was at models that the networks did not know.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cosmicnet.errors import CosmicnetError
from cosmicnet.manifest import Manifest
from cosmicnet.region import Ellipsoid
from cosmicnet.store import load_network_set, save_network_set

from .calibration import Calibration
from .chain_model import read_chain_model, unreported
from .folder import CALIBRATION, IDENTITY, Learned
from .learner import TOLERANCE
from .summary import bounded_share

__all__ = ["install_learned"]

# Directions from the middle and steps outwards at which the stated error is looked at.
DIRECTIONS, STEPS, SEED = 200, 20, 4


def install_learned(folder: Path, name: str, output: Path) -> Manifest:
    """Write the newest networks of a learning run's folder as the set `name`.

    CosmicnetError where there are none or of several kinds, where their error is too large, where they depend on a
    parameter that CLASS does not report, and for damaged files.
    """
    part = _only_part(folder)
    try:
        learned = Learned.of(part)
        newest = learned.newest_networks()
        if newest is None:
            raise CosmicnetError(f"{part}: no networks yet; {len(learned.models())} models were kept")
        _require_reported(learned)
        networks, calibration = load_network_set(newest), Calibration.read(newest / CALIBRATION)
    except ValueError as error:
        raise CosmicnetError(f"{part} cannot be used: {error}") from error
    whole = Ellipsoid.from_json(networks.manifest.ellipsoid)
    ellipsoid = replace(whole, sigmas=_reach(whole, calibration))
    if not ellipsoid.sigmas > 0.0:
        stated = calibration.chi2_in_the_middle()
        raise CosmicnetError(f"{part}: the stated error is {stated:.2g} in chi2 in the middle of the models, and the "
                             f"limit is {TOLERANCE}: more models are needed")
    half = ellipsoid.sigmas * np.sqrt(np.diag(ellipsoid.covariance))
    domain = {of: (float(m - h), float(m + h)) for of, m, h in zip(ellipsoid.names, ellipsoid.mean, half, strict=True)}
    manifest = replace(
        networks.manifest, name=name, description=f"learned from {int(newest.name)} models of runs", domain=domain,
        ellipsoid=ellipsoid.to_json(), recipe={
            "models_used": int(newest.name), "learned": part.name, "stated_error": TOLERANCE,
            "audits": _audits(list(learned.audits().values()))})
    return save_network_set(output, replace(networks, manifest=manifest))


def _only_part(folder: Path) -> Path:
    if (folder / IDENTITY).exists():
        return folder
    parts = sorted(path.parent for path in folder.glob(f"*/{IDENTITY}"))
    learned = [part for part in parts if next(part.glob(f"networks/*/{CALIBRATION}"), None)]
    if len(learned) == 1:
        return learned[0]
    raise CosmicnetError(f"{folder}: {'networks of several kinds' if learned else 'no networks yet'}; give one of the "
                         f"folders there: {', '.join(part.name for part in parts) or 'there are none'}")


def _require_reported(learned: Learned) -> None:
    """CosmicnetError if models have parameters that a request does not show: any value would be covered."""
    first = next(iter(learned.models()), None)
    if first is None:
        raise CosmicnetError(f"{learned.folder}: the models are gone, and with them what CLASS reported of them")
    if names := unreported(read_chain_model(first)):
        raise CosmicnetError(
            f"{learned.folder}: CLASS does not report {', '.join(names)}, so that a set would be used for any value of "
            "it. Learning runs can use these networks; for a set, add it to cosmicnet_list_setup() in class_state.h "
            "(docs/retrain.md) and learn again")


def _reach(ellipsoid: Ellipsoid, calibration: Calibration) -> float:
    """The number of standard deviations up to which the stated error is below the limit in all directions; 0 if it is
    not in the middle."""
    directions = np.random.default_rng(SEED).normal(size=(DIRECTIONS, len(ellipsoid.names)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    offsets = directions @ np.linalg.cholesky(ellipsoid.covariance).T
    reached = 0.0
    for sigmas in np.linspace(0.0, ellipsoid.sigmas, STEPS + 1)[1:]:
        rows = ellipsoid.mean + sigmas * offsets
        # written so that NaN is too large
        if not all(calibration.chi2(dict(zip(ellipsoid.names, row, strict=True))) <= TOLERANCE for row in rows):
            break
        reached = float(sigmas)
    return reached


def _audits(audits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    errors = [float(audit["chi2"]) for audit in audits]
    return {"number": len(errors), "median_chi2": float(np.median(errors)), "largest_chi2": max(errors),
            "bounded": bounded_share(audits)}
