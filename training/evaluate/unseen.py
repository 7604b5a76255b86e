"""The accuracy by which `cosmicnet make` decides whether to add models."""
from __future__ import annotations

from pathlib import Path

from cosmicnet.manifest import Manifest

from ..models.plan import Plan
from ..recipe.schema import MAKE_SEED
from ..work.run_class import networks_on
from .accuracy import Distribution, wishart_chi2
from .domain import unseen_points
from .evaluate import compute_pairs, require_most

__all__ = ["unseen_chi2"]


def unseen_chi2(manifest: Manifest, folder: Path, number: int, plan: Plan) -> float:
    """The Wishart chi2 of TT, TE and EE (l to 2508) below which 95% of `number` unseen models are.

    A model counts as infinitely far if networks give TE^2 > TT EE or do not cover it, because a derived quantity is far
    from the guard's prediction. Models that full CLASS cannot compute are left out, at most a tenth (CosmicnetError).

    Full CLASS is computed once for all rounds, and kept in the work folder.
    """
    points = dict(enumerate(unseen_points(manifest, number, MAKE_SEED)))
    pairs = compute_pairs("unseen models, full CLASS and networks", points, networks_on(str(folder.resolve())),
                          plan.unseen, plan.processes, plan.scheduler)
    require_most(len(pairs), number, "domain")
    return Distribution.of([wishart_chi2(pair.full, pair.net) for pair in pairs.values()]).percentile_95
