"""The accuracy by which `cosmicnet make` decides whether to add models."""
from __future__ import annotations

from pathlib import Path

from cosmicnet.manifest import Manifest

from ..models.plan import Plan
from ..recipe.schema import MAKE_SEED
from ..work.parallel import ended, progress, single_threaded_pool
from ..work.run_class import networks_on
from .accuracy import Distribution, wishart_chi2
from .domain import unseen_points
from .evaluate import compute_pair, pair_of, require_most

__all__ = ["unseen_chi2"]


def unseen_chi2(manifest: Manifest, networks: Path, number: int, plan: Plan) -> float:
    """The Wishart chi2 of TT, TE and EE (l to 2508) below which 95% of `number` unseen models are.

    A model counts as infinitely far if networks give TE^2 > TT EE or do not cover it, because a derived quantity is far
    from the guard's prediction. Models that full CLASS cannot compute are left out, at most a tenth (CosmicnetError).

    Full CLASS is computed once for all rounds, and kept in the work folder.
    """
    cache = plan.unseen.resolve()
    approximation = networks_on(str(networks.resolve()))
    points = unseen_points(manifest, number, MAKE_SEED)
    chi2 = []
    with progress("unseen models, full CLASS and networks", number) as advance, \
            single_threaded_pool(plan.processes, plan.scheduler) as pool:
        for _, future in ended({pool.submit(compute_pair, point, approximation, cache): i
                                for i, point in enumerate(points)}):
            if pair := pair_of(future.result()):
                chi2.append(wishart_chi2(pair.full, pair.net))
            advance()
    require_most(len(chi2), number, "domain")
    return Distribution.of(chi2).percentile_95
